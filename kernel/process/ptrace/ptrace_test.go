// Calls that are made in the name of a stopped program.

package ptrace

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"snappipe/kernel/process/proc"

	"golang.org/x/sys/unix"
)

// A call made in a stopped stranger returns what the kernel returned, and the
// stranger goes on as if nothing had been.
func TestCallInRunningProcess(t *testing.T) {
	pid := start(t, "sleep", "1000")
	tracer := NewTracer()
	defer tracer.Close()
	var got uint64
	var failure error
	do(t, tracer, func() error {
		c, err := stop(pid)
		if err != nil {
			return err
		}
		if got, err = c.Call(unix.SYS_GETPID); err != nil {
			return err
		}
		_, failure = c.Call(unix.SYS_CLOSE, 12345)
		return errors.Join(c.Thread.SetRegs(&c.Base), c.Thread.SetSigMask(c.mask), c.Thread.Detach(0))
	})
	if got != uint64(pid) {
		t.Errorf("getpid in process %d returned %d", pid, got)
	}
	if failure != unix.EBADF {
		t.Errorf("close of a bad descriptor returned %v, want EBADF", failure)
	}
	time.Sleep(20 * time.Millisecond)
	if s := state(t, pid); s != "S" {
		t.Errorf("afterwards the process is in state %s, want S", s)
	}
}

func TestSpawnStopsTheNewborn(t *testing.T) {
	pid := start(t, "sleep", "1000")
	tracer := NewTracer()
	defer tracer.Close()
	var newborn string
	do(t, tracer, func() error {
		c, err := stop(pid)
		if err != nil {
			return err
		}
		child, err := c.Spawn(unix.SYS_CLONE, 0, 0, 0, 0, 0)
		if err != nil {
			return err
		}
		newborn = state(t, int(child))
		return child.KillAndReap()
	})
	if newborn != "t" {
		t.Errorf("the newborn was in state %s, want t", newborn)
	}
}

// With ExitKill, the end of the tracing thread is the end of what it traced.
func TestExitKill(t *testing.T) {
	pid := start(t, "sleep", "1000")
	tracer := NewTracer()
	do(t, tracer, func() error {
		_, err := Seize(pid, SysGood|ExitKill)
		return err
	})
	tracer.Close()
	var status unix.WaitStatus
	if _, err := unix.Wait4(pid, &status, 0, nil); err != nil {
		t.Fatal(err)
	}
	if !status.Signaled() || status.Signal() != unix.SIGKILL {
		t.Errorf("status %#x, want killed by SIGKILL", int(status))
	}
}

func TestPendingSignalsAreListedInOrder(t *testing.T) {
	pid := start(t, "sleep", "1000")
	tracer := NewTracer()
	defer tracer.Close()
	do(t, tracer, func() error {
		c, err := stop(pid)
		if err != nil {
			return err
		}
		thread := c.Thread
		var want []unix.Signal
		for i := range 40 { // more than are peeked at once
			want = append(want, unix.Signal(34+i%5))
			if err := unix.Kill(pid, want[i]); err != nil {
				return err
			}
		}
		all, err := thread.Pending(true)
		if err != nil {
			return err
		}
		if len(all) != len(want) {
			return fmt.Errorf("%d signals pending, want %d", len(all), len(want))
		}
		for i, s := range all {
			if unix.Signal(s[0]) != want[i] {
				t.Errorf("pending signal %d is %d, want %d", i, s[0], want[i])
			}
		}
		own, err := thread.Pending(false)
		if err == nil && len(own) != 0 {
			t.Errorf("the thread itself has %d pending, want none", len(own))
		}
		return err
	})
}

func TestMemory(t *testing.T) {
	pid := start(t, "sleep", "1000")
	tracer := NewTracer()
	defer tracer.Close()
	do(t, tracer, func() error {
		c, err := stop(pid)
		if err != nil {
			return err
		}
		page, err := c.Call(unix.SYS_MMAP, 0, 4096, unix.PROT_READ|unix.PROT_WRITE,
			unix.MAP_PRIVATE|unix.MAP_ANONYMOUS, ^uint64(0), 0)
		if err != nil {
			return err
		}
		m, err := OpenMemory(pid)
		if err != nil {
			return err
		}
		defer m.Close()
		if err := m.Copy([]byte("copied\x00"), page); err != nil {
			return err
		}
		if _, err := c.Call(unix.SYS_MPROTECT, page, 4096, unix.PROT_NONE); err != nil {
			return err
		}
		if err := m.Copy([]byte("X"), page); !errors.Is(err, unix.EFAULT) {
			t.Errorf("copying into a protected page: %v, want EFAULT", err)
		}
		if err := m.Write([]byte("W"), page); err != nil {
			return err
		}
		s, err := m.CString(page, 100)
		if s != "Wopied" {
			t.Errorf("memory holds %q, want Wopied", s)
		}
		return err
	})
}

