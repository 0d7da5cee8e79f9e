// The program that the tests resume, its image, and what a resume could leave
// of it.

package restore_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"snappipe/kernel"
	"snappipe/kernel/process/restore"
	"snappipe/kernel/process/world"
)

// target is a running testdata/target.c.
type target struct {
	program, file, socket string
	cmd                   *exec.Cmd
	pid                   int
}

func newTarget(t *testing.T) *target {
	t.Helper()
	dir := t.TempDir()
	p := &target{program: filepath.Join(dir, "target"), file: filepath.Join(dir, "file"), socket: filepath.Join(dir, "socket")}
	if out, err := exec.Command("gcc", "-O1", "-o", p.program, "testdata/target.c", "-lpthread", "-lrt").CombinedOutput(); err != nil {
		t.Fatalf("gcc: %v\n%s", err, out)
	}
	p.cmd = exec.Command(p.program, p.file, p.socket)
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	p.pid = p.cmd.Process.Pid
	t.Cleanup(func() { p.cmd.Process.Kill(); p.cmd.Wait() })
	p.awaitProgress(t)
	return p
}

func (p *target) kill(t *testing.T) {
	t.Helper()
	p.cmd.Process.Kill()
	p.cmd.Wait()
}

func (p *target) lines(t *testing.T) []string {
	t.Helper()
	b, err := os.ReadFile(p.file)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
	return strings.Split(strings.TrimSuffix(string(b), "\n"), "\n")
}

func (p *target) tail(t *testing.T) string {
	all := p.lines(t)
	return strings.Join(all[max(0, len(all)-3):], "\n") + "\n"
}

// awaitProgress waits for some more lines.
func (p *target) awaitProgress(t *testing.T) {
	t.Helper()
	begun, before := time.Now(), len(p.lines(t))
	for len(p.lines(t)) < before+3 {
		if time.Since(begun) > 20*time.Second {
			t.Fatalf("the program does not go on; it says %s", p.tail(t))
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// processes are those that execute the program, or have a copy of it.
func (p *target) processes(t *testing.T) []int {
	t.Helper()
	all, err := filepath.Glob("/proc/[0-9]*/exe")
	if err != nil {
		t.Fatal(err)
	}
	var pids []int
	for _, exe := range all {
		if to, err := os.Readlink(exe); err == nil && to == p.program {
			pid, _ := strconv.Atoi(strings.Split(exe, "/")[2])
			pids = append(pids, pid)
		}
	}
	return pids
}

func (p *target) awaitNone(t *testing.T) {
	t.Helper()
	for begun := time.Now(); len(p.processes(t)) > 0; time.Sleep(5 * time.Millisecond) {
		if time.Since(begun) > 10*time.Second {
			t.Fatalf("processes %v are left", p.processes(t))
		}
	}
}

// traces are what a resume could leave behind: descriptors by what they lead
// to, so that one too many is known by name.
type traces struct {
	fds          []string
	files, lines int
}

func (p *target) traces(t *testing.T) traces {
	t.Helper()
	fds, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	files, err := os.ReadDir(filepath.Dir(p.file))
	if err != nil {
		t.Fatal(err)
	}
	now := traces{files: len(files), lines: len(p.lines(t))}
	for _, fd := range fds {
		if to, err := os.Readlink("/proc/self/fd/" + fd.Name()); err == nil { // all but the listing's own
			now.fds = append(now.fds, fd.Name()+" "+to)
		}
	}
	return now
}

func (p *target) compare(t *testing.T, before traces) {
	t.Helper()
	if now := p.traces(t); !reflect.DeepEqual(now, before) {
		t.Fatalf("left behind: descriptors, files and lines were %v and are %v", before, now)
	}
	if left := p.processes(t); len(left) > 0 {
		t.Fatalf("left behind: processes %v", left)
	}
	var status unix.WaitStatus
	if pid, err := unix.Wait4(-1, &status, unix.WNOHANG|unix.WALL, nil); err != unix.ECHILD {
		t.Fatalf("left behind: child %d, %v", pid, err)
	}
}

// signalAfter sends the resumed program a signal.
func signalAfter(t *testing.T, p *target, sig unix.Signal) {
	t.Helper()
	for _, pid := range p.processes(t) {
		if pid != p.pid || p.cmd.ProcessState != nil {
			if err := unix.Kill(pid, sig); err != nil {
				t.Fatal(err)
			}
			return
		}
	}
	t.Fatal("no process executes the program")
}

// saved is an image in memory.
type saved struct {
	size   int64
	facts  kernel.Facts
	chunks []chunk
}

type chunk struct {
	off int64
	b   []byte
}

func (p *target) snapshot(t *testing.T) *saved {
	t.Helper()
	k, err := kernel.Open("process:"+strconv.Itoa(p.pid), kernel.Options{})
	if err != nil {
		t.Fatal(err)
	}
	img, err := k.SnapshotSystem(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	defer img.Close()
	s := &saved{size: img.Size(), facts: img.Facts()}
	for off, n := range img.Data() {
		b := make([]byte, n)
		if _, err := img.ReadAt(b, off); err != nil {
			t.Fatal(err)
		}
		s.chunks = append(s.chunks, chunk{off, b})
	}
	return s
}

func (s *saved) flat() []byte {
	b := make([]byte, s.size)
	for _, c := range s.chunks {
		copy(b[c.off:], c.b)
	}
	return b
}

// writeTo writes it as a stream comes: in frames, with pages of zeros left out.
func (s *saved) writeTo(r kernel.Resumption) error {
	const frame = 64 << 10
	zeros := make([]byte, world.Page)
	for _, c := range s.chunks {
		for at := 0; at < len(c.b); at += world.Page {
			page := c.b[at:min(at+world.Page, len(c.b))]
			if bytes.Equal(page, zeros[:len(page)]) {
				continue
			}
			end := at + len(page)
			for end < len(c.b) && end-at < frame && !bytes.Equal(c.b[end:min(end+world.Page, len(c.b))], zeros) {
				end = min(end+world.Page, len(c.b))
			}
			if _, err := r.WriteAt(c.b[at:end], c.off+int64(at)); err != nil {
				return err
			}
			at = end - world.Page
			if end == len(c.b) {
				break
			}
		}
	}
	return nil
}

func begin(s *saved, o kernel.Options) (kernel.Resumption, error) {
	return restore.Begin(context.Background(), s.facts, s.size, o)
}

func load(t *testing.T, s *saved, o kernel.Options) kernel.Resumption {
	t.Helper()
	r, err := begin(s, o)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.writeTo(r); err != nil {
		t.Fatal(errors.Join(err, r.Abort()))
	}
	return r
}

func commit(t *testing.T, s *saved, o kernel.Options) kernel.Resumed {
	t.Helper()
	r := load(t, s, o)
	resumed, err := r.Commit()
	if err != nil {
		t.Fatal(errors.Join(err, r.Abort()))
	}
	return resumed
}
