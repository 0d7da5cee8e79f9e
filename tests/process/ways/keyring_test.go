// Keys of whoever resumes a program.

package ways

import (
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"golang.org/x/sys/unix"

	"snappipe/tests/process/cycle"
)

// A program of another user does not get the session keyring of root, who resumes it,
// and so the keys in it.
func TestKeysOfRoot(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can resume programs of others")
	}
	cycle.Need(t, "gcc")
	s := cycle.NewStage(t, cycle.Root)
	program := cycle.Compile(t, filepath.Join("..", "table", "programs", "privileges.c"))
	p := s.Start(t, program, s.Dir, "keyring")
	s.Await(t, p, "ready")
	if r := s.Snapshot(t, p.PID); !r.OK() {
		t.Fatalf("no snapshot: status %d, %s", r.Status, r.Text)
	}
	p.Kill()
	// This thread ends with the test, and its credentials with it.
	runtime.LockOSThread()
	ring, err := unix.KeyctlJoinSessionKeyring("snappipe-test")
	if err != nil {
		t.Skip("this kernel has no keyrings: ", err)
	}
	if _, err := unix.AddKey("user", "snappipe-secret", []byte("secret"), ring); err != nil {
		t.Fatal(err)
	}
	r := s.Resume(t)
	s.Write(t, "go", "resumed")
	if status := r.Status(t); status != 0 || s.Read(t, "result") != "ok" {
		t.Errorf("status %d, verdict %q, %s", status, s.Read(t, "result"), r.Text())
	}
}
