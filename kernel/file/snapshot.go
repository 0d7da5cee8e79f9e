// The first call: a file becomes an image.

package file

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"snappipe/kernel"
)

// image is an open file or device.
//
// It is not mapped: a page of a mapping that lies behind the end of a file
// which another program made shorter kills the reader by SIGBUS, where
// pread(2) tells of the end.
type image struct {
	f     *os.File
	path  string
	size  int64
	mtime time.Time
	block bool
}

// SnapshotSystem opens the file. Nothing keeps others from writing to it
// meanwhile; if they do, Close tells.
func (t *target) SnapshotSystem(context.Context) (kernel.Image, error) {
	if fd, ok := Handed(t.path, 0); ok {
		return t.snapshotOf(fd)
	}
	path, err := filepath.Abs(t.path)
	if err != nil {
		return nil, err
	}
	// O_NONBLOCK keeps a FIFO without a writer from holding up the open; it
	// means nothing to what is accepted here.
	f, err := os.OpenFile(path, os.O_RDONLY|unix.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	img, err := newImage(f, path)
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return img, nil
}

// snapshotOf is the snapshot of the file behind a descriptor that is open
// already.
func (t *target) snapshotOf(fd int) (kernel.Image, error) {
	if err := FitInput(fd, t.path); err != nil {
		return nil, err
	}
	f := Take(fd, t.path)
	path := t.path
	if name, err := os.Readlink(fmt.Sprintf("/proc/self/fd/%d", fd)); err == nil && filepath.IsAbs(name) {
		path = name
	}
	img, err := newImage(f, path)
	if err != nil {
		return nil, err
	}
	if at, err := f.Seek(0, io.SeekCurrent); err != nil || at != 0 {
		return nil, errors.Join(err, kernel.Refuse(path, "", "it has been read up to byte %d: only a whole file is an image", at))
	}
	return img, nil
}

func newImage(f *os.File, path string) (*image, error) {
	st, err := f.Stat()
	if err != nil {
		return nil, err
	}
	img := &image{f: f, path: path, size: st.Size(), mtime: st.ModTime(), block: isBlock(st.Mode())}
	switch {
	case img.block:
		img.size, err = deviceSize(f)
	case !st.Mode().IsRegular():
		err = kernel.Refuse(path, "", "it is %s, which has no image: only regular files and block devices do", kind(st.Mode()))
	default:
		err = img.endsThere()
	}
	return img, err
}

// endsThere refuses a file that has more in it than its size says, as those of
// proc(5) do, which are made up while they are read: its image would be empty.
func (i *image) endsThere() error {
	var more [1]byte
	switch n, err := i.f.ReadAt(more[:], i.size); {
	case n > 0:
		return kernel.Refuse(i.path, "copy it, and take the copy", "it says it has %d bytes, but more can be read", i.size)
	case err != io.EOF:
		return err
	}
	return nil
}

func (i *image) Size() int64 { return i.size }

// Data yields the parts that the file system has stored, by lseek(2) with
// SEEK_DATA and SEEK_HOLE, and all in one where it cannot tell, as on a block
// device.
func (i *image) Data() iter.Seq2[int64, int64] { return Stored(i.f, i.size) }

// Stored yields the parts of f, up to size, that hold more than a hole.
func Stored(f *os.File, size int64) iter.Seq2[int64, int64] {
	return func(yield func(off, n int64) bool) {
		for at := int64(0); at < size; {
			off, end := nextData(f, at, size)
			if off >= size || !yield(off, end-off) {
				return
			}
			at = end
		}
	}
}

func nextData(f *os.File, at, size int64) (off, end int64) {
	off, err := f.Seek(at, unix.SEEK_DATA)
	switch {
	case errors.Is(err, unix.ENXIO): // no data from here on
		return size, size
	case err != nil:
		return at, size
	}
	end, err = f.Seek(off, unix.SEEK_HOLE)
	if err != nil || end <= off || end > size {
		end = size
	}
	return off, end
}

func (i *image) ReadAt(p []byte, off int64) (int, error) {
	n, err := i.f.ReadAt(p, off)
	if err == io.EOF && n < len(p) {
		err = i.shrank()
	}
	return n, err
}

func (i *image) shrank() error {
	return fmt.Errorf("%s became shorter while it was read: %w", i.path, io.ErrUnexpectedEOF)
}

func (i *image) Facts() kernel.Facts {
	facts := kernel.Facts{{Name: "path", Value: strings.ToValidUTF8(i.path, "\uFFFD")}}
	if !i.block {
		facts = append(facts, kernel.Fact{Name: "mtime", Value: i.mtime.UTC().Format(time.RFC3339Nano)})
	}
	return facts
}

// Close fails if the file was written while it was read: the image may be a
// mix of two states then.
func (i *image) Close() error {
	st, err := i.f.Stat()
	if err := errors.Join(err, i.f.Close()); err != nil {
		return err
	}
	if !i.block && (st.Size() != i.size || !st.ModTime().Equal(i.mtime)) {
		return fmt.Errorf("%s changed while it was read", i.path)
	}
	return nil
}
