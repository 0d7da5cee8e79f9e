// Programs that go on where they were.

package restore_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"snappipe/kernel"
	_ "snappipe/kernel/process"
	"snappipe/kernel/process/restore"
)

// A program that was killed goes on where it was, and its status is that of
// the resume.
func TestResume(t *testing.T) {
	p := newTarget(t)
	img := p.snapshot(t)
	p.kill(t)
	resumed := commit(t, img, kernel.Options{})
	p.awaitProgress(t)
	signalAfter(t, p, unix.SIGUSR1)
	status, err := resumed.Wait(context.Background())
	if err != nil || status != 42 {
		t.Errorf("it ended with status %d, %v, want 42; it says %s", status, err, p.tail(t))
	}
	if !strings.HasSuffix(p.tail(t), "end\n") {
		t.Errorf("it did not come to its end: %s", p.tail(t))
	}
}

// A signal sent to the parent reaches the program, whose death by it shows in
// the status.
func TestSignalsAreForwarded(t *testing.T) {
	p := newTarget(t)
	img := p.snapshot(t)
	p.kill(t)
	resumed := commit(t, img, kernel.Options{})
	p.awaitProgress(t)
	if err := unix.Kill(unix.Getpid(), unix.SIGINT); err != nil {
		t.Fatal(err)
	}
	status, err := resumed.Wait(context.Background())
	if err != nil || status != 128+int(unix.SIGINT) {
		t.Errorf("it ended with status %d, %v, want %d", status, err, 128+int(unix.SIGINT))
	}
}

// With its ID taken by the original, which still runs, the program gets the
// same one in a namespace.
func TestSamePIDWhileTheOriginalLives(t *testing.T) {
	p := newTarget(t)
	img := p.snapshot(t)
	unix.Kill(p.pid, unix.SIGSTOP)
	// The socket is the original's, until that is gone.
	if err := os.Remove(p.socket); err != nil {
		t.Fatal(err)
	}
	resumed := commit(t, img, kernel.Options{SamePID: true})
	p.awaitProgress(t)
	signalAfter(t, p, unix.SIGUSR1)
	if status, err := resumed.Wait(context.Background()); err != nil || status != 42 {
		t.Errorf("it ended with status %d, %v, want 42", status, err)
	}
	for _, line := range p.lines(t) {
		if i, pid, ok := strings.Cut(line, " "); ok && pid != strconv.Itoa(p.pid) {
			t.Fatalf("in line %s it was process %s, not %d", i, pid, p.pid)
		}
	}
}

// A detached program, which here cannot have its old ID, outlives what resumed
// it: no signal comes at the death of a parent that it never had.
func TestDetach(t *testing.T) {
	p := newTarget(t)
	img := p.snapshot(t)
	unix.Kill(p.pid, unix.SIGSTOP)
	if err := os.Remove(p.socket); err != nil {
		t.Fatal(err)
	}
	resumed := commit(t, img, kernel.Options{Detach: true})
	if status, err := resumed.Wait(context.Background()); status != 0 || err != nil {
		t.Errorf("waiting returns %d, %v", status, err)
	}
	p.awaitProgress(t)
	for _, pid := range p.processes(t) {
		if pid != p.pid {
			unix.Kill(pid, unix.SIGKILL)
			if _, err := unix.Wait4(pid, nil, 0, nil); err != nil {
				t.Error(err)
			}
		}
	}
}

// A setuid program is not executed for a stub, which would change its rights,
// and looks as before.
func TestSetuidProgram(t *testing.T) {
	p := newTarget(t)
	img := p.snapshot(t)
	p.kill(t)
	if err := os.Chmod(p.program, 0o4755); err != nil {
		t.Fatal(err)
	}
	resumed := commit(t, img, kernel.Options{})
	p.awaitProgress(t)
	signalAfter(t, p, unix.SIGUSR1) // finds it by /proc/PID/exe
	if status, err := resumed.Wait(context.Background()); err != nil || status != 42 {
		t.Errorf("it ended with status %d, %v, want 42", status, err)
	}
}

