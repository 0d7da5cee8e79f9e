// Pre-copy: most of a program's memory is copied while it runs, so that for the moment
// that the image is of there is left what it has written to since.
//
// Of that memory the fork makes no copy of the page tables, which is what it takes its
// time for: while it is made, all but the beginning of such a mapping is not for a fork
// (MADV_DONTFORK). What the twin then lacks is taken from the copy, which lies in the
// store. All the rest comes by the fork, as ever: what is mapped anew, shared or of
// files; what is moved or protected otherwise meanwhile; and what the program writes to
// faster than it could be copied. So the image is the same, and nothing that can fail
// here keeps it from being taken.
//
// What a page holds in the copy is what it held when it was stopped: a page that was
// written to after it was protected is told of by the next look, wherever in between it
// was copied. What comes past the page tables is not noticed: see direct.

package capture

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"snappipe/kernel/process/proc"
	"snappipe/kernel/process/ptrace"
	"snappipe/kernel/process/sys"
	"snappipe/kernel/process/world"

	"golang.org/x/sys/unix"
)

const (
	// rounds is how often is looked for what was written, before the last look.
	rounds = 3
	// least is how much memory a mapping has to have for this to be worth it.
	least = 4 << 20
	// atOnce is how much the kernel is asked to look through or to change at once,
	// meanwhile the program can't map or unmap anything: a millisecond's worth.
	atOnce = 64 << 20
	// spare is memory that is left to whatever else there is, so that the kernel need not
	// kill anybody for the sake of the copy.
	spare = 64 << 20
)

// precopy is the memory of a process that is tracked.
type precopy struct {
	faults  int // userfaultfd
	pagemap *proc.Pagemap
	areas   []*area
	since   time.Time // when what was written before was protected
}

// area is a mapping that is tracked, or what is left of it.
type area struct {
	proc.Run
	at      uint64     // where the copy begins, in the store
	copy    []byte     // that
	written []proc.Run // what is to be copied
	fork    float64    // what it costs to fork what it has, as last looked at
	forked  bool       // it is not to be copied any more
}

// precopy copies what there is.
func (t *tree) precopy() error {
	if !t.o.Precopy {
		return nil
	}
	if err := sys.CanTrack(); err != nil {
		t.o.Warn(fmt.Sprintf("--precopy: this kernel can't track what is written to, as Linux 6.7 and later can: %v; a fork keeps all memory", err))
		return nil
	}
	for _, c := range t.members {
		err := t.beginPrecopy(c)
		if errors.Is(err, ptrace.ErrWontStop) {
			return c.explain(err) // it might stop at any moment, and stand still for all that follows
		}
		c.orFork(err)
	}
	for round := range rounds {
		for _, c := range t.members {
			if round == rounds-1 {
				c.lookAgain()
			}
			if err := c.copyRound(); err != nil {
				return err
			}
		}
	}
	return t.fault(FaultPrecopied)
}

// orFork gives up the pre-copy of a process for a reason.
func (c *member) orFork(reason error) {
	if reason != nil {
		c.o.Report(fmt.Sprintf("pre-copy: %s is kept by a fork: %v", c.object(), reason))
		c.endPrecopy()
	}
}

// beginPrecopy has the memory of a process tracked.
func (t *tree) beginPrecopy(c *member) error {
	if c.lends || !c.ownsMemory() {
		return errors.New("several processes have its memory")
	}
	areas, bytes := c.largeMaps()
	if len(areas) == 0 {
		return errors.New("it has no large mappings of small pages")
	}
	if c.before.status.Int("Seccomp") != 0 {
		return errors.New("it runs under seccomp, which may not let it call userfaultfd(2)")
	}
	if free, err := proc.AvailableMemory(); err != nil || t.promised+bytes+spare > free {
		return errors.Join(err, fmt.Errorf("a copy of %d bytes needs more memory than there is", bytes))
	}
	t.promised += bytes
	fd, err := c.openTracker()
	if err != nil {
		return err
	}
	p := &precopy{faults: fd}
	c.precopied = p
	t.tracked = append(t.tracked, c)
	if p.pagemap, err = proc.OpenPagemap(c.pid); err != nil {
		return err
	}
	for _, r := range areas {
		if sys.Track(fd, r.Start, r.End-r.Start) != nil {
			continue // it has changed since, or somebody else does so
		}
		a := &area{Run: r}
		if a.at, a.copy, err = c.store.Reserve(int64(r.End - r.Start)); err != nil {
			return err
		}
		p.areas = append(p.areas, a)
	}
	return nil
}

