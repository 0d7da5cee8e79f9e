// Where a program plays: its directory, and what it and the tests say to each
// other by files there.

package cycle

import (
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// Stage is a directory of one user's.
type Stage struct {
	Dir  string
	User User
}

// NewStage makes one that is removed at the end of the test, with whatever
// still plays there: what was detached, or lost its parent when a test failed.
func NewStage(t *testing.T, u User) *Stage {
	t.Helper()
	dir, err := MakeDir("stage")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		killWithin(dir)
		os.RemoveAll(dir)
	})
	if err := u.own(dir); err != nil {
		t.Fatal(err)
	}
	return &Stage{dir, u}
}

// Path returns that of a file in the directory.
func (s *Stage) Path(name string) string { return filepath.Join(s.Dir, name) }

// Command prepares a program to run as the stage's user.
func (s *Stage) Command(name string, args ...string) *exec.Cmd {
	cmd := exec.Command(name, args...)
	cmd.Dir = s.Dir
	cmd.SysProcAttr = s.User.attributes()
	cmd.Env = append(os.Environ(), "HOME="+s.Dir, "TMPDIR="+s.Dir)
	return cmd
}

// Start starts a program without input whose output goes to the file "output"
// in the directory.
func (s *Stage) Start(t *testing.T, name string, args ...string) *Process {
	t.Helper()
	return s.Launch(t, s.Command(name, args...))
}

// Launch starts a command as Start does, unless its output was set.
func (s *Stage) Launch(t *testing.T, cmd *exec.Cmd) *Process {
	t.Helper()
	if cmd.Stdout == nil {
		f, err := os.OpenFile(s.Path("output"), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o666)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		if err := s.User.own(f.Name()); err != nil {
			t.Fatal(err)
		}
		cmd.Stdout, cmd.Stderr = f, f
	}
	return Launch(t, cmd)
}

// Has reports whether a file is there.
func (s *Stage) Has(name string) bool {
	_, err := os.Lstat(s.Path(name))
	return err == nil
}

// Read returns what a file holds, "" if it isn't there.
func (s *Stage) Read(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile(s.Path(name))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	return string(b)
}

// Write makes a file appear with all of its text at once.
func (s *Stage) Write(t *testing.T, name, text string) {
	t.Helper()
	temporary := s.Path("." + name)
	if err := os.WriteFile(temporary, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := s.User.own(temporary); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(temporary, s.Path(name)); err != nil {
		t.Fatal(err)
	}
}

// Await waits until the file "name" is there, which p is to make.
func (s *Stage) Await(t *testing.T, p *Process, name string) {
	t.Helper()
	Until(t, name+" of "+p.String(), func() bool { return s.Has(name) || p.Ended() })
	if !s.Has(name) {
		t.Fatalf("%v ended with status %d and did not make %s\n%s%s", p, p.Status(t), name, p.Text(), s.Read(t, "output"))
	}
}
