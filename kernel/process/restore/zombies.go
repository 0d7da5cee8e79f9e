// This file has those processes of a tree end that had ended, as their parents
// are to see it. A traced process that ends is seen by its tracer first, and when
// that has waited for it, by its parent (kernel/exit.c: wait_task_zombie).

package restore

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"

	"snappipe/kernel/process/ptrace"
)

// Handlers of sigaction(2).
const (
	defaultSignal = 0 // SIG_DFL
	ignoreSignal  = 1 // SIG_IGN
)

// endAll has them end. Their parents don't ignore it, or nothing would be left,
// and are not to learn of it by a signal that was taken long ago: ignoring that for
// a moment drops it, also where it is blocked (kernel/signal.c: do_sigaction). What
// was pending in the image is sent later.
func (t *tree) endAll() error {
	for _, m := range t.members {
		if !m.task.Dead() {
			continue
		}
		parent := m.parent.stub
		if err := parent.handleDeaths(unix.SIGCHLD, defaultSignal); err != nil {
			return m.of(err)
		}
		if err := t.end(m); err != nil {
			return m.of(err)
		}
		sig := unix.Signal(m.task.ExitSignal)
		if sig == 0 || sig == unix.SIGKILL || sig == unix.SIGSTOP {
			continue
		}
		if err := parent.handleDeaths(sig, ignoreSignal); err != nil {
			return m.of(err)
		}
		if err := parent.handleDeaths(sig, defaultSignal); err != nil {
			return m.of(err)
		}
	}
	return nil
}

func (t *tree) end(m *member) error {
	s := m.stub
	if _, err := s.callWith(s.Caller, "setting its name", unix.SYS_PRCTL, 1, cstring(string(m.task.Comm)), unix.PR_SET_NAME, 0, 0, 0, 0); err != nil {
		return err
	}
	for _, step := range []func(*member) error{t.writeNoCore, t.disown} {
		if err := step(m); err != nil {
			return err
		}
	}
	begin := s.exit
	if m.task.Status&0x7f != 0 {
		begin = s.dieOf
	}
	if err := begin(m.task.Status); err != nil {
		return err
	}
	m.zombie, m.stub = s.pid, nil
	return errors.Join(s.mem.Close(), s.channel.close())
}

// disown gives it the user and group IDs by which waitid(2) tells of its end.
func (t *tree) disown(m *member) error {
	q := m.task
	if os.Geteuid() != 0 || t.root.pids != nil && t.root.pids.isUsers() {
		return nil
	}
	if _, err := m.stub.call("setresgid", unix.SYS_SETRESGID, wide(q.GIDs[:3])...); err != nil {
		return err
	}
	_, err := m.stub.call("setresuid", unix.SYS_SETRESUID, wide(q.UIDs[:3])...)
	return err
}

// exit ends it with an exit status.
func (s *stub) exit(status int) error {
	regs := s.Base
	regs.PrepareCall(s.Site, unix.SYS_EXIT_GROUP, uint64(status>>8))
	if err := s.Thread.SetRegs(&regs); err != nil {
		return err
	}
	if err := s.Thread.Cont(0); err != nil {
		return err
	}
	return s.Thread.Reap()
}

// writeNoCore is for one that is to end by a signal. That a core was written is in
// the status of those who did, and can't be had again.
//
// A limit of 1 is too low for a file, and just at that one nothing is piped to a
// program either (core(5), fs/coredump.c: do_coredump). PR_SET_DUMPABLE, too, would
// do; but it keeps the status of what is left from who may read it otherwise.
func (t *tree) writeNoCore(m *member) error {
	err := unix.Prlimit(m.stub.pid, unix.RLIMIT_CORE, &unix.Rlimit{Cur: 1, Max: 1}, nil)
	if err != unix.EPERM {
		return err
	}
	// The limit is 0, and not for this user to raise.
	if pattern, err := os.ReadFile("/proc/sys/kernel/core_pattern"); err == nil && len(pattern) > 0 && pattern[0] != '|' && pattern[0] != '@' {
		return nil
	}
	_, err = m.stub.call("PR_SET_DUMPABLE", unix.SYS_PRCTL, unix.PR_SET_DUMPABLE, 0, 0, 0, 0)
	return err
}

// dieOf ends it by a signal.
func (s *stub) dieOf(status int) error {
	sig := unix.Signal(status & 0x7f)
	if sig != unix.SIGKILL {
		if err := s.handleDeaths(sig, defaultSignal); err != nil {
			return err
		}
	}
	if err := s.Thread.SetSigMask(0); err != nil {
		return err
	}
	if err := unix.Kill(s.pid, sig); err != nil {
		return err
	}
	deliver := unix.Signal(0)
	for {
		// SIGKILL does not wait for that.
		if err := s.Thread.Cont(deliver); err != nil && err != unix.ESRCH {
			return err
		}
		stop, err := s.Thread.Wait()
		if err != nil || stop.Over() {
			return err
		}
		if stop.Kind != ptrace.Signalled || stop.Signal != sig {
			return fmt.Errorf("it %s instead of ending by signal %d", stop, int(sig))
		}
		deliver = sig
	}
}
