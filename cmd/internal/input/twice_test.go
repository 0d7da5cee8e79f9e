// An image that is read twice is the same the second time.

package input

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"testing"

	"snappipe/format"
)

func fileOf(t *testing.T, b []byte) *os.File {
	t.Helper()
	path := filepath.Join(t.TempDir(), "img")
	check(t, os.WriteFile(path, b, 0o600))
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	check(t, err)
	t.Cleanup(func() { f.Close() })
	return f
}

func pipeOf(t *testing.T, b []byte) *os.File {
	t.Helper()
	r, w, err := os.Pipe()
	check(t, err)
	go func() { w.Write(b); w.Close() }()
	t.Cleanup(func() { r.Close() })
	return r
}

func TestTwice(t *testing.T) {
	for _, size := range []int{0, 1, block - 1, block, block + 1, 2*block + 77} {
		b := bytes.Repeat([]byte("snapshot"), size/8+1)[:size]
		for name, f := range map[string]*os.File{"file": fileOf(t, b), "pipe": pipeOf(t, b)} {
			s := &Stream{File: f, Reader: format.NewReader(f)}
			check(t, s.Twice())
			for _, time := range []string{"first", "second"} {
				if got, err := io.ReadAll(s.twice); err != nil || !bytes.Equal(got, b) {
					t.Errorf("%s of %d bytes, the %s time: %d bytes, %v", name, size, time, len(got), err)
				}
				check(t, s.Again())
			}
		}
	}
}

// What was not read the first time is not there the second time, as what lies
// behind an image on a disk.
func TestTwicePart(t *testing.T) {
	b := make([]byte, 3*block)
	f := fileOf(t, b)
	s := &Stream{File: f, Reader: format.NewReader(f)}
	check(t, s.Twice())
	_, err := io.CopyN(io.Discard, s.twice, block+1)
	check(t, err)
	check(t, s.Again())
	if got, err := io.ReadAll(s.twice); err != nil || len(got) != 2*block {
		t.Errorf("%d bytes, %v", len(got), err)
	}
}

// No byte of a block that has changed is handed out.
func TestTwiceChanged(t *testing.T) {
	b := make([]byte, 2*block+77)
	for what, change := range map[string]func(f *os.File) error{
		"a byte is another": func(f *os.File) error { _, err := f.WriteAt([]byte{1}, block+5); return err },
		"it is shorter":     func(f *os.File) error { return f.Truncate(block + 5) },
		"it has gone":       func(f *os.File) error { return f.Truncate(block) },
	} {
		f := fileOf(t, b)
		s := &Stream{File: f, Reader: format.NewReader(f)}
		check(t, s.Twice())
		_, err := io.ReadAll(s.twice)
		check(t, err)
		check(t, change(f))
		check(t, s.Again())
		if got, err := io.ReadAll(s.twice); err == nil || len(got) != block {
			t.Errorf("%s: %d bytes, %v", what, len(got), err)
		}
	}
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
