// Snapshots that fail at any step, and agents that die.

package agent

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"snappipe/kernel/process/capture"
	"snappipe/kernel/process/proc"
	"snappipe/kernel/process/ptrace"

	"golang.org/x/sys/unix"
)

// Tests are agents too, of themselves.
func init() { Main() }

// Every step of a snapshot fails once: the program notices nothing, and
// nothing is left.
func TestFaults(t *testing.T) {
	eachStep(t, func(t *testing.T, p *program, f capture.Fault) {
		before := p.look(t)
		s, err := Take(context.Background(), p.pid, Options{Report: quiet, Warn: quiet, Fault: f})
		if err == nil {
			use(s)
			err = s.Close()
		}
		if f != capture.FaultPipe && (err == nil || !strings.Contains(err.Error(), "fault injected")) {
			t.Errorf("the snapshot: %v", err)
		}
		if f == capture.FaultTwinKilled { // what is left of it is for the next
			take(t, p.pid).Close()
			before.disturbances = p.disturbances(t) // it may have seen the zombie
		}
		p.unharmed(t, before)
	})
}

// eachStep tries every step that can fail, with one program after the other.
func eachStep(t *testing.T, try func(*testing.T, *program, capture.Fault)) {
	for _, source := range []string{"steady.c", "dispatched.c"} {
		t.Run(source, func(t *testing.T) {
			p := startProgram(t, source)
			step := capture.Fault(1)
			if testing.Short() {
				step = 4
			}
			for f := capture.NoFault + 1; f < capture.LastFault; f += step {
				t.Run(fmt.Sprint(f), func(t *testing.T) { try(t, p, f) })
			}
		})
	}
}

// At every step the agent is killed once.
func TestAgentKilled(t *testing.T) {
	eachStep(t, func(t *testing.T, p *program, f capture.Fault) {
		before := p.look(t)
		takeAndDie(t, p, f)
		if p.source == "steady.c" {
			// A thread that has to restore itself finds its sleep interrupted,
			// as by a signal; and the program may have seen the twin's zombie.
			before.disturbances = p.disturbances(t)
		}
		p.unharmed(t, before)
	})
}

// takeAndDie takes a snapshot of which the agent is killed at a step.
func takeAndDie(t *testing.T, p *program, f capture.Fault) {
	t.Helper()
	s, err := Take(context.Background(), p.pid, Options{Report: quiet, Warn: quiet, Fault: -f})
	if err == nil {
		use(s)
		err = s.Close()
	}
	if err != nil && !errors.Is(err, errDied) {
		t.Errorf("the snapshot: %v", err)
	}
}

// So it is with a program that is stopped, which stays so.
func TestAgentOfStoppedKilled(t *testing.T) {
	eachStep(t, func(t *testing.T, p *program, f capture.Fault) {
		before := p.look(t)
		if err := unix.Kill(p.pid, unix.SIGSTOP); err != nil {
			t.Fatal(err)
		}
		awaitState(t, p.pid, 'T')
		takeAndDie(t, p, f)
		awaitState(t, p.pid, 'T')
		if err := unix.Kill(p.pid, unix.SIGCONT); err != nil {
			t.Fatal(err)
		}
		before.disturbances = p.disturbances(t) // by the stop, too
		p.unharmed(t, before)
	})
}

// The user's process is killed while the agent is at any point.
func TestClientKilled(t *testing.T) {
	if os.Getenv("SNAPSHOT_OF") != "" {
		var pid int
		fmt.Sscan(os.Getenv("SNAPSHOT_OF"), &pid)
		for {
			s, err := Take(context.Background(), pid, Options{Report: quiet, Warn: quiet})
			if err != nil {
				t.Fatal(err)
			}
			use(s)
			s.Close()
		}
	}
	p := startProgram(t, "steady.c")
	for i := range 20 {
		before := p.look(t)
		cmd := exec.Command("/proc/self/exe", "-test.run=TestClientKilled$")
		cmd.Env = append(os.Environ(), fmt.Sprint("SNAPSHOT_OF=", p.pid))
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Duration(20+7*i) * time.Millisecond)
		cmd.Process.Kill()
		cmd.Wait()
		p.unharmed(t, before)
	}
}

