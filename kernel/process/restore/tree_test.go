// Trees that go on where they were. Their images are put together from those of
// processes that were none.

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
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"snappipe/kernel"
	"snappipe/kernel/process/world"
)

// grove is some targets, of which the first is to be the parent of the second,
// and so on.
type grove []*target

// newGrove has them in a namespace of their own, or not.
func newGrove(t *testing.T, n int, own bool) (g grove, img *saved) {
	t.Helper()
	all := &world.World{}
	var parts []*saved
	var worlds []*world.World
	for range n {
		p := newTarget(t)
		part := p.snapshot(t)
		front, err := world.HeaderSize(part.flat())
		if err != nil {
			t.Fatal(err)
		}
		w, err := world.Decode(part.flat()[:front], part.size)
		if err != nil {
			t.Fatal(err)
		}
		g, parts, worlds = append(g, p), append(parts, part), append(worlds, w)
		graft(all, w)
	}
	all.Tasks[0].OwnPIDs = own
	for i := 1; i < n; i++ {
		all.Tasks[i].PGID, all.Tasks[i].SID = all.Tasks[i].PID, all.Tasks[i].PID
		all.Tasks[i].PPID, all.Tasks[i].ExitSignal = all.Tasks[i-1].PID, int(unix.SIGCHLD)
	}
	for _, p := range g {
		p.kill(t)
	}
	header, size, err := world.Encode(all)
	if err != nil {
		t.Fatal(err)
	}
	b := make([]byte, size)
	copy(b, header)
	contents := 0
	for i, w := range worlds {
		from := parts[i].flat()
		for j, v := range w.Spaces[0].VMAs {
			to := all.Spaces[i].VMAs[j]
			copy(b[to.ImageOffset:to.ImageOffset+to.ImageSize], from[v.ImageOffset:])
		}
		for _, c := range w.Contents {
			copy(b[all.Contents[contents].Offset:], from[c.Offset:c.Offset+c.Size])
			contents++
		}
	}
	return g, &saved{size: size, facts: parts[0].facts, chunks: []chunk{{0, b}}}
}

// graft adds the world of one process to another.
func graft(all, w *world.World) {
	files, open, contents := len(all.Files), len(all.Open), len(all.Contents)
	move := func(index *int, by int) {
		if *index != world.NoIndex {
			*index += by
		}
	}
	w = shallow(w)
	for i := range w.Files {
		move(&w.Files[i].Content, contents)
	}
	for i := range w.Spaces[0].VMAs {
		move(&w.Spaces[0].VMAs[i].File, files)
	}
	for i := range w.Tables[0].FDs {
		move(&w.Tables[0].FDs[i].Open, open)
	}
	for i := range w.Open {
		o := &w.Open[i]
		move(&o.File, files)
		if o.Pipe != nil {
			p := *o.Pipe
			move(&p.Content, contents)
			o.Pipe = &p
		}
		if o.Epoll != nil {
			e := world.Epoll{Watches: slices.Clone(o.Epoll.Watches)}
			for j := range e.Watches {
				move(&e.Watches[j].Open, open)
			}
			o.Epoll = &e
		}
		if o.Socket != nil {
			s := *o.Socket
			s.Queue = slices.Clone(s.Queue)
			for j := range s.Queue {
				move(&s.Queue[j].Content, contents)
			}
			o.Socket = &s
		}
		o.Inotify = slices.Clone(o.Inotify)
		for j := range o.Inotify {
			move(&o.Inotify[j].File, files)
		}
	}
	task := &w.Tasks[0]
	task.Space, task.Table = len(all.Spaces), len(all.Tables)
	move(&task.Exe, files)
	move(&task.Cwd, files)
	all.Host = w.Host
	all.Tasks, all.Spaces, all.Tables = append(all.Tasks, *task), append(all.Spaces, w.Spaces...), append(all.Tables, w.Tables...)
	all.Files, all.Open, all.Contents = append(all.Files, w.Files...), append(all.Open, w.Open...), append(all.Contents, w.Contents...)
}

// shallow copies what graft changes.
func shallow(w *world.World) *world.World {
	c := *w
	c.Tasks, c.Files, c.Open, c.Contents = slices.Clone(w.Tasks), slices.Clone(w.Files), slices.Clone(w.Open), slices.Clone(w.Contents)
	c.Spaces, c.Tables = slices.Clone(w.Spaces), slices.Clone(w.Tables)
	c.Spaces[0].VMAs, c.Tables[0].FDs = slices.Clone(w.Spaces[0].VMAs), slices.Clone(w.Tables[0].FDs)
	return &c
}

// running are the processes of all.
func (g grove) running(t *testing.T) (pids []int) {
	t.Helper()
	for _, p := range g {
		pids = append(pids, p.processes(t)...)
	}
	return pids
}

// lines is how many all have written.
func (g grove) lines(t *testing.T) (n int) {
	for _, p := range g {
		n += len(p.lines(t))
	}
	return n
}

func (g grove) kill(t *testing.T) {
	t.Helper()
	for _, pid := range g.running(t) {
		unix.Kill(pid, unix.SIGKILL)
	}
}

// All of a tree go on, with their IDs, as children of each other; the status is
// that of the root, and others outlive it.
func TestResumeTree(t *testing.T) {
	for _, namespace := range []bool{false, true} {
		t.Run(fmt.Sprintf("namespace %v", namespace), func(t *testing.T) { testResumeTree(t, namespace) })
	}
}

