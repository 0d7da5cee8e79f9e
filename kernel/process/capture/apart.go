// What was copied before, or is in the twin of another who has the same memory, is kept
// apart from the fork, while the program is stopped.
//
// The calls for that are in the list in which the fork is one: a mapping is kept from
// it (MADV_DONTFORK), and is for the next one again (MADV_DOFORK) a moment later, also
// if this process dies in between. Its first pages are for this fork too. By these the
// twin tells whether the program itself had asked for something like it meanwhile,
// which no kernel tells without a look at every page. And so is what the kernel itself
// has to find in memory for the twin to run.

package capture

import (
	"errors"
	"fmt"
	"runtime"
	"slices"
	"sync"

	"snappipe/kernel/process/proc"
	"snappipe/kernel/process/ptrace"
	"snappipe/kernel/process/world"

	"golang.org/x/sys/unix"
)

// apart is such a mapping.
type apart struct {
	start, head, tail, end uint64 // from head to tail, the twin lacks it
	joined                 bool   // it is for forks again
}

// apartOf is how a mapping is kept from the fork, and whether any of it can be.
func (c *member) apartOf(m *proc.Map) (a apart, ok bool) {
	const mask = world.HugePage - 1 // huge pages are not to be split
	a = apart{start: m.Start, head: min((m.Start+world.HugePage)&^mask, m.End), tail: m.End, end: m.End}
	for _, r := range c.frozen.lead.RseqMemory() {
		if r.End <= a.head || r.Start >= a.tail {
			continue
		}
		below, above := max(r.Start&^mask, a.head), min((r.End+mask)&^mask, a.tail)
		if below-a.head > a.tail-above {
			a.tail = below
		} else {
			a.head = above
		}
	}
	return a, a.head < a.tail
}

// copyRest copies what was written to since the last round, now that nothing is.
func (c *member) copyRest() error {
	if !c.ownsMemory() {
		c.leaveOut()
		return nil
	}
	p := c.precopied
	if p == nil || c.lends {
		return nil
	}
	pagemap, err := proc.OpenPagemap(c.pid) // of what it executes now
	if err != nil {
		return err
	}
	defer pagemap.Close()
	for i := range c.frozen.maps {
		m := &c.frozen.maps[i]
		a := p.area(m)
		if a == nil || a.forked {
			continue
		}
		if old, known := c.flagsOf(m); !known || !plainMemory(&old) {
			continue
		}
		if err := c.keepApart(m, a, pagemap); err != nil {
			c.o.Report(fmt.Sprintf("pre-copy: %x-%x of %s is kept by a fork: %v", m.Start, m.End, c.object(), err))
		}
	}
	return nil
}

// leaveOut keeps large mappings from the fork of a process whose memory the twin of another
// has: to make page tables once more is most of what that would take.
func (c *member) leaveOut() {
	for i := range c.frozen.maps {
		m := &c.frozen.maps[i]
		a, ok := c.apartOf(m)
		if old, known := c.flagsOf(m); ok && known && plainMemory(&old) && m.End-m.Start >= least {
			c.apart = append(c.apart, a)
		}
	}
}

// keepApart makes the copy of a mapping whole, or says why a fork is to keep that.
func (c *member) keepApart(m *proc.Map, a *area, pagemap *proc.Pagemap) error {
	without, ok := c.apartOf(m)
	t, err := lookTogether(pagemap, m)
	switch {
	case err != nil:
		return err
	case !ok:
		return errors.New("little of it is left")
	case t.Lost:
		return errors.New("it was moved or mapped anew")
	case len(t.Swapped) > 0 && !pagemap.TellsGuards():
		return errors.New("its guard pages can't be told from what is swapped out")
	}
	written := proc.Union(t.Written, proc.Common(t.Pages, a.written))
	if copyCost(float64(size(written))) > forkCost(&t) {
		return errors.New("it was written to faster than it could be copied")
	}
	if c.o.Fault != FaultStale {
		for _, r := range written {
			if err := a.read(c.mem, r); err != nil {
				return err
			}
		}
	}
	c.copied.rest += size(written)
	c.apart = append(c.apart, without)
	pieces := make([]piece, len(t.Pages))
	for i, r := range t.Pages {
		pieces[i] = piece{r.Start, r.End, true, a.at + (r.Start - a.Start)}
	}
	c.kept[m.Start], c.guards[m.Start] = pieces, t.Guards
	return nil
}