// largeMaps are the mappings that are worth it, and how much memory those have. Huge pages
// are not: a fork takes 3 ms for each GiB of them, where what is tracked is split as soon as
// it is written to, and then takes the fork as long as other memory, if it has to be left
// to that in the end.
func (c *member) largeMaps() (all []proc.Run, bytes uint64) {
	for _, m := range c.before.maps {
		if m.Rss+m.Swap >= least && m.Huge <= m.Rss/2 && plainMemory(&m) {
			all = append(all, proc.Run{Start: m.Start, End: m.End})
			bytes += m.Rss + m.Swap
		}
	}
	slices.SortFunc(all, func(a, b proc.Run) int { return cmp.Compare(a.Start, b.Start) })
	return all, bytes
}

// plainMemory reports whether a mapping, of which the flags are known, is memory of
// which nothing is special. Code is: the kernel may look there for the signature of a
// restartable sequence (kernel/rseq.c: rseq_get_rseq_cs) when the twin runs.
func plainMemory(m *proc.Map) bool {
	const readWrite = unix.PROT_READ | unix.PROT_WRITE
	plain := !m.Shared && !m.File() && !m.Kernel() && m.Path != "/dev/zero" && m.Prot == readWrite && m.Key == 0
	for _, flag := range []string{
		"dc", "wf", // not for a fork, or wiped in it
		"gd", "sl", // grows downwards, sealed
	} {
		plain = plain && !m.Has(flag)
	}
	return plain
}

// copyRound copies what was written to since the one before. Of an error it knows only
// that nobody wants the image any more; for all others there is the fork.
func (c *member) copyRound() error {
	p := c.precopied
	if p == nil {
		return nil
	}
	last := p.since
	p.since = time.Now()
	err := p.protect()
	if err == nil {
		err = c.checkDirect()
	}
	var found []uint64
	for _, a := range p.areas {
		found = append(found, size(a.written))
		if err == nil {
			err = c.copyWritten(a)
		}
	}
	if errors.Is(err, ErrCancelled) {
		return err
	}
	c.orFork(err)
	if err == nil {
		c.leaveFast(found, float64(time.Since(p.since))/float64(p.since.Sub(last)))
	}
	return nil
}

