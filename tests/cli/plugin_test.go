// Kernels from outside, whose tool dies.

package cli

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

// stubborn is a kernel that ignores what it can, in each step, and so do those
// that it has started. They hold standard error, and end by themselves in the
// end: a test that fails leaves nothing for long.
const stubborn = `#!/bin/sh
[ "$1-$2" != check-v1-resume ] || exit 0
[ "$1-$2" != snapshot-v1-quick ] || exit 0
trap '' INT TERM HUP QUIT
kill -TERM 0
(sleep 60 & sleep 60) &
echo here >&2
sleep 60
`

// TestPluginOfTheDead kills a tool at many moments of a step of its program. What
// held the tool's standard error is gone then, all of it.
func TestPluginOfTheDead(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "snapkernel-stubborn"), []byte(stubborn), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", dir+":"+os.Getenv("PATH"))
	t.Setenv("TMPDIR", dir)
	img := filepath.Join(dir, "img")
	if out, err := exec.Command("snapcat", "-o", img, "stubborn:quick").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	steps := map[string][]string{
		"snapshot": {"snapcat", "-o", filepath.Join(dir, "out"), "stubborn:x"},
		"check":    {"snapresume", "--to", "stubborn:x", img},
		"resume":   {"snapresume", "--to", "stubborn:resume", img},
	}
	deaths := map[string][]syscall.Signal{
		"killed":      {syscall.SIGKILL},
		"interrupted": {syscall.SIGINT},
		"twice":       {syscall.SIGINT, syscall.SIGINT},
	}
	for step, args := range steps {
		for death, signals := range deaths {
			t.Run(step+"-"+death, func(t *testing.T) {
				inTime := false
				for after := time.Duration(0); after < 40*time.Millisecond; after += 2 * time.Millisecond {
					inTime = orphaned(t, args, signals, after, false) || inTime
				}
				orphaned(t, args, signals, 0, true)
				if !inTime {
					t.Error("no signal came before the program had begun")
				}
			})
		}
	}
	if left, err := filepath.Glob(filepath.Join(dir, "snapkernel-?*[0-9]")); err != nil || left != nil {
		t.Errorf("left behind: %q, %v", left, err)
	}
}

// orphaned sends signals to a tool, after a time or once its program is there,
// and waits for all that was started to be gone. It reports whether the program
// had not begun.
func orphaned(t *testing.T, args []string, signals []syscall.Signal, after time.Duration, there bool) bool {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Stderr = w
	err = cmd.Start()
	w.Close()
	if err != nil {
		t.Fatal(err)
	}
	said := make([]byte, 5)
	if there {
		if _, err := r.Read(said); err != nil || string(said) != "here\n" {
			t.Fatalf("the program says %q, %v", said, err)
		}
	}
	time.Sleep(after)
	for _, s := range signals {
		if err := cmd.Process.Signal(s); err != nil {
			t.Fatal(err)
		}
	}
	var exit *exec.ExitError
	if err := cmd.Wait(); !errors.As(err, &exit) || exit.Sys().(syscall.WaitStatus).Signal() != signals[0] {
		t.Errorf("signal after %v: the tool: %v", after, err)
	}
	if err := r.SetReadDeadline(time.Now().Add(20 * time.Second)); err != nil {
		t.Fatal(err)
	}
	n := 0
	for {
		read, err := r.Read(said)
		n += read
		if errors.Is(err, os.ErrDeadlineExceeded) {
			t.Fatal(fmt.Errorf("signal after %v: what the program started lives on", after))
		}
		if err != nil {
			return n == 0 && !there
		}
	}
}