func testResumeTree(t *testing.T, namespace bool) {
	g, img := newGrove(t, 3, namespace)
	namespace = namespace || os.Geteuid() != 0
	t.Cleanup(func() { g.kill(t) })
	resumed := commit(t, img, kernel.Options{})
	for _, p := range g {
		p.awaitProgress(t)
		for _, line := range p.lines(t) {
			if i, pid, ok := strings.Cut(line, " "); ok && pid != fmt.Sprint(p.pid) {
				t.Fatalf("in line %s it was process %s, not %d", i, pid, p.pid)
			}
		}
	}
	parent := os.Getpid()
	for _, p := range g {
		pid := p.processes(t)[0]
		if namespace == (pid == p.pid) {
			t.Errorf("process %d is %d to us", p.pid, pid)
		}
		if got := parentOf(t, pid); got != parent {
			t.Errorf("process %d is a child of %d, not of %d", pid, got, parent)
		}
		parent = pid
	}
	signalAfter(t, g[0], unix.SIGUSR1)
	if status, err := resumed.Wait(context.Background()); err != nil || status != 42 {
		t.Errorf("the root ended with status %d, %v, want 42", status, err)
	}
	for _, p := range g[1:] {
		p.awaitProgress(t)
	}
	g.kill(t)
	if namespace { // which goes with the last of them
		if _, err := unix.Wait4(-1, nil, unix.WALL, nil); err != nil {
			t.Errorf("waiting for the process that keeps the namespace: %v", err)
		}
	}
}

func parentOf(t *testing.T, pid int) int {
	t.Helper()
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		t.Fatal(err)
	}
	var state string
	var ppid int
	fmt.Sscan(string(b[bytes.LastIndexByte(b, ')')+1:]), &state, &ppid)
	return ppid
}

// A failure at any step leaves nothing of a tree, and neither does a check.
func TestFailureInTree(t *testing.T) {
	g, img := newGrove(t, 2, false)
	before := g[0].traces(t)
	failAtEveryStep(t, img, func() {
		g[0].compare(t, before)
		g[1].awaitNone(t)
	})
	r := load(t, img, kernel.Options{Check: true})
	if _, err := r.Commit(); err != nil {
		t.Error(errors.Join(err, r.Abort()))
	}
	g[0].compare(t, before)
}

// Death of the resuming process at any moment leaves nothing of a tree, or all of
// it if that was after the last. Before they are let go none has run; while they
// are, one by one, those that run end again.
func TestTreeKilledAnytime(t *testing.T) {
	for _, own := range []bool{false, true} {
		t.Run(fmt.Sprintf("namespace %v", own), func(t *testing.T) { testTreeKilledAnytime(t, own) })
	}
}

func testTreeKilledAnytime(t *testing.T, own bool) {
	g, img := newGrove(t, 4, own)
	t.Cleanup(func() { g.kill(t) })
	dir := t.TempDir()
	file, goes := filepath.Join(dir, "image"), filepath.Join(dir, "they are let go")
	if err := os.WriteFile(file, img.flat(), 0o600); err != nil {
		t.Fatal(err)
	}
	start := func() *exec.Cmd {
		os.Remove(goes)
		cmd := exec.Command("/proc/self/exe")
		cmd.Env = append(os.Environ(), "RESTORE_KILLED_AT=-1", "RESTORE_TELLS="+goes, "RESTORE_IMAGE="+file)
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		return cmd
	}
	end := func(cmd *exec.Cmd) {
		cmd.Process.Kill()
		cmd.Wait()
		g.kill(t)
		for _, p := range g {
			p.awaitNone(t)
		}
	}
	begun, cmd := time.Now(), start()
	g[0].awaitProgress(t)
	took := time.Since(begun)
	end(cmd)

	const kills = 50
	none, all := 0, 0
	for i := range kills {
		lines := g.lines(t)
		cmd := start()
		time.Sleep(time.Duration(rand.Int63n(int64(took))))
		cmd.Process.Kill()
		cmd.Wait()
		var left []int
		for begun := time.Now(); time.Since(begun) < 10*time.Second; time.Sleep(5 * time.Millisecond) {
			if left = g.running(t); len(left) == 0 || len(left) == len(g) {
				break
			}
		}
		switch len(left) {
		case 0:
			none++
			if _, err := os.Stat(goes); err != nil && g.lines(t) != lines {
				t.Fatalf("kill %d: nothing is left, but it ran before it was let go", i)
			}
			took += took / 20
		case len(g):
			all++
			end(cmd)
			took -= took / 20
		default:
			t.Fatalf("kill %d: %d of %d processes are left", i, len(left), len(g))
		}
	}
	t.Logf("%d kills left nothing, %d came after the end", none, all)
	if none == 0 || all == 0 {
		t.Errorf("%d kills left nothing and %d came after the end: not at any moment", none, all)
	}
}

// Death while they are let go, one by one, ends those that run already.
func TestTreeKilledWhenLetGo(t *testing.T) {
	for _, own := range []bool{false, true} {
		g, img := newGrove(t, 3, own)
		t.Cleanup(func() { g.kill(t) })
		file := filepath.Join(t.TempDir(), "image")
		if err := os.WriteFile(file, img.flat(), 0o600); err != nil {
			t.Fatal(err)
		}
		for n := 1; n < len(g); n++ {
			cmd := exec.Command("/proc/self/exe")
			cmd.Env = append(os.Environ(), "RESTORE_KILLED_AT=-1", fmt.Sprintf("RESTORE_LETS_GO=%d", n), "RESTORE_IMAGE="+file)
			out, err := cmd.CombinedOutput()
			if status, ok := cmd.ProcessState.Sys().(syscall.WaitStatus); !ok || status.Signal() != unix.SIGKILL {
				t.Fatalf("after %d: it was to be killed, but: %v\n%s", n, err, out)
			}
			for _, p := range g {
				p.awaitNone(t)
			}
		}
	}
}