// protect finds what was written to, and protects it.
func (p *precopy) protect() error {
	for _, a := range p.areas {
		if a.forked {
			continue
		}
		err := a.inParts(func(r proc.Run) error {
			written, err := p.pagemap.Rearm(r.Start, r.End)
			a.written = append(a.written, written...)
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// inParts calls f for one part after the other, none of which begins or ends within a
// huge page, which would be split.
func (a *area) inParts(f func(proc.Run) error) error {
	for at := a.Start; at < a.End; {
		r := proc.Run{Start: at, End: min((at+atOnce)&^(world.HugePage-1), a.End)}
		if err := f(r); err != nil {
			return err
		}
		at = r.End
	}
	return nil
}

// copyWritten copies that. What can't be read, since it was unmapped, is left to the
// next round.
func (c *member) copyWritten(a *area) error {
	const piece = 16 << 20 // between two looks at whether anybody still wants it
	var left []proc.Run
	for _, r := range a.written {
		for at := r.Start; at < r.End; at += piece {
			if c.o.Cancelled() {
				return ErrCancelled
			}
			part := proc.Run{Start: at, End: min(at+piece, r.End)}
			if err := a.read(c.mem, part); err != nil {
				left = append(left, part)
				continue
			}
			c.copied.before += part.End - part.Start
		}
	}
	a.written = left
	return nil
}

func (a *area) read(mem *ptrace.Memory, r proc.Run) error {
	return mem.Read(a.copy[r.Start-a.Start:r.End-a.Start], r.Start)
}

// leaveFast leaves to the fork what is written to so fast that the copy would take
// longer. Of what was found in this round, the program has written to again by now
// about the part that this round took of the time since the one before.
func (c *member) leaveFast(found []uint64, part float64) {
	for i, a := range c.precopied.areas {
		if again := float64(found[i]) * min(part, 1); a.fork > 0 && copyCost(again) > a.fork {
			a.forked = true
			c.o.Report(fmt.Sprintf("pre-copy: %x-%x of %s is kept by a fork: it is written to faster than it can be copied", a.Start, a.End, c.object()))
		}
	}
}

// What it takes per page while the program is stopped, in nanoseconds: to copy one that
// lies by itself; to fork one, and one that is part of a huge one.
const (
	toCopy     = 1500
	toFork     = 60
	toForkHuge = 3
)

func copyCost(bytes float64) float64 { return toCopy * bytes / world.Page }

func forkCost(t *proc.Tracked) float64 {
	return float64(toFork*(size(t.Pages)-t.Huge)+toForkHuge*t.Huge) / world.Page
}

// lookAgain is for what the survey found long ago by now. If it fails, so will the
// look when the program is stopped, and that one counts.
func (c *member) lookAgain() {
	if c.precopied == nil {
		return
	}
	old := c.before
	if err := c.checkMaps(); err != nil {
		c.before.maps, c.before.ends, c.before.policies = old.maps, old.ends, old.policies
	}
	for _, a := range c.precopied.areas {
		if t, err := c.precopied.pagemap.Tracked(a.Start, a.End); err == nil {
			a.fork = forkCost(&t)
		}
	}
}

// hideTracking takes out of mappings what is not the program's doing.
func (c *member) hideTracking(maps []proc.Map) {
	if !slices.ContainsFunc(maps, func(m proc.Map) bool { return m.Has("uw") }) {
		return
	}
	p := c.tracking()
	if p == nil {
		return
	}
	for i := range maps {
		m := &maps[i]
		if p.area(m) != nil {
			m.VMFlags = strings.Join(slices.DeleteFunc(strings.Fields(m.VMFlags), func(f string) bool { return f == "uw" }), " ")
		}
	}
}

// tracking is that of a member's memory, or nil. It may be another that has that too:
// who was born since it is tracked, as a child of vfork(2).
func (c *member) tracking() *precopy {
	if c.precopied != nil {
		return c.precopied
	}
	for _, d := range c.tracked {
		if order, err := sys.Kcmp(c.pid, d.pid, sys.KcmpVM, 0, 0); d.precopied != nil && err == nil && order == 0 {
			return d.precopied
		}
	}
	return nil
}

// area is the one that a mapping is of, or nil.
func (p *precopy) area(m *proc.Map) *area {
	i := slices.IndexFunc(p.areas, func(a *area) bool { return a.Start <= m.Start && m.End <= a.End })
	if i < 0 {
		return nil
	}
	return p.areas[i]
}

// checkDirect gives up if the program may have a device write to its memory, which
// changes no page table: direct I/O (O_DIRECT of open(2)) that was begun before the
// memory was protected, and ends after it was copied. Its descriptor is open meanwhile.
func (c *member) checkDirect() error {
	open, err := proc.OpenFDs(c.pid)
	if err != nil {
		return err
	}
	defer open.Close()
	fds, err := open.List()
	if err != nil {
		return err
	}
	for _, fd := range fds {
		info, err := open.Info(fd)
		if err != nil || info.Flags&unix.O_DIRECT == 0 {
			continue // closed since
		}
		if link, _, err := open.Link(fd); err == nil && !strings.HasPrefix(link, "pipe:") {
			return fmt.Errorf("its fd %d is for direct I/O, which writes to memory without a trace", fd)
		}
	}
	return nil
}

// endPrecopies ends the tracking of all, of whom some may not be members any more.
func (t *tree) endPrecopies() error {
	for _, c := range t.tracked {
		c.endPrecopy()
	}
	return nil
}

// endPrecopy ends the tracking, little by little: while it ends, the program can't map
// anything. Closing the userfaultfd would do all at once.
func (c *member) endPrecopy() {
	p := c.precopied
	if p == nil {
		return
	}
	c.precopied = nil
	for _, a := range p.areas {
		_ = a.inParts(func(r proc.Run) error {
			_ = sys.Untrack(p.faults, r.Start, r.End-r.Start) // what was unmapped since fails
			return nil
		})
		unix.Munmap(a.copy)
	}
	unix.Close(p.faults)
	if p.pagemap != nil {
		p.pagemap.Close()
	}
}
