// Memory that is looked at on its way into a pipe.

package process

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"testing"

	"snappipe/kernel"
)

// What is peeked at is the image, and so is what then comes through the pipe, whatever of
// it is wanted: here some of memory that is in long and in short pieces, shared
// and not.
func TestPeek(t *testing.T) {
	pid := start(t, `
		long *all = mmap(0, 24 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		long *shared = mmap(0, 3 << 20, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
		for (long i = 0; i < 24 << 17; i++)
			if (i < 8 << 17 || i >> 9 & i >> 10 & 1 || i > 12 << 17 && i < 20 << 17)
				all[i] = i * 0x9e3779b97f4a7c15;
		for (long i = 0; i < 3 << 17; i++)
			shared[i] = ~i;
		for (long i = 0; i < 40; i++) { // 23 and 7 pages behind each other in the image
			MUST(munmap(all + (2 << 17) + i * 16384 + 23 * 512, 4096));
			MUST(munmap(all + (2 << 17) + i * 16384 + 31 * 512, 4096));
		}`)
	img, err := snapshot(t, pid, kernel.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer img.Close()
	l := img.(kernel.Peeker)
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	defer w.Close()
	random := rand.New(rand.NewPCG(1, 2))
	peeked := 0
	for off, n := range img.Data() {
		for at := off; at < off+n; {
			size := min(1+random.Int64N(256), (off+n-at+4095)/4096) * 4096
			size = min(size, off+n-at)
			peekAt(t, l, at, size)
			peeked++
			if random.IntN(4) > 0 {
				from := random.Int64N((size+4095)/4096) * 4096
				pipeOne(t, l, r, w, at+from, size-from)
			}
			at += size
		}
	}
	if peeked < 20 {
		t.Errorf("no more than %d parts were peeked at", peeked)
	}
	if err := l.Peek(make([]byte, 4096), 1<<50); err == nil || errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("what is not there is peeked at: %v", err)
	}
}

// What is read in order is the image, whatever of it is read: here some of memory in
// long and in short pieces.
func TestReadNext(t *testing.T) {
	pid := start(t, `
		long *all = mmap(0, 24 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		for (long i = 0; i < 24 << 17; i++)
			if (i < 8 << 17 || i >> 9 & i >> 10 & 1 || i > 12 << 17 && i < 20 << 17)
				all[i] = i * 0x9e3779b97f4a7c15;`)
	img, err := snapshot(t, pid, kernel.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer img.Close()
	next := img.(kernel.Sequential)
	random := rand.New(rand.NewPCG(1, 2))
	parts := 0
	for off, n := range img.Data() {
		for at := off; at < off+n; {
			b := make([]byte, min(1+random.Int64N(1<<20), off+n-at))
			if random.IntN(4) > 0 {
				if err := next.ReadNext(b, at); err != nil {
					t.Fatalf("reading %#x+%#x: %v", at, len(b), err)
				}
				if !bytes.Equal(b, stored(t, img, at, int64(len(b)))) {
					t.Fatalf("what was read at %#x+%#x is something else", at, len(b))
				}
				parts++
			}
			at += int64(len(b))
		}
	}
	if parts < 20 {
		t.Errorf("no more than %d parts were read", parts)
	}
	if err := next.ReadNext(make([]byte, 4096), 1<<50); err == nil || errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("what is not there is read: %v", err)
	}
	img.Close()
	for off := range img.Data() {
		if err := next.ReadNext(make([]byte, 4096), off); err == nil {
			t.Error("an image is read that was closed")
		}
		break
	}
}

func stored(t *testing.T, img kernel.Image, off, n int64) []byte {
	t.Helper()
	b := make([]byte, n)
	if _, err := img.ReadAt(b, off); err != nil {
		t.Fatal(err)
	}
	return b
}

func peekAt(t *testing.T, l kernel.Peeker, off, n int64) {
	t.Helper()
	b := make([]byte, n)
	if err := l.Peek(b, off); err != nil {
		t.Fatalf("peeking at %#x+%#x: %v", off, n, err)
	}
	if !bytes.Equal(b, stored(t, l, off, n)) {
		t.Fatalf("what was peeked at at %#x+%#x is something else", off, n)
	}
}

func pipeOne(t *testing.T, l kernel.Peeker, r, w *os.File, off, n int64) {
	t.Helper()
	got := make(chan []byte)
	go func() {
		b := make([]byte, n)
		if _, err := io.ReadFull(r, b); err != nil {
			t.Error(err)
		}
		got <- b
	}()
	moved, err := l.PipeTo(w, off, n)
	if moved != n || err != nil {
		t.Fatalf("moving %#x+%#x: %d, %v", off, n, moved, err)
	}
	if !bytes.Equal(<-got, stored(t, l, off, n)) {
		t.Fatalf("what came through the pipe of %#x+%#x is something else", off, n)
	}
}
