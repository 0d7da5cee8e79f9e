// A real program that lacks memory, and a server that brings only what is touched: so
// whatever the program does with its memory, that has not come yet.

package lazy

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"snappipe/kernel/process/proc"
	"snappipe/kernel/process/world"
)

const serveMarker = "SNAPPIPE_TEST_SERVE"

func TestMain(m *testing.M) {
	Main() // the guard is this program
	if what := os.Getenv(serveMarker); what != "" {
		os.Unsetenv(serveMarker)
		beServer(what)
	}
	os.Exit(m.Run())
}

// picture is an image of pages each of which has its number and 1000 in each word, in
// parts of 16; those of one part are zeros.
type picture struct {
	bad int64 // the part that is damaged, or 0

	mu   sync.Mutex
	read map[int64]int // how often each part was
}

const pages, partSize, zeroPart = 1024, 16 * world.Page, 896 * world.Page

func (p *picture) Size() int64 { return pages * world.Page }

func (p *picture) Part(off int64) (start, size int64) { return off &^ (partSize - 1), partSize }

var errBad = errors.New("this part is damaged")

func (p *picture) Parts() func(start int64) ([]byte, error) {
	b := make([]byte, partSize)
	return func(start int64) ([]byte, error) {
		p.mu.Lock()
		p.read[start]++
		p.mu.Unlock()
		switch {
		case p.bad != 0 && start == p.bad:
			return nil, errBad
		case start == zeroPart:
			return nil, nil
		}
		for i := 0; i < len(b); i += 8 {
			binary.NativeEndian.PutUint64(b[i:], uint64(start+int64(i))/world.Page+1000)
		}
		return b, nil
	}
}

func (p *picture) parts() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.read)
}

// program is a running testdata/lacking.c.
type program struct {
	*exec.Cmd
	in     io.Writer
	out    *bufio.Reader
	faults int // its descriptor
	memory uint64
	ended  chan struct{}
}

func needRoot(t *testing.T) {
	t.Helper()
	if err := Possible(); err != nil {
		t.Skipf("SKIPPED %s: %v", t.Name(), err)
	}
}

func start(t *testing.T) *program {
	t.Helper()
	dir := t.TempDir()
	p := &program{ended: make(chan struct{})}
	binary := filepath.Join(dir, "lacking")
	if out, err := exec.Command("gcc", "-O1", "-Wall", "-Werror", "-o", binary, "testdata/lacking.c").CombinedOutput(); err != nil {
		t.Fatalf("gcc: %v\n%s", err, out)
	}
	p.Cmd = exec.Command(binary)
	p.Dir, p.Stderr = dir, os.Stderr
	var err error
	if p.in, err = p.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	r, w, err := os.Pipe() // which Wait does not close
	if err != nil {
		t.Fatal(err)
	}
	p.Stdout, p.out = w, bufio.NewReader(r)
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	w.Close()
	go func() { p.Wait(); close(p.ended) }()
	t.Cleanup(func() { p.Process.Kill(); <-p.ended; r.Close() })
	line, err := p.out.ReadString('\n')
	if err == nil {
		_, err = fmt.Sscan(line, &p.faults, &p.memory)
	}
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// serve has s serve it.
func (p *program) serve(s *Server) error { return serve(s, p.Process.Pid, p.faults, p.memory) }

func serve(s *Server, pid, faults int, memory uint64) error {
	pidfd, err := unix.PidfdOpen(pid, 0)
	if err != nil {
		return err
	}
	defer unix.Close(pidfd)
	fd, err := unix.PidfdGetfd(pidfd, faults, 0)
	if err != nil {
		return err
	}
	return errors.Join(s.Watch(pid), s.Serve(fd, []Range{{memory, pages * world.Page, 0}}, nil))
}

// served starts a program that is served.
func served(t *testing.T, image *picture) (*program, *Server) {
	t.Helper()
	needRoot(t)
	p := start(t)
	image.read = map[int64]int{}
	s, err := Start(image)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		p.Process.Kill()
		<-p.ended
		s.Stop()
		<-s.Done()
	})
	if err := p.serve(s); err != nil {
		t.Fatal(err)
	}
	p.does(t, "close")
	return p, s
}

// ask has the program do something, and returns what it says of it.
func (p *program) ask(command string) string {
	fmt.Fprintln(p.in, command)
	var said strings.Builder
	for {
		line, err := p.out.ReadString('\n')
		said.WriteString(line)
		if err != nil || line == "ok\n" || line == "wrong\n" {
			return said.String()
		}
	}
}

func (p *program) does(t *testing.T, command string) {
	t.Helper()
	if said := p.ask(command); said != "ok\n" {
		t.Errorf("%s: %s", command, said)
	}
}

func (p *program) isEnded(t *testing.T) {
	t.Helper()
	select {
	case <-p.ended:
	case <-time.After(time.Minute):
		t.Fatal("the program runs on")
	}
}

func (s *Server) isDone(t *testing.T) {
	t.Helper()
	select {
	case <-s.Done():
	case <-time.After(time.Minute):
		t.Fatal("the server is not done")
	}
}

func until(t *testing.T, what string, cond func() bool) {
	t.Helper()
	for end := time.Now().Add(time.Minute); !cond(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("waited in vain for %s", what)
		}
	}
}