func TestCancelled(t *testing.T) {
	p := startProgram(t, "steady.c")
	for i := range 10 {
		before := p.look(t)
		ctx, cancel := context.WithTimeout(context.Background(), time.Duration(i)*3*time.Millisecond)
		s, err := Take(ctx, p.pid, Options{Report: quiet, Warn: quiet})
		cancel()
		if err == nil {
			if err := s.Close(); err != nil {
				t.Errorf("closing: %v", err)
			}
		} else if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("given up after %d ms: %v", 3*i, err)
		}
		p.unharmed(t, before)
	}
}

// The memory of the image is that of the program, by either way.
func TestMemory(t *testing.T) {
	p := startProgram(t, "steady.c", "3", "8")
	s := take(t, p.pid)
	defer s.Close()
	all := bytes.Repeat([]byte{'m'}, 8<<20)
	var extents []capture.Extent // from that on
	for i, e := range s.Extents {
		if e.Length >= int64(len(all)) && e.Twin != capture.InStore {
			extents = s.Extents[i:]
		}
	}
	if extents == nil {
		t.Fatal("no extent holds the memory of the program")
	}
	found := extents[0]
	read := make([]byte, found.Length)
	if _, err := s.Twins[0].Memory.ReadAt(read, int64(found.At)); err != nil {
		t.Fatal(err)
	}
	if !bytes.Contains(read, all) {
		t.Error("what is read of the twin is not the memory of the program")
	}
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	null, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer null.Close()
	moved := make(chan struct{})
	go func() {
		defer close(moved)
		defer w.Close()
		// In parts, after a wrong guess of what would be next.
		part := int64(1 << 20)
		s.PipeTo(null, extents, 0, part)
		for off := int64(0); off < found.Length; off += part {
			part := min(part, found.Length-off)
			n, err := s.PipeTo(w, extents, off, part)
			if n != part || err != nil {
				t.Errorf("PipeTo = %d, %v", n, err)
				return
			}
		}
	}()
	var piped bytes.Buffer
	piped.ReadFrom(r)
	<-moved
	if !bytes.Equal(piped.Bytes(), read) {
		t.Errorf("%d bytes came through the pipe, not those that were read", piped.Len())
	}
}

// Many threads, several times: none of them notices.
func TestManyThreads(t *testing.T) {
	p := startProgram(t, "steady.c", "300")
	before := p.look(t)
	for range 5 {
		take(t, p.pid).Close()
	}
	p.unharmed(t, before)
}

// A stopped program stays stopped, and goes on when it is told to.
func TestStoppedByJobControl(t *testing.T) {
	p := startProgram(t, "steady.c")
	before := p.look(t)
	unix.Kill(p.pid, unix.SIGSTOP)
	awaitState(t, p.pid, 'T')
	take(t, p.pid).Close()
	time.Sleep(50 * time.Millisecond)
	awaitState(t, p.pid, 'T')
	unix.Kill(p.pid, unix.SIGCONT)
	p.unharmed(t, before)
}

func awaitState(t *testing.T, pid int, want byte) {
	t.Helper()
	for deadline := time.Now().Add(5 * time.Second); ; time.Sleep(time.Millisecond) {
		s, err := proc.ReadStat(pid)
		if err != nil {
			t.Fatal(err)
		}
		if s.State() == want {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("process %d is in state %c, want %c", pid, s.State(), want)
		}
	}
}

// take tries again, four times at most, where a busy machine kept a thread from running.
func take(t *testing.T, pid int) *Snapshot {
	t.Helper()
	for tries := 0; ; tries++ {
		s, err := Take(context.Background(), pid, Options{Report: quiet, Warn: quiet})
		switch {
		case err == nil:
			return s
		case tries == 4 || !strings.Contains(err.Error(), ptrace.ErrWontStop.Error()):
			t.Fatal(err)
		}
	}
}

func quiet(string) {}

// use reads some of a snapshot in both ways.
func use(s *Snapshot) {
	null, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
	if err != nil {
		return
	}
	defer null.Close()
	for i, e := range s.Extents {
		if e.Twin != capture.InStore {
			s.PipeTo(null, s.Extents[i:], 0, e.Length)
			s.Twins[0].Memory.ReadAt(make([]byte, 4096), int64(e.At))
		}
	}
}
