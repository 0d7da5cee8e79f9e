// Letting stopped threads go: as they were, whatever calls were made in their
// name, and so that they go on by themselves should the tracer die.

package ptrace

import (
	"encoding/binary"
	"maps"
	"slices"
	"time"

	"golang.org/x/sys/unix"
)

// Settle takes a thread that made calls by c from the exit of the last one, from
// which it would be led back by itself, to a stop from which it can be released: one in the kernel's signal code, which
// on the way out acts on the -ERESTART that may be in the registers. Detached
// from elsewhere, the program would see that number.
func (g *Group) Settle(s *Stopped, c *Caller) error {
	g.withheld |= c.Withheld
	if err := s.redispatch(); err != nil {
		return err
	}
	// The interrupt comes before any signal that the mask now lets through
	// (kernel/signal.c: get_signal).
	for _, step := range []func() error{
		s.Thread.Interrupt,
		func() error { return s.Thread.SetSigMask(s.Mask) },
		func() error { return s.Thread.SetRegs(&s.Regs) },
		func() error { return s.Thread.Cont(0) },
	} {
		if err := step(); err != nil {
			return gone(err)
		}
	}
	g.stopAfter = time.Now().Add(time.Second)
	if err := g.await([]*Stopped{s}); err != nil {
		return err
	}
	if err := s.leaveLanding(); err != nil {
		return err
	}
	s.moved = s.RseqCS != 0 // which is all that is left to be restored
	return nil
}

// Restore puts everything back and keeps the threads stopped. A thread that
// ended is no error.
func (g *Group) Restore(mem *Memory) error {
	var first error
	for _, s := range g.Threads {
		if !s.moved {
			continue
		}
		err := s.restore(mem)
		if err = errUnlessGone(err, "restoring thread %d of process %d", int(s.Thread), g.PID); err != nil && first == nil {
			first = err
		}
	}
	return first
}

// Release restores all threads and lets them go.
func (g *Group) Release(mem *Memory) error {
	first := g.Restore(mem)
	if err := g.letGo(); first == nil {
		first = err
	}
	return first
}

// letGo lets all threads go, which were restored.
func (g *Group) letGo() (first error) {
	// Who was at work goes on first; who waits for something can wait a little
	// longer.
	slices.SortStableFunc(g.Threads, func(a, b *Stopped) int { return a.Regs.idle() - b.Regs.idle() })
	ended := false
	for _, s := range g.Threads {
		err := s.Thread.Detach(0)
		ended = ended || gone(err) == ErrGone
		if err = errUnlessGone(err, "releasing thread %d of process %d", int(s.Thread), g.PID); err != nil && first == nil {
			first = err
		}
	}
	if ended {
		g.reap(time.Second)
	}
	for _, sig := range []unix.Signal{unix.SIGSYS, unix.SIGSTOP} {
		if g.withheld.has(sig) {
			unix.Kill(g.PID, sig)
		}
	}
	g.Threads = nil
	return first
}

// abandon lets threads go that may not have stopped. Those that do not until then are
// let go when the tracer ends.
func (g *Group) abandon(until time.Time) error {
	for i, some := range g.unasked {
		if err := g.interrupt(some); err != nil {
			return err
		}
		g.waiting, g.unasked[i] = append(g.waiting, some...), nil
	}
	for begun := time.Now(); len(g.waiting) > 0 && time.Now().Before(until); nap(time.Since(begun)) {
		if err := g.pollAll(); err != nil {
			break // of what has ended
		}
	}
	return g.Release(nil)
}

// reap waits for the ends of threads that were killed while they were traced, of
// which the process's own parent does not hear before. It reports whether none is
// left of those that are traced.
func (g *Group) reap(limit time.Duration) bool {
	left := slices.Sorted(maps.Keys(g.seized))
	for begun := time.Now(); ; nap(time.Since(begun)) {
		left = slices.DeleteFunc(left, func(tid int) bool {
			s, ok, err := Thread(tid).tryWait()
			return err != nil || ok && s.Over()
		})
		if len(left) == 0 || time.Since(begun) > limit {
			return len(left) == 0
		}
	}
}

func (s *Stopped) restore(mem *Memory) error {
	if s.RseqCS != 0 {
		var b [8]byte
		binary.LittleEndian.PutUint64(b[:], s.RseqCS)
		if err := mem.Write(b[:], s.Rseq.Address+rseqCS); err != nil {
			return err
		}
	}
	// In this order, for the tracer may die in between: before it has its
	// registers back, a thread still restores both by itself; and before it has its
	// mask back, it has a stack on which a handler can run.
	if err := s.goHome(); err != nil {
		return err
	}
	if err := s.Thread.SetSigMask(s.Mask); err != nil {
		return err
	}
	if err := s.redispatch(); err != nil {
		return err
	}
	if err := s.Thread.SetRegs(&s.Regs); err != nil {
		return err
	}
	s.moved, s.home = false, home{}
	return s.leaveLanding()
}
