// An image that is read twice: once to find out whether it is to be trusted, and
// then to be resumed. Nothing of it reaches a kernel before. The second time it is
// the same as the first, whoever may write to the file meanwhile: each block of it
// is compared with its SHA-256 before a byte is handed on. What comes through a
// pipe is kept in memory.

package input

import (
	"crypto/sha256"
	"fmt"
	"io"
	"os"

	"golang.org/x/sys/unix"

	"snappipe/cmd/internal/tool"
	"snappipe/format"
)

// block is how much is compared at once.
const block = 4 << 20

// twice is a source that is read for the first time until again is called.
type twice struct {
	src   io.Reader
	file  *os.File // what is read the second time
	from  int64    // where in that it begins
	keep  bool     // file is a copy, that is being made
	buf   []byte   // what is left of the last block
	whole []byte   // where blocks are read
	sums  [][sha256.Size]byte
	next  int // which of them comes, the second time; or -1
}

// Twice has s read from the beginning again, once Again is called, as it was the
// first time. Nothing may have been read from it before.
func (s *Stream) Twice() error {
	t := &twice{src: s.File, file: s.File, whole: make([]byte, block), next: -1}
	st, err := s.File.Stat()
	if err != nil {
		return err
	}
	if st.Mode().IsRegular() || s.Device {
		t.from, err = s.File.Seek(0, io.SeekCurrent)
	} else {
		t.keep = true
		t.file, err = inMemory()
	}
	if err != nil {
		return err
	}
	s.twice = t
	s.renew(t)
	return nil
}

// inMemory makes a file that nobody else has, and that is on no disk.
func inMemory() (*os.File, error) {
	fd, err := unix.MemfdCreate("image", unix.MFD_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("memory for the image: %w", err)
	}
	return os.NewFile(uintptr(fd), "image"), nil
}

// Again has the stream read for the second time.
func (s *Stream) Again() error {
	t := s.twice
	if _, err := t.file.Seek(t.from, io.SeekStart); err != nil {
		return err
	}
	t.src, t.keep, t.buf, t.next = t.file, false, nil, 0
	s.renew(t)
	return nil
}

// renew begins to read the stream from src.
func (s *Stream) renew(src io.Reader) {
	r := format.NewReader(src)
	r.Device, r.Base = s.Device, s.Base
	s.Reader = r
}

func (t *twice) Read(p []byte) (int, error) {
	if len(t.buf) == 0 {
		if err := t.fill(); err != nil {
			return 0, err
		}
	}
	n := copy(p, t.buf)
	t.buf = t.buf[n:]
	return n, nil
}

// fill gets the next block.
func (t *twice) fill() error {
	if t.next == len(t.sums) {
		return io.EOF // as it was the first time, whatever has been added
	}
	n, err := io.ReadFull(t.src, t.whole)
	if err != nil && err != io.ErrUnexpectedEOF && !(err == io.EOF && t.next >= 0) {
		return err
	}
	b := t.whole[:n]
	if t.next >= 0 {
		return t.compare(b)
	}
	t.sums = append(t.sums, sha256.Sum256(b))
	t.buf = b
	if t.keep {
		if _, err := t.file.Write(b); err != nil {
			return fmt.Errorf("keep the image in memory until it is verified: %w", err)
		}
	}
	return nil
}

func (t *twice) compare(b []byte) error {
	if sha256.Sum256(b) != t.sums[t.next] {
		return &tool.UntrustedError{Reason: "the image has changed since it was verified"}
	}
	t.next++
	t.buf = b
	return nil
}
