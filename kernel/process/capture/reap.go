// Putting away what is left of a snapshot: the zombie of a twin and, of one
// whose agent was killed, memory in the program.

package capture

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"snappipe/kernel/process/proc"
	"snappipe/kernel/process/ptrace"

	"golang.org/x/sys/unix"
)

// ReapAll has a process wait for all twins that it has: at most one, of which
// nobody has heard since its agent was killed at its birth. That one may not have come
// to its name yet; then it is told by the memory for calls, where that was known.
func ReapAll(parent int, area *ptrace.Area) error {
	children, err := proc.Children(parent)
	if err != nil {
		return nil // it has ended
	}
	for _, child := range children {
		unnamed := area != nil && mapped(child, *area) // first: it has a name when it has no memory
		if s, e := proc.ReadStat(child); e == nil && (ptrace.IsTwin(s) || unnamed && s.ExitSignal() == 0) {
			err = errors.Join(err, Reap(parent, child))
		}
	}
	return err
}

// Reap has a process wait for a twin that is dead, or about to be, until that is gone:
// what has just died may be nobody's to wait for yet, and the process busy.
func Reap(parent, twin int) (err error) {
	for begun := time.Now(); time.Since(begun) < cleanLimit; time.Sleep(time.Millisecond) {
		s, gone := proc.ReadStat(twin)
		if gone != nil || s.Parent() != parent {
			return nil
		}
		if s.State() != 'Z' {
			continue
		}
		err = reap(parent, twin, proc.InnerID(twin), func() error { return nil })
		if err != nil && !mayPass(err, begun) {
			return err
		}
	}
	return errors.Join(fmt.Errorf("process %d has not waited for its twin %d", parent, twin), err)
}

// reap makes the call in any of the parent's threads, since all of them can
// wait for the children of each other (wait4(2), __WNOTHREAD). release is
// called when that thread is about to.
func reap(parent, twin, inner int, release func() error) error {
	if s, err := proc.ReadStat(twin); err != nil || s.Parent() != parent {
		return nil // the parent has ended, or it is done
	}
	err := callInAny(parent, func(c *ptrace.Caller) error {
		if err := release(); err != nil {
			return err
		}
		_, err := c.Call(unix.SYS_WAIT4, uint64(inner), 0, unix.WNOHANG|unix.WALL, 0)
		if errors.Is(err, unix.ECHILD) {
			return nil // see Twin.End
		}
		return err
	})
	if err != nil && !errors.Is(err, ptrace.ErrGone) {
		return fmt.Errorf("having process %d wait for its twin %d: %w", parent, twin, err)
	}
	return nil
}

// callInAny stops one thread of a process, of which it is no matter which, and makes
// calls in it.
func callInAny(pid int, calls func(*ptrace.Caller) error) error {
	tids, err := proc.Tasks(pid)
	if err != nil {
		return ptrace.ErrGone
	}
	for _, tid := range tids {
		err = callIn(tid, only(tid), nil, calls)
		if !errors.Is(err, ptrace.ErrWontStop) && !errors.Is(err, ptrace.ErrGone) {
			break
		}
	}
	return err
}

// only lists one thread.
func only(tid int) func() ([]int, error) { return func() ([]int, error) { return []int{tid}, nil } }

// Rescue has all threads of a process be themselves again, when an agent was killed
// that had mapped an area, or nil. Of processes that share memory, which have one
// landing, all are to be before calls are made in any of them.
func Rescue(pid int, area *ptrace.Area) error {
	return patiently(func() error {
		return callIn(pid, func() ([]int, error) { return proc.Tasks(pid) }, area, nil)
	})
}

// patiently tries again with a process that does not stop, as on a busy machine; in
// between it runs. That it has ended is no error.
func patiently(try func() error) error {
	for begun := time.Now(); ; time.Sleep(10 * time.Millisecond) {
		err := try()
		if errors.Is(err, ptrace.ErrGone) {
			return nil
		}
		if !mayPass(err, begun) {
			return err
		}
	}
}

// mayPass reports whether to try again what failed: with who does not stop, and, for a
// moment, with who may not be traced, since whoever did so is on his way to his end.
func mayPass(err error, since time.Time) bool {
	const moment = time.Second
	waited := time.Since(since)
	return errors.Is(err, ptrace.ErrWontStop) && waited < cleanLimit || errors.Is(err, unix.EPERM) && waited < moment
}

// Clean unmaps what the agent of a snapshot had mapped when it was killed. The
// threads that are there still are told to go on: see package ptrace, programs.
func Clean(pid int, area ptrace.Area) error {
	tasks := func() ([]int, error) { return proc.Tasks(pid) }
	err := patiently(func() error {
		return callIn(pid, tasks, &area, func(c *ptrace.Caller) error {
			if !mapped(pid, area) {
				return nil
			}
			return area.Unmap(c)
		})
	})
	if err != nil {
		return fmt.Errorf("unmapping memory of the snapshot in process %d: %w", pid, err)
	}
	return nil
}

// cleanLimit is longer than threads wait for their tracer.
const cleanLimit = 10 * time.Second

// mapped reports whether the area is there still. Nothing else that is
// executable has its place and size.
func mapped(pid int, area ptrace.Area) bool {
	maps, err := proc.Maps(pid)
	if err != nil {
		return false
	}
	for i := range maps {
		m := &maps[i]
		if m.Start <= area.Code && area.Code < m.End && m.Prot == unix.PROT_READ|unix.PROT_EXEC && !m.File() {
			return true
		}
	}
	return false
}

// callIn stops threads of a process, of which pid is the first, and makes calls in that
// one, if there are any to make; not before all are themselves again, whose tracer may
// have died while they made calls from a landing, or in an area.
func callIn(pid int, tasks func() ([]int, error), area *ptrace.Area, calls func(*ptrace.Caller) error) error {
	g, err := ptrace.StopAll(pid, ptrace.SysGood, time.Second, tasks)
	if errors.Is(err, unix.EPERM) && ending(tasks) {
		err = ptrace.ErrGone // and so can't be traced any more
	}
	if err != nil {
		return errors.Join(err, g.Release(nil))
	}
	mem, err := ptrace.OpenMemory(pid)
	if err != nil {
		return errors.Join(err, g.Release(nil))
	}
	defer mem.Close()
	err = callStopped(g, mem, area, calls)
	return errors.Join(err, g.Release(mem))
}

// ending reports whether all threads have ended, or are about to.
func ending(tasks func() ([]int, error)) bool {
	tids, err := tasks()
	return err != nil || !slices.ContainsFunc(tids, func(tid int) bool { return !proc.Exiting(tid) })
}

func callStopped(g *ptrace.Group, mem *ptrace.Memory, area *ptrace.Area, calls func(*ptrace.Caller) error) error {
	maps, err := proc.Maps(g.PID)
	if err != nil {
		return err
	}
	landing, err := ptrace.FindLanding(maps, mem)
	if err != nil {
		return err
	}
	for _, s := range g.Threads {
		if err := g.BringHome(s, mem, landing, area); err != nil {
			return err
		}
	}
	if calls == nil {
		return nil
	}
	s := g.Threads[0]
	if err := g.NoteRseq(); err != nil {
		return err
	}
	if err := g.NoteDispatch(); err != nil {
		return err
	}
	c, err := g.Caller(s, landing)
	if err != nil {
		return err
	}
	err = calls(c)
	return errors.Join(err, g.Settle(s, c))
}
