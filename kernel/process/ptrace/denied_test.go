// Calls that are dispatched instead of made.

package ptrace

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"snappipe/kernel/process/proc"

	"golang.org/x/sys/unix"
)

// Where the kernel does not tell about Syscall User Dispatch, a call that is
// dispatched is an error, and the program does not notice.
func TestDeniedCall(t *testing.T) {
	dir := t.TempDir()
	program, output := filepath.Join(dir, "dispatched"), filepath.Join(dir, "output")
	if out, err := exec.Command("gcc", "-O1", "-pthread", "-o", program, "../agent/testdata/dispatched.c").CombinedOutput(); err != nil {
		t.Fatalf("gcc: %v\n%s", err, out)
	}
	pid := start(t, "sh", "-c", "exec "+program+" >"+output)
	last := func() string {
		b, err := os.ReadFile(output)
		if err != nil {
			t.Fatal(err)
		}
		lines := strings.Split(strings.TrimSpace(string(b)), "\n")
		return lines[len(lines)-1]
	}
	for last() == "" {
		time.Sleep(time.Millisecond)
	}
	tracer := NewTracer()
	defer tracer.Close()
	denied := 0
	for range 50 {
		do(t, tracer, func() error {
			n, err := tryCalls(pid)
			denied += n
			return err
		})
	}
	if denied == 0 {
		t.Error("no call was dispatched")
	}
	before := last()
	for last() == before { // it goes on
		time.Sleep(time.Millisecond)
	}
	if line := last(); !strings.HasSuffix(line, " 0 none") {
		t.Errorf("the program was disturbed: %s", line)
	}
}

// tryCalls makes a call in every thread, and returns in how many it was denied.
func tryCalls(pid int) (denied int, err error) {
	err = withStopped(pid, func(g *Group, mem *Memory, maps []proc.Map) error {
		landing, err := FindLanding(maps, mem)
		if err != nil {
			return err
		}
		for _, s := range g.Threads {
			err := g.expectDenial(s)
			if err == nil {
				var c *Caller
				if c, err = g.Caller(s, landing); err != nil {
					return err
				}
				_, err = c.Call(unix.SYS_GETPID)
				if err := g.Settle(s, c); err != nil {
					return err
				}
				s.moved = false
			}
			switch {
			case errors.Is(err, ErrDenied):
				denied++
			case err != nil:
				return err
			}
		}
		return nil
	})
	return denied, err
}
