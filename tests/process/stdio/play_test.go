// This file starts programs, takes their images, and resumes them.

package stdio

import (
	"bufio"
	"bytes"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"snappipe/tests/process/cycle"
)

// program is one of which there is an image.
type program struct {
	*cycle.Stage
	has    [3]kind
	things [3]*thing
	image  []byte
}

// start starts a program, takes its image, and kills it. What is a terminal
// among its descriptors is one open file description of one terminal.
func start(t *testing.T, s *cycle.Stage, path string, has [3]kind) *program {
	t.Helper()
	p := &program{Stage: s, has: has}
	x := cycle.NewTerminal(t, s.User)
	attr := &os.ProcAttr{Dir: s.Dir, Files: make([]*os.File, 3), Sys: s.Command("").SysProcAttr}
	var shared *thing
	for n, k := range has {
		if k != terminal {
			p.things[n] = k.make(t, s, x, "saved"+strconv.Itoa(n), n)
		} else {
			if shared == nil {
				shared = k.make(t, s, x, "", n)
				attr.Sys.Setsid, attr.Sys.Setctty, attr.Sys.Ctty = true, true, n
			}
			p.things[n] = shared
		}
		attr.Files[n] = p.things[n].file
	}
	t.Cleanup(func() {
		for _, x := range p.things {
			x.close()
		}
	})
	live, err := os.StartProcess(path, []string{path}, attr)
	if err != nil {
		t.Fatal(err)
	}
	defer live.Wait()
	defer live.Kill()
	awaitStill(t, live.Pid)
	snapcat := s.Tool("snapcat", "-o", s.Path("img"), "process:"+strconv.Itoa(live.Pid))
	if out, err := snapcat.CombinedOutput(); err != nil {
		t.Fatalf("no snapshot: %v, %s", err, out)
	}
	if p.image, err = os.ReadFile(s.Path("img")); err != nil {
		t.Fatal(err)
	}
	return p
}

// awaitStill waits until still.c is executed, and has done what it does.
func awaitStill(t *testing.T, pid int) {
	t.Helper()
	cycle.Until(t, "the program to be still", func() bool {
		b, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/syscall")
		return err == nil && bytes.HasPrefix(b, []byte(strconv.Itoa(unix.SYS_PAUSE)+" "))
	})
}

// resumption is a run of snapresume.
type resumption struct {
	way
	stage  *cycle.Stage
	image  []byte
	screen *cycle.Terminal
	things [3]*thing
	source *thing
	tool   *os.Process
	ended  chan int
}

// resume starts snapresume in one of the ways.
func (p *program) resume(t *testing.T, w way) *resumption {
	t.Helper()
	r := &resumption{way: w, stage: p.Stage, image: p.image, screen: cycle.NewTerminal(t, p.User), ended: make(chan int, 1)}
	r.source = p.source(t, w.from)
	tool := p.Tool("snapresume", w.args...)
	attr := &os.ProcAttr{Dir: p.Dir, Env: tool.Env, Files: make([]*os.File, 3), Sys: tool.SysProcAttr}
	args := append([]string{"snapresume"}, w.args...)
	for n, k := range w.has {
		switch {
		case k == image:
			r.things[n] = r.source
		case k == same:
			r.things[n] = r.things[n-1]
		case k == socket && w.from == socket:
			r.things[n] = r.source // it goes both ways
		default:
			r.things[n] = k.make(t, p.Stage, r.screen, "log"+strconv.Itoa(n), n)
		}
		attr.Files[n] = r.things[n].file
	}
	if r.source.file == nil {
		args = append(args, p.Path("img"))
	}
	attr.Sys.Setsid = true
	if !w.away {
		attr.Files = append(attr.Files, r.screen.File)
		attr.Sys.Setctty, attr.Sys.Ctty = true, 3
	}
	var err error
	if r.tool, err = os.StartProcess(tool.Path, args, attr); err != nil {
		t.Fatal(err)
	}
	go func() {
		state, err := r.tool.Wait()
		if err != nil {
			r.ended <- -1
			return
		}
		r.ended <- state.Sys().(interface{ ExitStatus() int }).ExitStatus()
	}()
	return r
}

