// Writing past the page cache.

package file

import (
	"bytes"
	"math/rand"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
)

// newDirectFile is a new file, which is written to past the page cache.
func newDirectFile(t *testing.T) (*os.File, *direct) {
	t.Helper()
	f, err := os.Create(filepath.Join(t.TempDir(), "f"))
	if err != nil {
		t.Fatal(err)
	}
	d := newDirect(f)
	t.Cleanup(func() { d.end(); f.Close() })
	if d == nil {
		t.Skipf("SKIPPED %s: the file system of %s has no O_DIRECT", t.Name(), f.Name())
	}
	return f, d
}

// Whatever the lengths of the writes, the file has just what was written, and that went
// past the page cache but for the end.
func TestDirect(t *testing.T) {
	f, d := newDirectFile(t)
	random := rand.New(rand.NewSource(1))
	var want []byte
	for _, n := range []int{64, directPart, 1, 3*directPart + 5000, 0, 777, directPart - 64} {
		b := make([]byte, n)
		random.Read(b)
		if got, err := d.Write(b); got != n || err != nil {
			t.Fatalf("write of %d bytes: %d, %v", n, got, err)
		}
		want = append(want, b...)
		if !isDirect(t, f) {
			t.Fatalf("after %d bytes, writes go through the page cache", len(want))
		}
	}
	if st, err := f.Stat(); err != nil || st.Size() != int64(len(want)/directPart*directPart) {
		t.Errorf("before the end, the file has %d of %d bytes: %v", st.Size(), len(want), err)
	}
	if err := d.end(); err != nil || isDirect(t, f) {
		t.Errorf("the end: %v", err)
	}
	got, err := os.ReadFile(f.Name())
	if err != nil || !bytes.Equal(got, want) {
		t.Errorf("of %d bytes, others are there, %d: %v", len(want), len(got), err)
	}
	if n, err := d.Write([]byte("x")); n != 0 || err == nil {
		t.Errorf("a write after the end: %d, %v", n, err)
	}
}

func isDirect(t *testing.T, f *os.File) bool {
	t.Helper()
	flags, err := unix.FcntlInt(f.Fd(), unix.F_GETFL, 0)
	if err != nil {
		t.Fatal(err)
	}
	return flags&unix.O_DIRECT != 0
}

// A device that refuses such a write gets it the usual way, as does one that refuses all
// of them: here a write from the middle of a block.
func TestDirectRefused(t *testing.T) {
	f, d := newDirectFile(t)
	if _, err := f.Seek(1, 0); err != nil {
		t.Fatal(err)
	}
	want := bytes.Repeat([]byte("snappipe"), directPart/4)
	if n, err := d.Write(want); n != len(want) || err != nil {
		t.Fatalf("write: %d, %v", n, err)
	}
	if err := d.end(); err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(f.Name())
	if err != nil || !bytes.Equal(got[1:], want) {
		t.Errorf("another file is there: %v", err)
	}
}
