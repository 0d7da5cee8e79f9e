package restore_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand"
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
	"snappipe/kernel/process/image"
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
		p.compare(t, before)
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
		return nil
	})
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
	if err == nil {
		_, err = r.Commit()
	}
	fmt.Println("not killed:", err)
	os.Exit(1)
}

// What cannot run here is refused by its facts alone.
func TestRefusedByFacts(t *testing.T) {
	for _, fact := range []kernel.Fact{
		{Name: "arch", Value: "arm64"},
		{Name: "kernel-release", Value: "5.13.0-other"},
		{Name: "vdso", Value: strings.Repeat("00", 32)},
	} {
		_, err := restore.Begin(context.Background(), kernel.Facts{fact}, 1<<20, kernel.Options{})
		if !errors.As(err, new(*kernel.Refusal)) {
			t.Errorf("%s %s: %v, want a refusal", fact.Name, fact.Value, err)
		}
	}
}

// A file that is gone or shorter is refused by name.
func TestRefusedFiles(t *testing.T) {
	p := newTarget(t)
	img := p.snapshot(t)
	p.kill(t)
	before := p.traces(t)
	for what, spoil := range map[string]func() error{
		"shorter": func() error { return os.Truncate(p.file, 1) },
		"gone":    func() error { return os.Remove(p.file) },
	} {
		content, err := os.ReadFile(p.file)
		if err != nil {
			t.Fatal(err)
		}
		if err := spoil(); err != nil {
			t.Fatal(err)
		}
		r := load(t, img, kernel.Options{})
		_, err = r.Commit()
		var refusal *kernel.Refusal
		if !errors.As(err, &refusal) || !strings.Contains(refusal.Object, p.file) {
			t.Errorf("%s: %v, want a refusal that names the file", what, err)
		}
		if err := r.Abort(); err != nil {
			t.Error(err)
		}
		if err := os.WriteFile(p.file, content, 0o644); err != nil {
			t.Fatal(err)
		}
		p.compare(t, before)
	}
}

// Whatever the headers say, they are taken or refused: nothing crashes, hangs
// or stays behind. What is taken is not let run.
func TestDamagedHeaders(t *testing.T) {
	p := newTarget(t)
	img := p.snapshot(t)
	p.kill(t)
	before := p.traces(t)
	flat := img.flat()
	front, err := image.HeaderSize(flat)
	if err != nil {
		t.Fatal(err)
	}
	random := rand.New(rand.NewSource(1))
	taken := 0
	for range 150 {
		at, bit := random.Int63n(front), byte(1)<<random.Intn(8)
		flat[at] ^= bit
		r, err := begin(&saved{size: img.size}, kernel.Options{Check: true})
		if err != nil {
			t.Fatal(err)
		}
		_, err = r.WriteAt(flat, 0)
		if err == nil {
			_, err = r.Commit()
		}
		if err == nil {
			taken++
		}
		if err := r.Abort(); err != nil {
			t.Errorf("bit %d of byte %d: aborting: %v", bit, at, err)
		}
		flat[at] ^= bit
	}
	p.compare(t, before)
	t.Logf("%d of 150 flips were harmless", taken)
}

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

// traces are what a resume could leave behind.
type traces struct {
	fds, files, lines int
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
	return traces{len(fds), len(files), len(p.lines(t))}
}

func (p *target) compare(t *testing.T, before traces) {
	t.Helper()
	if now := p.traces(t); now != before {
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
	zeros := make([]byte, image.Page)
	for _, c := range s.chunks {
		for at := 0; at < len(c.b); at += image.Page {
			page := c.b[at:min(at+image.Page, len(c.b))]
			if bytes.Equal(page, zeros[:len(page)]) {
				continue
			}
			end := at + len(page)
			for end < len(c.b) && end-at < frame && !bytes.Equal(c.b[end:min(end+image.Page, len(c.b))], zeros) {
				end = min(end+image.Page, len(c.b))
			}
			if _, err := r.WriteAt(c.b[at:end], c.off+int64(at)); err != nil {
				return err
			}
			at = end - image.Page
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
