// This file is about the signals that come to a thread while it makes calls,
// although it blocks what can be blocked.
//
// SIGSTOP can't be. And SIGSYS must not be where the kernel does not tell whether
// the thread has Syscall User Dispatch: it is how a call that is dispatched ends,
// and when it has to be forced on a thread that blocks it, the program loses its
// handler and is ended (kernel/signal.c: force_sig_info_to_task). As it is, the
// tracer is told first, and takes the signal away.

package ptrace

import (
	"encoding/binary"
	"errors"
	"fmt"

	"golang.org/x/sys/unix"
)

// SigSet is a set of signals, bit n-1 for signal n.
type SigSet uint64

// has reports whether sig is in the set.
func (s SigSet) has(sig unix.Signal) bool { return s&(1<<(sig-1)) != 0 }

// duringCalls is what the thread is to block while it makes calls.
func (s *Stopped) duringCalls() uint64 {
	if s.undisclosed {
		return ^uint64(0) &^ (1 << (unix.SIGSYS - 1))
	}
	return ^uint64(0)
}

// ErrDenied says that a call was not made: it ended in SIGSYS.
var ErrDenied = errors.New("a system call in its name ended in SIGSYS")

// takes returns the set of a signal that a thread was stopped by while it makes
// calls, for the process to be sent later; or ErrDenied if it is the answer to a
// call, or a CrashError.
func (t Thread) takes(sig unix.Signal) (SigSet, error) {
	if err := t.crash(sig); err != nil {
		return 0, err
	}
	if sig == unix.SIGSYS {
		info, err := t.Siginfo()
		if err != nil {
			return 0, gone(err)
		}
		if info.forced() {
			return 0, fmt.Errorf("thread %d: %w", int(t), ErrDenied)
		}
	}
	return 1 << (sig - 1), nil
}

// CrashError says that a thread can't make calls: it faults whenever it runs.
type CrashError struct {
	Thread  Thread
	Signal  unix.Signal
	Address uint64
}

func (e *CrashError) Error() string {
	return fmt.Sprintf("thread %d can't run: %s at address %#x", int(e.Thread), unix.SignalName(e.Signal), e.Address)
}

// crash returns a CrashError if the signal by which a thread was stopped is the kernel's
// answer to what it did: it would come again and again.
func (t Thread) crash(sig unix.Signal) error {
	switch sig {
	case unix.SIGSEGV, unix.SIGBUS, unix.SIGILL, unix.SIGFPE:
	default:
		return nil
	}
	info, err := t.Siginfo()
	if err != nil {
		return gone(err)
	}
	const elsewhere = 5 // BUS_MCEERR_AO: memory is broken that it did not touch
	if !info.forced() || sig == unix.SIGBUS && info.code() == elsewhere {
		return nil
	}
	return &CrashError{t, sig, binary.LittleEndian.Uint64(info[16:])} // si_addr
}

// forced reports whether a signal is the kernel's doing. A process can send
// another none with a positive si_code (rt_sigqueueinfo(2)).
func (s Siginfo) forced() bool { return s.code() > 0 }

func (s Siginfo) code() int32 { return int32(binary.LittleEndian.Uint32(s[8:])) }

// signal is the number of it.
func (s Siginfo) signal() unix.Signal { return unix.Signal(binary.LittleEndian.Uint32(s[:])) }

// withhold keeps a signal from a thread that makes calls. That one of them was
// denied, or can't be made, is told by recall, when all threads are stopped.
func (g *Group) withhold(s *Stopped, sig unix.Signal) error {
	taken, err := s.Thread.takes(sig)
	g.withheld |= taken
	if errors.Is(err, ErrDenied) || errors.As(err, new(*CrashError)) {
		g.denied = err
		return nil
	}
	return err
}