// Whatever a program does with memory that has not come, it sees what it would see if
// it had.
func TestMemory(t *testing.T) {
	image := &picture{}
	p, s := served(t, image)
	for _, command := range []string{"emptied", "moved", "grown", "replaced", "protected", "called", "locked", "peeked",
		"zeros", "written", "child", "look", "all"} {
		p.does(t, command)
	}
	if image.parts() == pages/16 {
		t.Error("more has come than what was touched")
	}
	s.LoadAll()
	s.isDone(t)
	if err := s.Err(); err != nil {
		t.Error(err)
	}
	if image.parts() < pages/16-3 { // but for what was given up
		t.Errorf("only %d parts have come of %d", image.parts(), pages/16)
	}
	for _, command := range []string{"look", "all", "child"} {
		p.does(t, command)
	}
}

// All comes behind what is touched, and then nobody serves any more.
func TestLoadAll(t *testing.T) {
	image := &picture{}
	p, s := served(t, image)
	s.LoadAll()
	s.isDone(t)
	for _, command := range []string{"all", "called", "zeros", "child"} {
		p.does(t, command)
	}
	maps, err := proc.Smaps(p.Process.Pid)
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range maps {
		if m.Has("um") {
			t.Errorf("userfaultfd is registered for %x-%x still", m.Start, m.End)
		}
	}
	for part, times := range image.read {
		if times != 1 {
			t.Errorf("the part at %d was read %d times", part, times)
		}
	}
}

// One that has another program by now lacks nothing.
func TestExec(t *testing.T) {
	p, s := served(t, &picture{})
	p.does(t, "look")
	p.does(t, "executed")
	s.LoadAll()
	s.isDone(t)
	if err := s.Err(); err != nil {
		t.Error(err)
	}
	if err := p.Process.Signal(unix.Signal(0)); err != nil {
		t.Errorf("the program has ended: %v", err)
	}
}

// One that ends lacks nothing.
func TestEnd(t *testing.T) {
	p, s := served(t, &picture{})
	p.Process.Kill()
	p.isEnded(t)
	s.LoadAll()
	s.isDone(t)
	if err := s.Err(); err != nil {
		t.Error(err)
	}
}

// What is damaged ends the program, which never sees it: at the touch, or behind.
func TestDamage(t *testing.T) {
	for what, find := range map[string]func(*testing.T, *program, *Server){
		"touched": func(t *testing.T, p *program, _ *Server) {
			if said := p.ask("look"); said != "" {
				t.Errorf("it saw what it was not to: %s", said)
			}
		},
		"behind": func(_ *testing.T, _ *program, s *Server) { s.LoadAll() },
	} {
		t.Run(what, func(t *testing.T) {
			p, s := served(t, &picture{bad: 112 * world.Page})
			find(t, p, s)
			p.isEnded(t)
			s.isDone(t)
			if !errors.Is(s.Err(), errBad) {
				t.Errorf("the server says %v", s.Err())
			}
		})
	}
}

// A guard that is killed is replaced, and so is a holder.
func TestHelperKilled(t *testing.T) {
	for what, helper := range map[string]func(*Server) int{
		"guard":  func(s *Server) int { return s.guard.pid },
		"holder": func(s *Server) int { return s.holder.pid },
	} {
		t.Run(what, func(t *testing.T) {
			p, s := served(t, &picture{bad: 112 * world.Page})
			its := func() int {
				s.mu.Lock()
				defer s.mu.Unlock()
				return helper(s)
			}
			for range 2 {
				pid := its()
				unix.Kill(pid, unix.SIGKILL)
				until(t, "another "+what, func() bool { return its() != pid })
			}
			p.does(t, "called")
			p.ask("look")
			p.isEnded(t)
			s.isDone(t)
		})
	}
}

// Nobody goes on without the server: neither the program, nor a child of it that is
// nobody's child by now.
func TestServerKilled(t *testing.T) {
	needRoot(t)
	p := start(t)
	server := exec.Command("/proc/self/exe")
	server.Env = append(os.Environ(), fmt.Sprintf("%s=%d %d %d", serveMarker, p.Process.Pid, p.faults, p.memory))
	server.Stderr = os.Stderr
	out, err := server.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	defer server.Wait()
	defer server.Process.Kill()
	if said, _ := bufio.NewReader(out).ReadString('\n'); said != "serving\n" {
		t.Fatalf("the server says %q", said)
	}
	p.does(t, "close")
	p.does(t, "called")
	p.does(t, "orphaned")
	orphan := 0
	until(t, "the orphan", func() bool {
		orphan = called(t, p.Path, p.Process.Pid)
		return orphan != 0
	})
	server.Process.Kill()
	p.isEnded(t)
	if err := os.WriteFile(filepath.Join(p.Dir, "look"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	until(t, "the end of the orphan", func() bool { return called(t, p.Path, 0) == 0 })
	if _, err := os.Stat(filepath.Join(p.Dir, "seen")); err == nil {
		t.Error("the orphan has seen memory that nobody brought")
	}
}

// called finds a process that runs an executable, other than one, and whose parent is
// not that.
func called(t *testing.T, path string, other int) int {
	t.Helper()
	pids, err := proc.Processes()
	if err != nil {
		t.Fatal(err)
	}
	for _, pid := range pids {
		exe, err := os.Readlink(fmt.Sprintf("/proc/%d/exe", pid))
		if err != nil || exe != path || pid == other {
			continue
		}
		if stat, err := proc.ReadStat(pid); err == nil && (other == 0 || stat.Parent() != other) && stat.State() != 'Z' {
			return pid
		}
	}
	return 0
}

// beServer serves a program until it is killed.
func beServer(what string) {
	var pid, faults int
	var memory uint64
	_, err := fmt.Sscan(what, &pid, &faults, &memory)
	var s *Server
	if err == nil {
		s, err = Start(&picture{read: map[int64]int{}})
	}
	if err == nil {
		err = serve(s, pid, faults, memory)
	}
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	fmt.Println("serving")
	select {}
}
