// The image: what /dev/snapshot gave, in memory of this process.

package machine

import (
	"errors"
	"fmt"
	"io"
	"iter"
	"os"

	"golang.org/x/sys/unix"

	"snappipe/kernel"
)

var (
	_ kernel.Mapped = (*image)(nil)
	_ kernel.Piper  = (*image)(nil)
	_ kernel.Held   = (*image)(nil)
)

type image struct {
	mem   *shared
	size  int64
	facts kernel.Facts
	hold  *hold // or nil
}

func (i *image) Size() int64         { return i.size }
func (i *image) Bytes() []byte       { return i.mem.bytes(i.size) }
func (i *image) Facts() kernel.Facts { return i.facts }

// Data is all of it. A page of zeros is found where the bytes are looked at
// anyway.
func (i *image) Data() iter.Seq2[int64, int64] {
	return func(yield func(off, n int64) bool) {
		if i.size > 0 {
			yield(0, i.size)
		}
	}
}

func (i *image) ReadAt(p []byte, off int64) (int, error) {
	if off < 0 || off > i.size {
		return 0, fmt.Errorf("read the image at %d, outside of its %d bytes: %w", off, i.size, os.ErrInvalid)
	}
	n := copy(p, i.Bytes()[off:])
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

// PipeTo lends the pages of the image to the pipe. They are read-only and
// stay what they are until the reader is done with them, even after Close:
// the pipe holds a reference to each (vmsplice(2)).
func (i *image) PipeTo(w *os.File, off, n int64) (int64, error) {
	conn, err := w.SyscallConn()
	if err != nil {
		return 0, err
	}
	b := i.Bytes()[off : off+n]
	var done int64
	var failure error
	err = conn.Write(func(fd uintptr) bool {
		for done < n {
			iov := []unix.Iovec{{Base: &b[done], Len: uint64(n - done)}}
			moved, err := unix.Vmsplice(int(fd), iov, 0)
			switch {
			case errors.Is(err, unix.EINTR):
			case errors.Is(err, unix.EAGAIN):
				return false
			case errors.Is(err, unix.EINVAL), errors.Is(err, unix.EBADF), errors.Is(err, unix.ENOSYS):
				failure = errors.ErrUnsupported
				return true
			case err != nil:
				failure = fmt.Errorf("vmsplice: %w", err)
				return true
			default:
				done += int64(moved)
			}
		}
		return true
	})
	if err != nil {
		return done, err
	}
	return done, failure
}

func (i *image) Close() error { return i.mem.unmap(0) }
