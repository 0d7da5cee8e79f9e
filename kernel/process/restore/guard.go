// This file has a tree end if this process does while it lets the processes go one
// by one: those that run by then are not killed with it any more. So another one
// watches, which is let go before them all. It waits on a pipe of which this process
// alone has the other end: for a byte that says that it was done, or for the end.
//
// In a namespace the first process does that: see release.

package restore

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"

	"snappipe/kernel/process/ptrace"
)

// guard is that process.
type guard struct {
	*stub
	done *os.File
}

// makeGuard makes it, while there is a stub that is empty to make it of.
func (t *tree) makeGuard() error {
	if t.guard = nil; t.root.pids != nil {
		return nil
	}
	s, err := t.cloneSpare(t.root.stub, unix.CLONE_PARENT, 0)
	if err != nil {
		return fmt.Errorf("making a process that watches over the others: %w", err)
	}
	t.guard = &guard{stub: s}
	return nil
}

// watch has it wait, by code that it runs when it is let go.
func (g *guard) watch(all []*process) error {
	const channel = 0
	if err := g.closeAll(channel); err != nil {
		return err
	}
	for _, p := range all {
		fd, err := unix.PidfdOpen(p.stub.pid, 0)
		if err != nil {
			return fmt.Errorf("pidfd_open: %w", err)
		}
		_, err = g.hand(fd)
		unix.Close(fd)
		if err != nil {
			return err
		}
	}
	r, w, err := os.Pipe()
	if err != nil {
		return fmt.Errorf("pipe: %w", err)
	}
	g.done = w
	end, err := g.hand(int(r.Fd()))
	if err := errors.Join(err, r.Close()); err != nil {
		return err
	}
	if _, err := g.call("close", unix.SYS_CLOSE, channel); err != nil {
		return err
	}
	code, err := g.load(ptrace.CallAndKill)
	if err != nil {
		return err
	}
	regs := g.Base
	regs.PrepareCall(code, unix.SYS_READ, uint64(end), g.scratch, 1)
	regs.R12, regs.R13 = channel+1, uint64(end) // the lowest numbers, in order
	if err := g.Thread.SetRegs(&regs); err != nil {
		return err
	}
	return g.Thread.Detach(0)
}

// load maps code in the stub.
func (s *stub) load(code []byte) (at uint64, err error) {
	at, err = s.call("mmap", unix.SYS_MMAP, 0, 4096, unix.PROT_READ|unix.PROT_EXEC,
		unix.MAP_PRIVATE|unix.MAP_ANONYMOUS, ^uint64(0), 0)
	if err != nil {
		return 0, err
	}
	return at, s.mem.Write(code, at)
}

// dismiss tells it that all are let go, or that none is to be.
func (g *guard) dismiss() error {
	if g == nil {
		return nil
	}
	_, err := g.done.Write([]byte{0})
	return errors.Join(err, g.end())
}

// end ends it.
func (g *guard) end() error {
	if g == nil || g.mem == nil {
		return nil
	}
	err := g.kill()
	g.mem = nil
	if g.done != nil {
		err = errors.Join(err, g.done.Close())
	}
	return err
}
