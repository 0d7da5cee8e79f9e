// Images of files: what they leave out, and what they read as.

package file

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"snappipe/kernel"
)

func snapshot(t *testing.T, path string) kernel.Image {
	t.Helper()
	k, err := kernel.Open("file:"+path, kernel.Options{})
	if err != nil {
		t.Fatal(err)
	}
	img, err := k.SnapshotSystem(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	return img
}

// TestData checks that what Data leaves out are zeros, and that it leaves
// out holes.
func TestData(t *testing.T) {
	path := filepath.Join(t.TempDir(), "sparse")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	const size = 64 << 20
	for _, at := range []int64{0, 10 << 20, 40<<20 + 12345} {
		if _, err := f.WriteAt(bytes.Repeat([]byte{1}, 5000), at); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(f.Truncate(size), f.Close()); err != nil {
		t.Fatal(err)
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}

	img := snapshot(t, path)
	defer img.Close()
	got, last, sum := make([]byte, size), int64(0), int64(0)
	for off, n := range img.Data() {
		if off < last || n <= 0 {
			t.Fatalf("extent %d+%d after %d", off, n, last)
		}
		if _, err := img.ReadAt(got[off:off+n], off); err != nil {
			t.Fatal(err)
		}
		last, sum = off+n, sum+n
	}
	if !bytes.Equal(got, want) {
		t.Error("the extents do not hold the file")
	}
	if sum == size {
		t.Error("holes are not left out")
	}
}

func TestPipeTo(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	want := make([]byte, 3<<20)
	rand.NewChaCha8([32]byte{4}).Read(want)
	write(t, path, string(want))
	img := snapshot(t, path).(kernel.Piper)
	defer img.Close()

	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	sent := make(chan error, 1)
	go func() {
		_, err := img.PipeTo(w, 1000, 2<<20)
		sent <- errors.Join(err, w.Close())
	}()
	got, err := io.ReadAll(r)
	if err := errors.Join(err, <-sent); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want[1000:1000+2<<20]) {
		t.Error("other bytes came through the pipe")
	}

	f, err := os.Create(path + ".out")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := img.PipeTo(f, 0, 1); !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("into a file: %v, not ErrUnsupported", err)
	}
}

// TestChanges changes the file behind the image's back.
func TestChanges(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	write(t, path, strings.Repeat("x", 10000))
	img := snapshot(t, path)
	if err := os.Truncate(path, 5000); err != nil {
		t.Fatal(err)
	}
	if _, err := img.ReadAt(make([]byte, 10000), 0); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("read of a file that became shorter: %v", err)
	}
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	defer w.Close()
	if _, err := img.(kernel.Piper).PipeTo(w, 5000, 5000); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("splice of a file that became shorter: %v", err)
	}
	if err := img.Close(); err == nil {
		t.Error("a file that changed closes without an error")
	}
	img = snapshot(t, path)
	if err := img.Close(); err != nil {
		t.Errorf("a file that did not change: %v", err)
	}
}

func TestRefuses(t *testing.T) {
	for _, path := range []string{t.TempDir(), "/dev/null"} {
		k, err := kernel.Open("file:"+path, kernel.Options{})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := k.SnapshotSystem(context.Background()); !errors.As(err, new(*kernel.Refusal)) {
			t.Errorf("%s: %v, not a refusal", path, err)
		}
	}
	if _, err := kernel.Open("file", kernel.Options{}); !errors.As(err, new(*kernel.TargetError)) {
		t.Errorf("without a path: %v", err)
	}
}