// Restart does by hand what the kernel would have done.
func TestRestart(t *testing.T) {
	ret := func(errno int64) uint64 { return uint64(-errno) }
	for _, test := range []struct {
		name          string
		before, after Regs
	}{
		{"not in a system call", Regs{Orig_rax: noSyscall, Rax: ret(512), Rip: 100}, Regs{Orig_rax: noSyscall, Rax: ret(512), Rip: 100}},
		{"complete", Regs{Orig_rax: 0, Rax: 7, Rip: 100}, Regs{Orig_rax: noSyscall, Rax: 7, Rip: 100}},
		{"ERESTARTSYS", Regs{Orig_rax: 61, Rax: ret(512), Rip: 100}, Regs{Orig_rax: noSyscall, Rax: 61, Rip: 98}},
		{"ERESTARTNOHAND", Regs{Orig_rax: 34, Rax: ret(514), Rip: 100}, Regs{Orig_rax: noSyscall, Rax: 34, Rip: 98}},
		{"ERESTART_RESTARTBLOCK", Regs{Orig_rax: 35, Rax: ret(516), Rip: 100}, Regs{Orig_rax: noSyscall, Rax: 35, Rip: 98}},
		{"ERESTART_RESTARTBLOCK again", Regs{Orig_rax: unix.SYS_RESTART_SYSCALL, Rax: ret(516), Rip: 100}, Regs{Orig_rax: noSyscall, Rax: ret(4), Rip: 100}},
	} {
		got := test.before
		got.Restart()
		if got != test.after {
			t.Errorf("%s: %+v, want %+v", test.name, got, test.after)
		}
	}
}

// Registers that were read can be set again, the extended ones included.
func TestRegisterSets(t *testing.T) {
	pid := start(t, "sleep", "1000")
	tracer := NewTracer()
	defer tracer.Close()
	do(t, tracer, func() error {
		c, err := stop(pid)
		if err != nil {
			return err
		}
		thread := c.Thread
		x, err := thread.Xstate()
		if err != nil {
			return err
		}
		// The x87 and SSE part and the header of XSAVE (Intel SDM 1, 13.4).
		if len(x) < 512+64 {
			t.Errorf("the extended state has %d bytes", len(x))
		}
		fp, err := thread.RegisterSet(unix.NT_PRFPREG, 512)
		if err != nil {
			return err
		}
		if len(fp) != 512 || string(fp[:32]) != string(x[:32]) {
			t.Errorf("x87 registers differ between the two sets: %x and %x", fp[:32], x[:32])
		}
		rseq, err := thread.Rseq()
		if err == nil && rseq.Address != 0 && rseq.Size < 20 {
			t.Errorf("rseq area of %d bytes", rseq.Size)
		}
		return errors.Join(err, thread.SetXstate(x))
	})
}

// stopped is a process of one thread, seized and stopped, all signals blocked.
type stopped struct {
	*Caller
	mask uint64
}

func stop(pid int) (s stopped, err error) {
	thread, err := Seize(pid, SysGood|Births)
	if err != nil {
		return s, err
	}
	if err := thread.Interrupt(); err != nil {
		return s, err
	}
	report, err := thread.Wait()
	if err == nil && report.Kind != Interrupted {
		err = &stopError{thread, report}
	}
	if err != nil {
		return s, err
	}
	if s.mask, err = thread.SigMask(); err != nil {
		return s, err
	}
	site, err := syscallSite(pid)
	if err != nil {
		return s, err
	}
	s.Caller, err = NewCaller(thread, site)
	return s, errors.Join(err, thread.SetSigMask(^uint64(0)))
}

// syscallSite finds a place to make calls in a process.
func syscallSite(pid int) (uint64, error) {
	maps, err := proc.Maps(pid)
	if err != nil {
		return 0, err
	}
	mem, err := OpenMemory(pid)
	if err != nil {
		return 0, err
	}
	defer mem.Close()
	return SyscallSite(maps, mem)
}

// start runs a program and waits until it sleeps.
func start(t *testing.T, name string, args ...string) (pid int) {
	t.Helper()
	cmd := exec.Command(name, args...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
	for state(t, cmd.Process.Pid) != "S" {
		time.Sleep(time.Millisecond)
	}
	return cmd.Process.Pid
}

func state(t *testing.T, pid int) string {
	t.Helper()
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(b), ") ")
	return rest[:1]
}

func do(t *testing.T, tracer *Tracer, f func() error) {
	t.Helper()
	if err := tracer.Do(f); err != nil {
		t.Fatal(err)
	}
}
