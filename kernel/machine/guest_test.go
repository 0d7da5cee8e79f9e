// Tests of the real thing. They replace the machine that they run on, so they
// are for virtual machines: tests/vm starts them there, with SNAPPIPE_GUEST
// set.

package machine

import (
	"context"
	"errors"
	"io"
	"os"
	"strings"
	"testing"

	"snappipe/kernel"
)

func inGuest(t *testing.T) *Machine {
	t.Helper()
	if os.Getenv("SNAPPIPE_GUEST") == "" {
		t.Skipf("SKIPPED %s: it replaces the machine it runs on; `make test-vm` runs it in a virtual one", t.Name())
	}
	return &Machine{opts: kernel.Options{Report: func(s string) { t.Log(s) }}}
}

// The test that "should obviously work", of the mail of 2007, in a kernel with
// the two calls.
func TestLinus(t *testing.T) {
	inGuest(t)
	buffer, err := snapshotSystem()
	if err == nil && buffer != nil {
		err = resumeSnapshot(buffer)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// The same through the interface, by whatever way the kernel has.
func TestSnapshotThenResume(t *testing.T) {
	m, ctx := inGuest(t), context.Background()
	img, err := m.SnapshotSystem(ctx)
	if errors.Is(err, kernel.ErrResumed) {
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	r, err := m.ResumeSnapshot(ctx, img.Facts(), img.Size())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(io.NewOffsetWriter(r, 0), io.NewSectionReader(img, 0, img.Size())); err != nil {
		t.Fatal(err)
	}
	_, err = r.Commit()
	t.Fatalf("the resume returned: %v", err)
}

// Wherever the child dies, the machine goes on, and the next snapshot works.
func TestChildDiesTakingImage(t *testing.T) {
	m := inGuest(t)
	for at := stepOpen; at <= stepClose; at++ {
		if at == stepRestore {
			continue
		}
		m.dieAt = at
		img, err := m.SnapshotSystem(context.Background())
		if err == nil {
			img.Close()
			t.Errorf("about to %v: no error", at)
		} else if !strings.Contains(err.Error(), "the machine goes on") {
			t.Errorf("about to %v: %v", at, err)
		}
	}
	m.dieAt = stepNone
	img, err := m.SnapshotSystem(context.Background())
	if err != nil {
		t.Fatalf("afterwards: %v", err)
	}
	if err := img.Close(); err != nil {
		t.Error(err)
	}
}

func TestChildDiesRestoring(t *testing.T) {
	m, ctx := inGuest(t), context.Background()
	img, err := m.SnapshotSystem(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer img.Close()
	for _, at := range []step{stepFreeze, stepRestore} {
		m.dieAt = at
		r, err := m.ResumeSnapshot(ctx, img.Facts(), img.Size())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.Copy(io.NewOffsetWriter(r, 0), io.NewSectionReader(img, 0, img.Size())); err != nil {
			t.Fatal(err)
		}
		if _, err = r.Commit(); err == nil || !strings.Contains(err.Error(), "the machine goes on") {
			t.Errorf("about to %v: %v", at, err)
		}
	}
}

// An image that lacks its end is not taken, and leaves nothing behind.
func TestCommitOfHalfAnImage(t *testing.T) {
	m, ctx := inGuest(t), context.Background()
	img, err := m.SnapshotSystem(ctx)
	if err != nil {
		t.Fatal(err)
	}
	half := img.Size() / 8192 * 4096
	r, err := m.ResumeSnapshot(ctx, img.Facts(), half)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(io.NewOffsetWriter(r, 0), io.NewSectionReader(img, 0, half)); err != nil {
		t.Fatal(err)
	}
	var refusal *kernel.Refusal
	if _, err = r.Commit(); !errors.As(err, &refusal) {
		t.Errorf("commit of half an image: %v", err)
	}
	img.Close() // or it would be part of the next
	again, err := m.SnapshotSystem(ctx)
	if err != nil {
		t.Fatalf("afterwards: %v", err)
	}
	again.Close()
}
