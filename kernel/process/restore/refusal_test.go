// What a resume refuses, and what it makes of headers that are damaged.

package restore_test

import (
	"context"
	"errors"
	"math/rand"
	"os"
	"strings"
	"testing"

	"snappipe/kernel"
	"snappipe/kernel/process/restore"
	"snappipe/kernel/process/world"
)

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
	front, err := world.HeaderSize(flat)
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
