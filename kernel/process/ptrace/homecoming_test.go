package ptrace

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"testing"
	"time"

	"snappipe/kernel/process/proc"

	"golang.org/x/sys/unix"
)

// A thread whose tracer ended makes all the calls of its list before it is itself
// again, also if it is found on the way, and its process is stopped.
func TestBringHome(t *testing.T) {
	for _, stopped := range []bool{false, true} {
		t.Run(fmt.Sprintf("stopped %v", stopped), func(t *testing.T) { testBringHome(t, stopped) })
	}
}

func testBringHome(t *testing.T, stopped bool) {
	cmd := exec.Command("cat")
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
	pid, mark := cmd.Process.Pid, 77
	await(t, pid, "S")
	tracer := NewTracer()
	defer tracer.Close()
	var area Area
	do(t, tracer, func() (err error) {
		area, err = leaveOnTheWay(pid, mark)
		return err
	})
	if stopped {
		cmd.Process.Signal(unix.SIGSTOP)
		await(t, pid, "T")
	}
	found := false
	do(t, tracer, func() error {
		return withStopped(pid, func(g *Group, mem *Memory, maps []proc.Map) error {
			found = area.Runs(g.Threads[0].Regs)
			landing, err := FindLanding(maps, mem)
			if err != nil {
				return err
			}
			in.Write([]byte("x")) // which its list reads, and goes on
			return g.BringHome(g.Threads[0], mem, landing, &area)
		})
	})
	if !found {
		t.Error("it was not found on the way")
	}
	if _, err := os.Readlink(fmt.Sprintf("/proc/%d/fd/%d", pid, mark)); err != nil {
		t.Errorf("what followed in its list was not done: %v", err)
	}
	if stopped {
		await(t, pid, "T")
		cmd.Process.Signal(unix.SIGCONT)
	}
	in.Write([]byte("goes on"))
	in.Close()
	if b, err := io.ReadAll(out); err != nil || string(b) != "goes on" {
		t.Errorf("it says %q, %v", b, err)
	}
}

func await(t *testing.T, pid int, want string) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); state(t, pid) != want; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("process %d is in state %s, not %s", pid, state(t, pid), want)
		}
	}
}

// leaveOnTheWay has a process read a byte and duplicate a descriptor, and lets it go
// before it has.
func leaveOnTheWay(pid, mark int) (area Area, err error) {
	err = withStopped(pid, func(g *Group, mem *Memory, maps []proc.Map) error {
		s := g.Threads[0]
		landing, err := FindLanding(maps, mem)
		if err != nil {
			return err
		}
		c, err := g.Caller(s, landing)
		if err != nil {
			return err
		}
		p := g.LayOut(mem, maps, Shape{Lists: 1, Calls: 2, Results: 8})
		area = p.Area
		if err := p.Map(c); err != nil {
			return err
		}
		calls := []Call{{Nr: unix.SYS_READ, Args: [6]uint64{0, p.Result(0), 1}}, {Nr: unix.SYS_DUP2, Args: [6]uint64{1, uint64(mark)}}}
		if err := errors.Join(p.Set(0, calls, s), p.Store(), p.Start(0, s)); err != nil {
			return err
		}
		g.stopAfter = time.Now().Add(time.Second)
		if err := errors.Join(s.Thread.Interrupt(), g.await(g.Threads)); err != nil {
			return err
		}
		s.moved = false // as if nobody were there to restore it
		return nil
	})
	return area, err
}

// withStopped stops all threads of a process for a while.
func withStopped(pid int, f func(*Group, *Memory, []proc.Map) error) (err error) {
	g, err := StopAll(pid, SysGood, time.Second, func() ([]int, error) { return proc.Tasks(pid) })
	if err != nil {
		return errors.Join(err, g.Release(nil))
	}
	defer func() { err = errors.Join(err, g.Release(nil)) }()
	mem, err := OpenMemory(pid)
	if err != nil {
		return err
	}
	defer mem.Close()
	maps, err := proc.Maps(pid)
	if err != nil {
		return err
	}
	return f(g, mem, maps)
}
