// Package soak takes snapshot after snapshot of one program that never rests,
// and kills the tool that takes them at any moment.
//
// With SNAPPIPE_SOAK=1 in the environment it does so for long.
package soak

import (
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"strconv"
	"testing"
	"time"

	"snappipe/tests/process/cycle"
)

func TestMain(m *testing.M) { cycle.Main(m) }

// times is how often something is done.
func times(short, long int) int {
	if os.Getenv("SNAPPIPE_SOAK") != "" {
		return long
	}
	return short
}

// hammer is the program, at work.
type hammer struct {
	*cycle.Stage
	program *cycle.Process
	area    uint64
}

func start(t *testing.T, u cycle.User) *hammer {
	t.Helper()
	cycle.Need(t, "gcc")
	program := cycle.Compile(t, "programs/hammer.c", "-I../table/programs")
	s := cycle.NewStage(t, u)
	p := s.Start(t, program, s.Dir)
	s.Await(t, p, "ready")
	area, err := strconv.ParseUint(s.Read(t, "area"), 16, 64)
	if err != nil {
		t.Fatal(err)
	}
	return &hammer{s, p, area}
}

// finish has the program check all of its memory.
func (h *hammer) finish(t *testing.T, p *cycle.Process) {
	t.Helper()
	h.Write(t, "go", "")
	status := p.Status(t)
	if verdict := h.Read(t, "result"); verdict != "ok" || status != 0 {
		t.Errorf("status %d, verdict %q\n%s", status, verdict, p.Text())
	}
}

// TestAtomic takes many images and looks into each for a torn state.
func TestAtomic(t *testing.T) {
	h := start(t, cycle.Unprivileged)
	before := cycle.Look(t, h.program.PID)
	for i := range times(10, 500) {
		var err error
		cycle.Again(func() string {
			err = h.checkImage(t)
			return fmt.Sprint(err)
		})
		if err != nil {
			t.Fatalf("image %d: %v", i, err)
		}
	}
	if changes := before.Changes(cycle.Look(t, h.program.PID)); changes != "" {
		t.Errorf("the program has changed:\n%s", changes)
	}
	h.finish(t, h.program)
}

// checkImage reads an image as snapcat writes it.
func (h *hammer) checkImage(t *testing.T) error {
	r, w, err := os.Pipe()
	if err != nil {
		return err
	}
	defer r.Close()
	cmd := h.Tool("snapcat", "--raw", "process:"+strconv.Itoa(h.program.PID))
	cmd.Stdout = w
	p := cycle.Launch(t, cmd)
	w.Close()
	torn := checkCore(r, h.area)
	if _, err := io.Copy(io.Discard, r); err != nil {
		return err
	}
	if status := p.Status(t); status != 0 {
		return fmt.Errorf("snapcat: status %d: %s", status, p.Text())
	}
	return torn
}

// TestResumed resumes the program from an image of the middle of its work.
func TestResumed(t *testing.T) {
	for _, u := range cycle.Users() {
		t.Run(u.Name, func(t *testing.T) {
			h := start(t, u)
			if r := h.Snapshot(t, h.program.PID); !r.OK() {
				t.Fatalf("no snapshot: status %d, %s", r.Status, r.Text)
			}
			h.program.Kill()
			h.finish(t, h.Resume(t))
		})
	}
}

// TestKilled kills snapcat at moments spread over all that it does.
func TestKilled(t *testing.T) {
	h := start(t, cycle.Unprivileged)
	before := cycle.Look(t, h.program.PID)
	begun := time.Now()
	if r := h.Discard(t, h.program.PID); !r.OK() {
		t.Fatalf("no snapshot: status %d, %s", r.Status, r.Text)
	}
	whole := time.Since(begun)
	for range times(15, 200) {
		cmd := h.Tool("snapcat", "process:"+strconv.Itoa(h.program.PID))
		cmd.Stdout = io.Discard
		p := cycle.Launch(t, cmd)
		time.Sleep(rand.N(whole))
		p.Signal(t, os.Kill)
		p.Status(t)
		h.nothingLeft(t, cmd, before)
	}
	h.finish(t, h.program)
}

// nothingLeft waits until what snapcat had started is gone and the program is
// as it was.
func (h *hammer) nothingLeft(t *testing.T, snapcat *exec.Cmd, before cycle.Appearance) {
	t.Helper()
	var left string
	for range 5000 {
		left = ""
		if pids := cycle.Running(snapcat.Path); pids != nil {
			left = fmt.Sprintf("processes %v", pids)
		}
		if left == "" {
			left = before.Changes(cycle.Look(t, h.program.PID))
		}
		if left == "" {
			return
		}
		time.Sleep(2 * time.Millisecond)
	}
	t.Fatalf("left behind: %s", left)
}
