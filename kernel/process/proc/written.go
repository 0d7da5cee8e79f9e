// PAGEMAP_SCAN of memory that is tracked by userfaultfd(2) in its asynchronous mode:
// which pages were written to since they were protected last.

package proc

import (
	"errors"

	"golang.org/x/sys/unix"
)

const (
	pageIsTracked = 1 << 0 // PAGE_IS_WPALLOWED
	pageIsWritten = 1 << 1
	pageIsHuge    = 1 << 6

	scanProtects = 1 << 0 // PM_SCAN_WP_MATCHING
)

// Rearm returns which pages of [start,end) that are there were written to since it
// was called before, and protects them again, all at one moment for each. It does not
// look at what is not there, since to protect that would take page tables for it. Nor
// does it touch guards: where they can't be told, what is swapped out is left alone.
func (p *Pagemap) Rearm(start, end uint64) (written []Run, err error) {
	arg := pmScanArg{flags: scanProtects, start: start, end: end, anyOf: pageIsPresent, returnMask: pageIsWritten}
	arg.inverted = pageIsPfnZero
	if p.guards {
		arg.inverted |= pageIsGuard
		arg.anyOf |= pageIsSwapped
	}
	arg.mask = arg.inverted | pageIsTracked | pageIsWritten
	err = p.walk(&arg, func(r pageRegion) { written = join(written, Run{r.start, r.end}) })
	if errors.Is(err, unix.EINVAL) && p.guards {
		p.guards = false // a category that it does not know
		return p.Rearm(start, end)
	}
	return written, err
}

// Tracked is what is found in a range of memory that is tracked.
type Tracked struct {
	Scan
	Written []Run  // those of Pages that were written to since
	Lost    bool   // some of Pages are not tracked any more, or never were
	Huge    uint64 // bytes of Pages in huge pages
}

// Tracked looks for all there is in [start,end), and protects nothing.
func (p *Pagemap) Tracked(start, end uint64) (t Tracked, err error) {
	arg := pmScanArg{
		start: start, end: end, mask: pageIsPfnZero, inverted: pageIsPfnZero, anyOf: pageIsPresent | pageIsSwapped,
		returnMask: pageIsTracked | pageIsWritten | pageIsSwapped | pageIsHuge,
	}
	if p.guards {
		arg.returnMask |= pageIsGuard
	}
	err = p.walk(&arg, t.found)
	if errors.Is(err, unix.EINVAL) && p.guards {
		p.guards = false // a category that it does not know
		return p.Tracked(start, end)
	}
	return t, err
}

// Append adds what was found in a range that comes behind.
func (t *Tracked) Append(next *Tracked) {
	t.Pages = joinAll(t.Pages, next.Pages)
	t.Swapped = joinAll(t.Swapped, next.Swapped)
	t.Guards = joinAll(t.Guards, next.Guards)
	t.Written = joinAll(t.Written, next.Written)
	t.Lost = t.Lost || next.Lost
	t.Huge += next.Huge
}

func joinAll(runs, next []Run) []Run {
	if len(next) == 0 {
		return runs
	}
	return append(join(runs, next[0]), next[1:]...)
}

func (t *Tracked) found(r pageRegion) {
	run := Run{r.start, r.end}
	guard := r.categories&pageIsGuard != 0
	t.add(run, r.categories&pageIsSwapped != 0, guard)
	if guard {
		return
	}
	if r.categories&pageIsTracked == 0 {
		t.Lost = true
	}
	if r.categories&pageIsWritten != 0 {
		t.Written = join(t.Written, run)
	}
	if r.categories&pageIsHuge != 0 {
		t.Huge += r.end - r.start
	}
}