// lookTogether looks at a mapping from several processors, since that is most of what
// the program has to wait for.
func lookTogether(pagemap *proc.Pagemap, m *proc.Map) (all proc.Tracked, err error) {
	// By the first look the pagemap learns what this kernel tells.
	if _, err := pagemap.Tracked(m.Start, m.Start+world.Page); err != nil {
		return all, err
	}
	parts := make([]proc.Tracked, runtime.GOMAXPROCS(0))
	errs := make([]error, len(parts))
	size := ((m.End-m.Start)/uint64(len(parts)) + world.HugePage) &^ (world.HugePage - 1)
	var looks sync.WaitGroup
	for i := range parts {
		start := min(m.Start&^(world.HugePage-1)+uint64(i)*size, m.End)
		end := min(start+size, m.End)
		looks.Go(func() { parts[i], errs[i] = pagemap.Tracked(max(start, m.Start), end) })
	}
	looks.Wait()
	for i := range parts {
		all.Append(&parts[i])
	}
	return all, errors.Join(errs...)
}

// aroundFork are the calls before and behind the fork.
func (c *member) aroundFork() (before, behind []ptrace.Call) {
	for _, a := range c.apart {
		before = append(before, a.call(unix.MADV_DONTFORK))
		behind = append(behind, a.call(unix.MADV_DOFORK))
	}
	return before, behind
}

func (a *apart) call(advice uint64) ptrace.Call {
	return ptrace.Call{Nr: unix.SYS_MADVISE, Args: [6]uint64{a.head, a.tail - a.head, advice}}
}

// joinAgain has the calls behind the fork be made, which is call number fork of the
// list. What could not be kept from the fork, the twin has.
func (c *member) joinAgain(p *ptrace.Programs, fork int) error {
	if len(c.apart) == 0 {
		return nil
	}
	fault := c.fault(FaultApart)
	err := c.frozen.group.RunRest(p, c.frozen.lead)
	n := len(c.apart)
	for i := range c.apart {
		_, failed := p.Returned(0, fork+1+i)
		c.apart[i].joined = err == nil && failed == nil
	}
	for i := n - 1; i >= 0; i-- {
		if _, failed := p.Returned(0, fork-n+i); failed != nil && c.apart[i].joined {
			delete(c.kept, c.apart[i].start)
			delete(c.guards, c.apart[i].start)
			c.apart = slices.Delete(c.apart, i, i+1)
		}
	}
	return errors.Join(err, fault)
}

// settleApart does what joinAgain could not, and has what the program itself had kept
// from forks be so again.
func (c *member) settleApart(call *ptrace.Caller) (err error) {
	if len(c.apart) == 0 {
		return nil
	}
	has := func(uint64) bool { return true }
	if c.twin != nil {
		twins, e := proc.Maps(c.twin.PID)
		err = e
		has = func(at uint64) bool { return covering(twins, at) >= 0 }
	}
	for i := range c.apart {
		a := &c.apart[i]
		advice := uint64(unix.MADV_DOFORK)
		if err == nil && !has(a.start) {
			advice = unix.MADV_DONTFORK
			c.noteFlag(a, "dc")
		} else if a.joined {
			continue
		}
		if _, e := call.Call(unix.SYS_MADVISE, a.head, a.tail-a.head, advice); e != nil {
			err = errors.Join(err, fmt.Errorf("its mapping %x-%x is not for a fork any more: %w", a.start, a.end, e))
		}
	}
	return err
}

// noteFlag adds to what is known of the flags of a mapping.
func (c *member) noteFlag(a *apart, flag string) {
	if m, ok := c.before.maps[a.start]; ok {
		m.VMFlags += " " + flag
		c.before.maps[a.start] = m
	}
	if m, ok := c.before.ends[a.end]; ok {
		m.VMFlags += " " + flag
		c.before.ends[a.end] = m
	}
}

// covering is the index of the mapping that an address is in, or -1.
func covering(maps []proc.Map, at uint64) int {
	return slices.IndexFunc(maps, func(m proc.Map) bool { return m.Start <= at && at < m.End })
}

// headEnd is up to where the twin has a mapping.
func (c *member) headEnd(m *proc.Map) uint64 {
	for _, a := range c.apart {
		if a.start == m.Start {
			return a.head
		}
	}
	return m.End
}

// takeHead believes the twin's beginning of a mapping more than the survey. What
// became memory to be wiped in a fork is not kept.
func (c *member) takeHead(m, twins *proc.Map) {
	if c.headEnd(m) == m.End {
		return
	}
	take(m, twins)
	if m.Has("wf") {
		c.kept[m.Start] = []piece{}
	}
}
