// This file tells the stops of a traced thread apart (ptrace(2), "Stopped
// states"). A status of wait4 alone is ambiguous in several ways; with
// SysGood set and, for group-stops, with Seize, it is not.

package ptrace

import (
	"fmt"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Kind is why a thread reported.
type Kind int

const (
	Exited      Kind = iota // the thread has ended; Status has its exit status
	Killed                  // the thread was ended by Signal
	SyscallStop             // on entry to or exit from a system call
	Signalled               // Signal is about to be delivered: pass it to Cont, or 0 to drop it
	GroupStop               // the whole process was stopped by Signal
	Interrupted             // as [Thread.Interrupt] asked, or newly born under a seized parent
	Birth                   // it has created a thread or process: eventMessage names it
	OtherEvent              // an event of an option that this package does not set
)

// Stop is one report of a thread.
type Stop struct {
	Kind   Kind
	Signal unix.Signal
	Status int
	Event  int // the PTRACE_EVENT_ number, of Birth and OtherEvent
}

func (s Stop) String() string {
	switch s.Kind {
	case Exited:
		return fmt.Sprintf("exited with status %d", s.Status)
	case Killed:
		return "killed by " + unix.SignalName(s.Signal)
	case SyscallStop:
		return "stopped at a system call"
	case Signalled:
		return "stopped by " + unix.SignalName(s.Signal)
	case GroupStop:
		return "group-stopped by " + unix.SignalName(s.Signal)
	case Interrupted:
		return "interrupted"
	default:
		return fmt.Sprintf("stopped by event %d", s.Event)
	}
}

// Over reports whether the thread is gone.
func (s Stop) Over() bool { return s.Kind == Exited || s.Kind == Killed }

// stopError says that a thread reported something other than what it was
// made to do.
type stopError struct {
	Thread Thread
	Stop   Stop
}

func (e *stopError) Error() string { return fmt.Sprintf("thread %d: %s", int(e.Thread), e.Stop) }

// Wait returns the thread's next report, and blocks until there is one.
// After one that is Over there is none.
func (t Thread) Wait() (Stop, error) {
	s, _, err := t.wait(0)
	return s, err
}

// tryWait is Wait if there is a report already; ok says whether.
func (t Thread) tryWait() (s Stop, ok bool, err error) {
	return t.wait(unix.WNOHANG)
}

func (t Thread) wait(options int) (Stop, bool, error) {
	for {
		var status unix.WaitStatus
		n, err := t.wait4(&status, options)
		switch {
		case err == unix.EINTR:
			continue
		case err != nil:
			return Stop{}, false, err
		case n == 0:
			return Stop{}, false, nil
		}
		return classify(status), true, nil
	}
}

// waitAwake is Wait for what comes in microseconds, for which falling asleep and
// being woken takes longer; most of all in a virtual machine, where an idle
// processor is given back.
func (t Thread) waitAwake() (Stop, error) {
	for begun := time.Now(); time.Since(begun) < awake; yield() {
		if s, ok, err := t.tryWait(); ok || err != nil {
			return s, err
		}
	}
	return t.Wait()
}

// waitTurn is Wait that has others seen to meanwhile.
func (t Thread) waitTurn(turn *Turn) (Stop, error) {
	for begun := time.Now(); ; turn.nap(time.Since(begun)) {
		if s, ok, err := t.tryWait(); ok || err != nil {
			return s, err
		}
	}
}

// waitUntil is waitTurn with a limit, after which it fails with [ErrWontStop].
func (t Thread) waitUntil(deadline time.Time, turn *Turn) (Stop, error) {
	for begun := time.Now(); ; turn.nap(time.Since(begun)) {
		if s, ok, err := t.tryWait(); ok || err != nil {
			return s, err
		}
		if time.Now().After(deadline) {
			return Stop{}, fmt.Errorf("process %d: %w", int(t), ErrWontStop)
		}
	}
}

// wait4 is told of threads too, and of children born with clone(2) and no exit
// signal (__WALL).
func (t Thread) wait4(status *unix.WaitStatus, options int) (int, error) {
	options |= unix.WALL
	if options&unix.WNOHANG == 0 {
		return unix.Wait4(int(t), status, options, nil)
	}
	// It does not wait, so that the scheduler need not hear of it.
	n, _, errno := syscall.RawSyscall6(unix.SYS_WAIT4, uintptr(t), uintptr(unsafe.Pointer(status)), uintptr(options), 0, 0, 0)
	if errno != 0 {
		return 0, errno
	}
	return int(n), nil
}

// syscallTrap is what PTRACE_O_TRACESYSGOOD makes of the SIGTRAP of a
// system-call stop.
const syscallTrap = unix.SIGTRAP | 0x80

func classify(status unix.WaitStatus) Stop {
	switch {
	case status.Exited():
		return Stop{Kind: Exited, Status: status.ExitStatus()}
	case status.Signaled():
		return Stop{Kind: Killed, Signal: status.Signal()}
	}
	sig, event := status.StopSignal(), int(status)>>16
	// StopSignal masks with 0xff, so the 0x80 of a syscallTrap is kept.
	s := Stop{Signal: sig, Event: event}
	switch event {
	case 0:
		s.Kind = Signalled
		if sig == syscallTrap {
			s.Kind, s.Signal = SyscallStop, 0
		}
	case unix.PTRACE_EVENT_STOP:
		// SIGTRAP here, and any other signal in a group-stop.
		s.Kind = GroupStop
		if sig == unix.SIGTRAP {
			s.Kind, s.Signal = Interrupted, 0
		}
	case unix.PTRACE_EVENT_FORK, unix.PTRACE_EVENT_VFORK, unix.PTRACE_EVENT_CLONE:
		s.Kind, s.Signal = Birth, 0
	default:
		s.Kind, s.Signal = OtherEvent, 0
	}
	return s
}

// WaitStopped waits for a thread that has been told to stop, such as one
// newly born, and fails if it ended instead.
func (t Thread) WaitStopped(turn *Turn) (s Stop, err error) {
	if turn == nil {
		s, err = t.Wait()
	} else {
		s, err = t.waitTurn(turn)
	}
	if err == nil && s.Over() {
		err = &stopError{t, s}
	}
	return s, err
}

// KillAndReap ends the process whose first thread t is, and leaves no zombie.
// It is for a child or tracee of the caller that was not reaped yet: from then
// on the ID may be that of anybody.
func (t Thread) KillAndReap() error {
	if err := unix.Kill(int(t), unix.SIGKILL); err != nil && err != unix.ESRCH {
		return err
	}
	return t.Reap()
}

// Reap waits for the end of a thread and takes its status from the kernel. One
// that is gone already, or not the caller's, is no error.
func (t Thread) Reap() error {
	for {
		s, err := t.Wait()
		if err == unix.ECHILD || err == nil && s.Over() {
			return nil
		}
		if err != nil {
			return err
		}
	}
}
