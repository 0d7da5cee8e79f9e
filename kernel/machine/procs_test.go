// Who belongs to a pipeline.

package machine

import (
	"os"
	"os/exec"
	"slices"
	"syscall"
	"testing"
	"time"
)

// The processes behind a pipe, through to the last of them, are found by what
// they read and write.
func TestPipeline(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	first, last := exec.Command("cat"), exec.Command("cat")
	first.Stdin = r
	if last.Stdin, err = first.StdoutPipe(); err != nil {
		t.Fatal(err)
	}
	for _, c := range []*exec.Cmd{first, last} {
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		defer c.Wait()
		defer c.Process.Kill()
	}
	r.Close()
	chain, err := pipeline(first.Process.Pid)
	if err != nil {
		t.Fatal(err)
	}
	if want := []int{first.Process.Pid, last.Process.Pid}; !slices.Equal(chain, want) {
		t.Errorf("found %v, want %v", chain, want)
	}
	pids, parents := heads(chain)
	if !slices.Equal(pids, chain[1:]) || !slices.Equal(parents, []int{os.Getpid()}) {
		t.Errorf("heads are %v, want %v; parents are %v, want this process", pids, chain[1:], parents)
	}
	if pids, parents := heads(append([]int{os.Getpid()}, chain...)); len(pids)+len(parents) > 0 {
		t.Errorf("heads are %v with parents %v, want none below this process", pids, parents)
	}
}

func TestWaitForPipeline(t *testing.T) {
	for command, ok := range map[string]bool{"exit 0": true, "exit 3": false, "kill -9 $$": false} {
		c := exec.Command("sh", "-c", "sleep 0.1; "+command)
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		// Nobody waits for it yet, so what it ended with can be seen.
		err := (&hold{watched: []int{c.Process.Pid}}).wait()
		if (err == nil) != ok {
			t.Errorf("%s: %v", command, err)
		}
		c.Wait()
		if err := (&hold{watched: []int{c.Process.Pid}}).wait(); err == nil {
			t.Errorf("%s: no error for a process that is gone", command)
		}
	}
}

func TestHalted(t *testing.T) {
	c := exec.Command("sleep", "1000")
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	defer c.Wait()
	defer c.Process.Kill()
	if halted(c.Process.Pid) {
		t.Error("halted before it was stopped")
	}
	// stopAll would stop this test's parents; what it does to one process:
	s := stopped{c.Process.Pid}
	if err := c.Process.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	for !halted(c.Process.Pid) {
		time.Sleep(time.Millisecond)
	}
	if err := s.run(nil); err != nil {
		t.Fatal(err)
	}
	for halted(c.Process.Pid) {
		time.Sleep(time.Millisecond)
	}
}
