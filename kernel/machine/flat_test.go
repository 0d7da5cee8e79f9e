// Flat images, and their first page.

package machine

import (
	"bytes"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"snappipe/kernel"
)

// header returns the page that a flat image begins with.
// The machine has a thousand pages of memory.
func header(data, pages, size uint64) []byte {
	b := make([]byte, 4096)
	for at, n := range map[int]uint64{flatMemory: 1000, flatDataPages: data, flatPages: pages, flatSize: size} {
		binary.LittleEndian.PutUint64(b[at:], n)
	}
	return b
}

func fileWith(t *testing.T, b []byte) *os.File {
	t.Helper()
	name := filepath.Join(t.TempDir(), "flat")
	if err := os.WriteFile(name, b, 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := os.OpenFile(name, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

// Only what has the header of an image, and is all there, is taken for one.
func TestSizeOfFlat(t *testing.T) {
	good := header(3, 5, 5*4096)
	for name, c := range map[string]struct {
		file []byte
		size int64 // 0 if it is refused
	}{
		"an image":             {append(good, make([]byte, 4*4096)...), 5 * 4096},
		"more behind it":       {append(good, make([]byte, 9*4096)...), 5 * 4096},
		"cut short":            {append(good, make([]byte, 4*4096-1)...), 0},
		"nothing":              {nil, 0},
		"zeros":                {make([]byte, 5*4096), 0},
		"a stream":             {bytes.Repeat([]byte("snappipe"), 512), 0},
		"pages of zeros":       {append(header(3, 6, 6*4096), make([]byte, 5*4096)...), 6 * 4096},
		"more than the memory": {append(header(3, 7, 7*4096), make([]byte, 6*4096)...), 0},
		"more in it than that": {append(header(1001, 1004, 1004*4096), make([]byte, 1003*4096)...), 0},
		"sizes do not match":   {append(header(3, 5, 5*4096+1), make([]byte, 9*4096)...), 0},
		"too few pages of PFN": {append(header(513, 515, 515*4096), make([]byte, 514*4096)...), 0},
		"larger than any file": {header(1<<51-2-1<<42, 1<<51-1, (1<<51-1)<<12), 0},
	} {
		size, err := sizeOfFlat(fileWith(t, c.file))
		if c.size == 0 && !errors.As(err, new(*kernel.Refusal)) || c.size != 0 && err != nil || size != c.size {
			t.Errorf("%s: %d, %v", name, size, err)
		}
	}
}

// What --once erases in the file is still there for the kernel.
func TestMapFlatKeepsTheFirstPage(t *testing.T) {
	want := make([]byte, 5*4096)
	rand.Read(want)
	f := fileWith(t, want)
	m, err := new(Machine).mapFlat(f, int64(len(want)))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteAt(make([]byte, 4096), 0); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(m.mem.bytes(int64(len(want))), want) {
		t.Error("the mapping has changed with the file")
	}
	if err := m.Abort(); err != nil {
		t.Error(err)
	}
}
