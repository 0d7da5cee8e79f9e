// Bytes on their way back to the kernel.

package machine

import (
	"bytes"
	"crypto/rand"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
)

// What comes in pieces of any size, with holes between, reaches the kernel as
// whole pages and without a hole.
func TestResumptionWritesWholePages(t *testing.T) {
	const size = 64 * 4096
	want := make([]byte, size)
	file := filepath.Join(t.TempDir(), "device")
	fd, err := unix.Open(file, unix.O_WRONLY|unix.O_CREAT|unix.O_CLOEXEC, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	r := &resumption{fd: fd, size: size, page: make([]byte, 0, 4096)}
	for _, piece := range [][2]int64{{0, 1}, {1, 4095}, {4096, 4096}, {3 * 4096, 10000}, {30000, 3}, {30003, 1 << 16}, {60*4096 - 1, 2}} {
		b := want[piece[0] : piece[0]+piece[1]]
		rand.Read(b)
		if n, err := r.WriteAt(b, piece[0]); n != len(b) || err != nil {
			t.Fatalf("%v: %d, %v", piece, n, err)
		}
	}
	for _, wrong := range []struct{ off, n int64 }{{0, 1}, {size - 1, 2}, {size, 1}, {1 << 62, 1}} {
		if _, err := r.WriteAt(make([]byte, wrong.n), wrong.off); err == nil {
			t.Errorf("%v was taken", wrong)
		}
	}
	if err := r.fill(size); err != nil {
		t.Fatal(err)
	}
	if err := r.Abort(); err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Error("other bytes came out than went in")
	}
	if len(r.page) != 0 {
		t.Errorf("%d bytes were kept", len(r.page))
	}
}

// For the call, pieces come in any order, and what does not come is zeros.
func TestMappedTakesPiecesInAnyOrder(t *testing.T) {
	const size = 16 * 4096
	want := make([]byte, size)
	r, err := new(Machine).newMapped(size)
	if err != nil {
		t.Fatal(err)
	}
	for _, piece := range [][2]int64{{60000, 5536}, {0, 1}, {30000, 3}, {4096, 4096}, {1, 100}} {
		b := want[piece[0] : piece[0]+piece[1]]
		rand.Read(b)
		if n, err := r.WriteAt(b, piece[0]); n != len(b) || err != nil {
			t.Fatalf("%v: %d, %v", piece, n, err)
		}
	}
	for _, wrong := range []struct{ off, n int64 }{{-1, 1}, {size - 1, 2}, {size, 1}, {1 << 62, 1}} {
		if _, err := r.WriteAt(make([]byte, wrong.n), wrong.off); err == nil {
			t.Errorf("%v was taken", wrong)
		}
	}
	if !bytes.Equal(r.mem.bytes(size), want) {
		t.Error("other bytes are there than came")
	}
	if err := r.Abort(); err != nil {
		t.Fatal(err)
	}
}