// A check goes through all steps but the last, and leaves nothing.
func TestCheck(t *testing.T) {
	p := newTarget(t)
	img := p.snapshot(t)
	p.kill(t)
	before := p.traces(t)
	r := load(t, img, kernel.Options{Check: true})
	resumed, err := r.Commit()
	if err != nil {
		t.Fatal(err)
	}
	if status, err := resumed.Wait(context.Background()); status != 0 || err != nil {
		t.Errorf("status %d, %v", status, err)
	}
	p.compare(t, before)
}

// A failure at any step leaves no process, no descriptor and no file, and
// nothing of the program has run.
func TestFailureAtEveryStep(t *testing.T) {
	p := newTarget(t)
	img := p.snapshot(t)
	p.kill(t)
	before := p.traces(t)
	failAtEveryStep(t, img, func() { p.compare(t, before) })
}

func failAtEveryStep(t *testing.T, img *saved, compare func()) {
	t.Helper()
	for n := range restore.Steps {
		failure := fmt.Errorf("failure at step %d", n)
		restore.FailAt(func(step int) error {
			if step == n {
				return failure
			}
			return nil
		})
		r, err := begin(img, kernel.Options{})
		if err != nil {
			t.Fatal(err)
		}
		if err = img.writeTo(r); err == nil {
			_, err = r.Commit()
		}
		if !errors.Is(err, failure) {
			t.Errorf("step %d: the error is %v", n, err)
		}
		if err := r.Abort(); err != nil {
			t.Errorf("step %d: aborting: %v", n, err)
		}
		compare()
	}
	restore.FailAt(func(int) error { return nil })
}

// Death of the resuming process at any step leaves no process, and nothing of
// the program has run.
func TestKilledAtEveryStep(t *testing.T) {
	p := newTarget(t)
	img := p.snapshot(t)
	p.kill(t)
	file := filepath.Join(t.TempDir(), "image")
	if err := os.WriteFile(file, img.flat(), 0o600); err != nil {
		t.Fatal(err)
	}
	before := p.traces(t)
	for n := range restore.Steps {
		cmd := exec.Command("/proc/self/exe")
		cmd.Env = append(os.Environ(), "RESTORE_KILLED_AT="+strconv.Itoa(n), "RESTORE_IMAGE="+file)
		out, err := cmd.CombinedOutput()
		if status, ok := cmd.ProcessState.Sys().(syscall.WaitStatus); !ok || status.Signal() != unix.SIGKILL {
			t.Fatalf("step %d: it was to be killed, but: %v\n%s", n, err, out)
		}
		p.awaitNone(t)
		p.compare(t, before)
	}
}

// TestMain is also the process that dies at a step.
func TestMain(m *testing.M) {
	at := os.Getenv("RESTORE_KILLED_AT")
	if at == "" {
		os.Exit(m.Run())
	}
	n, _ := strconv.Atoi(at)
	restore.FailAt(func(step int) error {
		if step == n {
			unix.Kill(unix.Getpid(), unix.SIGKILL)
			select {}
		}
		if file := os.Getenv("RESTORE_TELLS"); file != "" && step == restore.Released {
			return os.WriteFile(file, nil, 0o600)
		}
		return nil
	})
	if let, err := strconv.Atoi(os.Getenv("RESTORE_LETS_GO")); err == nil {
		restore.WhenLetGo(func() {
			if let--; let == 0 {
				time.Sleep(20 * time.Millisecond) // for them to run
				unix.Kill(unix.Getpid(), unix.SIGKILL)
				select {}
			}
		})
	}
	b, err := os.ReadFile(os.Getenv("RESTORE_IMAGE"))
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	img := &saved{size: int64(len(b)), chunks: []chunk{{0, b}}}
	r, err := begin(img, kernel.Options{})
	if err == nil {
		err = img.writeTo(r)
	}
	var resumed kernel.Resumed
	if err == nil {
		resumed, err = r.Commit()
	}
	if err == nil && n < 0 { // somebody else kills it
		_, err = resumed.Wait(context.Background())
	}
	fmt.Println("not killed:", err)
	os.Exit(1)
}
