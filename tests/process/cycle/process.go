// A process that a test has started.

package cycle

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"sync"
	"syscall"
	"testing"
	"time"
)

// patience is for how long a test waits for what comes at once unless
// something hangs.
const patience = 60 * time.Second

// Process is a program that runs, or did.
type Process struct {
	PID  int
	cmd  *exec.Cmd
	done chan struct{}
	text *output
}

// output keeps what was written to it, while more is written.
type output struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.Write(p)
}

func (o *output) reset() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.b.Reset()
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.String()
}

// Launch starts cmd; whatever is left of it and its descendants is killed at
// the end of the test.
func Launch(t *testing.T, cmd *exec.Cmd) *Process {
	t.Helper()
	p := &Process{cmd: cmd, done: make(chan struct{}), text: &output{}}
	if cmd.Stdout == nil {
		cmd.Stdout = p.text
	}
	if cmd.Stderr == nil {
		cmd.Stderr = p.text
	}
	// What descends from it may hold its output open for longer.
	cmd.WaitDelay = time.Second
	if err := cmd.Start(); err != nil {
		t.Fatalf("start %s: %v", cmd.Path, err)
	}
	p.PID = cmd.Process.Pid
	go func() {
		cmd.Wait() // the outcome is in cmd.ProcessState
		close(p.done)
	}()
	t.Cleanup(p.Kill)
	return p
}

// Kill kills the process and all its descendants, and waits for its end.
func (p *Process) Kill() {
	if !p.Ended() {
		killTree(p.PID)
	}
	<-p.done
}

// Signal sends the process a signal, unless it has ended.
func (p *Process) Signal(t *testing.T, s os.Signal) {
	t.Helper()
	if err := p.cmd.Process.Signal(s); err != nil && !errors.Is(err, os.ErrProcessDone) {
		t.Fatal(err)
	}
}

// Ended reports whether the process has ended.
func (p *Process) Ended() bool {
	select {
	case <-p.done:
		return true
	default:
		return false
	}
}

// Status waits for the end and returns the exit status, as a shell would have
// it: 128 and the signal if one has killed it.
func (p *Process) Status(t *testing.T) int {
	t.Helper()
	select {
	case <-p.done:
	case <-time.After(patience):
		t.Fatalf("%s has not ended\n%s", p.cmd.Path, p.Text())
	}
	state := p.cmd.ProcessState
	if code := state.ExitCode(); code >= 0 {
		return code
	}
	return 128 + int(state.Sys().(syscall.WaitStatus).Signal())
}

// Text is what the process has written, to standard output and error.
func (p *Process) Text() string { return p.text.String() }

// String is for messages.
func (p *Process) String() string {
	end := "it runs"
	if p.Ended() {
		end = p.cmd.ProcessState.String()
	}
	return fmt.Sprintf("%s (process %d, %s)", p.cmd.Args[0], p.PID, end)
}

// Until waits for cond, of which what is said if it never comes.
func Until(t *testing.T, what string, cond func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !cond(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("waited in vain for %s", what)
		}
	}
}
