// Twins that are gone already.

package capture

import (
	"os/exec"
	"testing"
	"time"

	"snappipe/kernel/process/proc"
	"snappipe/kernel/process/ptrace"

	"golang.org/x/sys/unix"
)

// What the kernel puts away while the parent is about to is no failure.
func TestReapWhatIsGone(t *testing.T) {
	cmd := exec.Command("sh", "-c", "sleep 60 & wait")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var children []int
	defer func() {
		for _, pid := range children {
			unix.Kill(pid, unix.SIGKILL)
		}
		cmd.Process.Kill()
		cmd.Wait()
	}()
	for deadline := time.Now().Add(10 * time.Second); len(children) == 0; time.Sleep(time.Millisecond) {
		children, _ = proc.Children(cmd.Process.Pid)
		if time.Now().After(deadline) {
			t.Fatal("the shell has no child")
		}
	}
	const nobody = 1 // is not its child
	released := false
	err := ptrace.NewTracer().Do(func() error {
		return reap(cmd.Process.Pid, children[0], nobody, func() error { released = true; return nil })
	})
	if err != nil || !released {
		t.Errorf("released %v, %v", released, err)
	}
}
