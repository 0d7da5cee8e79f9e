// This file makes system calls in the name of a stopped thread.
//
// The thread is put before a system-call instruction that its address space
// holds anyway, in the vdso, so no byte of the program is changed, and is run
// from one system-call stop to the next by PTRACE_SYSCALL. Single steps and
// breakpoints are not used: the SIGTRAP they end in is forced on the thread
// (kernel/signal.c: force_sig_info_to_task), which resets the program's own
// handling of SIGTRAP if it blocks or ignores that.

package ptrace

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// Caller makes system calls in one thread. The thread must be stopped, and
// not on entry to a system call; after a call it is stopped on exit from it.
// The caller of the Caller has blocked all signals in it by SetSigMask, and
// sets its registers and mask again when done.
type Caller struct {
	Thread Thread
	Site   uint64 // address of a system-call instruction in the thread's memory
	Base   Regs   // what the registers hold that a call does not use
	// Awake says that somebody waits for the calls, none of which takes long:
	// see waitAwake.
	Awake bool
	Turn  *Turn // likewise, if somebody else can be seen to meanwhile
	// Withheld are signals that came during a call although all that can be
	// are blocked. They were taken from the process.
	Withheld SigSet
}

// NewCaller returns a Caller for a thread that is stopped now, with its
// present registers for a base.
func NewCaller(t Thread, site uint64) (*Caller, error) {
	base, err := t.Regs()
	if err != nil {
		return nil, err
	}
	return &Caller{Thread: t, Site: site, Base: base}, nil
}

// Call makes the system call nr. A failure of the call itself is a bare
// [unix.Errno]; anything else means that the thread could not be used.
func (c *Caller) Call(nr uintptr, args ...uint64) (uint64, error) {
	v, born, err := c.run(nr, args)
	if err == nil && born != 0 {
		err = fmt.Errorf("system call %d created thread %d", nr, int(born))
	}
	return v, err
}

// Spawn makes the system call nr, which is fork(2), clone(2) or clone3(2),
// and returns what it created, by the ID that the tracer knows it by and
// stopped before its first instruction. The thread must have the option
// [Births], and the new one has the same options.
func (c *Caller) Spawn(nr uintptr, args ...uint64) (Thread, error) {
	_, born, err := c.run(nr, args)
	if err != nil {
		return 0, err
	}
	if born == 0 {
		return 0, fmt.Errorf("system call %d created nothing", nr)
	}
	_, err = born.WaitStopped(c.Turn)
	return born, err
}

func (c *Caller) run(nr uintptr, args []uint64) (uint64, Thread, error) {
	regs := c.Base
	regs.PrepareCall(c.Site, nr, args...)
	if err := c.Thread.SetRegs(&regs); err != nil {
		return 0, 0, err
	}
	if _, err := c.toSyscallStop(); err != nil {
		return 0, 0, err
	}
	born, err := c.toSyscallStop()
	if err != nil {
		return 0, born, err
	}
	after, err := c.Thread.Regs()
	if err != nil {
		return 0, born, err
	}
	v, errno := after.result()
	if errno != 0 {
		return 0, born, errno
	}
	return v, born, nil
}

// toSyscallStop runs the thread to its next system-call stop and reports
// what it created on the way.
func (c *Caller) toSyscallStop() (born Thread, err error) {
	for {
		if err := c.Thread.contToSyscall(0); err != nil {
			return born, err
		}
		stop, err := c.wait()
		if err != nil {
			return born, err
		}
		switch {
		case stop.Kind == SyscallStop:
			return born, nil
		case stop.Kind == Birth:
			id, err := c.Thread.eventMessage()
			if err != nil {
				return born, err
			}
			born = Thread(id)
		case stop.Kind == Signalled && (stop.Signal == unix.SIGSTOP || stop.Signal == unix.SIGSYS):
			taken, err := c.Thread.takes(stop.Signal)
			if err != nil {
				return born, err
			}
			c.Withheld |= taken
		case stop.Kind == Interrupted, stop.Kind == GroupStop:
			// An interrupt that was asked for earlier, or a stop of
			// the process, which lasts although this thread makes
			// its call (kernel/signal.c: JOBCTL_STOP_PENDING is set
			// again when it is detached).
		default:
			return born, &stopError{c.Thread, stop}
		}
	}
}

// wait waits for the next report of the thread.
func (c *Caller) wait() (Stop, error) {
	switch {
	case c.Turn != nil:
		return c.Thread.waitTurn(c.Turn)
	case c.Awake:
		return c.Thread.waitAwake()
	}
	return c.Thread.Wait()
}