// source is where the image comes from: nothing if snapresume opens it.
func (p *program) source(t *testing.T, from kind) *thing {
	t.Helper()
	var x *thing
	switch from {
	case file:
		return (&thing{file: reopen(t, p.Path("img"), os.O_RDWR)}).look(t)
	case pipe, socket:
		x = from.make(t, p.Stage, nil, "", 0)
		go func() {
			x.other.Write(p.image) // snapresume sees by itself if that fails
			if from == pipe {
				x.other.Close()
			} else {
				unix.Shutdown(int(x.other.Fd()), unix.SHUT_WR)
			}
		}()
		return x
	}
	return &thing{}
}

// program waits for the program and returns its process ID.
func (r *resumption) program(t *testing.T) int {
	t.Helper()
	if r.says("--detach") {
		return r.printed(t)
	}
	pid := 0
	cycle.Until(t, "the resumed program", func() bool {
		for _, child := range cycle.Children(r.tool.Pid) {
			b, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(child), "comm"))
			if err == nil && string(b) == "still\n" && cycle.IsLetGo(child) {
				pid = child
			}
		}
		return pid != 0 || len(r.ended) > 0
	})
	if pid == 0 {
		t.Fatalf("%s: it ended with status %d, and says %s", r.name, <-r.ended, r.said())
	}
	return pid
}

// printed is the process ID that snapresume --detach prints. It ends by itself,
// and leaves a pipe that a shell reads that from to nobody.
func (r *resumption) printed(t *testing.T) int {
	t.Helper()
	if status := r.status(t); status != 0 {
		t.Fatalf("%s: status %d, it says %s", r.name, status, r.said())
	}
	out := r.things[1]
	var text string
	switch {
	case out.other == nil:
		b, err := os.ReadFile(out.file.Name())
		if err != nil {
			t.Fatal(err)
		}
		text = string(b[out.pos:])
	case r.says("--stdio mine"):
		line, err := bufio.NewReader(out.other).ReadString('\n')
		if err != nil {
			t.Fatal(err)
		}
		text = line
	default:
		out.file.Close() // our own
		out.other.SetReadDeadline(time.Now().Add(time.Minute))
		b, err := io.ReadAll(out.other)
		if err != nil {
			t.Fatalf("%s: the pipe is held: %v", r.name, err)
		}
		text = string(b)
	}
	// It may have given notice of something before, on the same descriptor.
	lines := strings.Split(strings.TrimSpace(text), "\n")
	pid, err := strconv.Atoi(lines[len(lines)-1])
	if err != nil {
		t.Fatalf("%s: no process ID: %q", r.name, text)
	}
	return pid
}

// status waits for the end of snapresume.
func (r *resumption) status(t *testing.T) int {
	t.Helper()
	select {
	case status := <-r.ended:
		return status
	case <-time.After(time.Minute):
		t.Fatalf("%s: snapresume has not ended", r.name)
		return -1
	}
}

// end kills the program, which is the end of snapresume.
func (r *resumption) end(t *testing.T, pid int) {
	t.Helper()
	if err := unix.Kill(pid, unix.SIGKILL); err != nil {
		t.Fatal(err)
	}
	if !r.says("--detach") {
		if status := r.status(t); status != 128+int(unix.SIGKILL) {
			t.Errorf("status %d, not that of the program", status)
		}
	}
}

// said is what snapresume wrote to standard error.
func (r *resumption) said() string {
	err := r.things[2]
	switch {
	case err.file == nil:
		return "nothing, where that is closed"
	case err.other != nil:
		b := make([]byte, 4096)
		err.other.SetReadDeadline(time.Now().Add(time.Second))
		n, _ := err.other.Read(b)
		return string(b[:n])
	case err.stat.Mode&unix.S_IFMT == unix.S_IFREG:
		b, _ := os.ReadFile(err.file.Name())
		return string(b)
	}
	return r.screen.Text()
}

func (r *resumption) close() {
	r.tool.Kill()
	for _, x := range append(r.things[:], r.source) {
		x.close()
	}
}
