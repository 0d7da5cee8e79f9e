// Pages of a file that enter a pipe without being copied.

package file

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// PipeTo moves pages of the page cache into the pipe by splice(2), without
// copying them.
func (i *image) PipeTo(w *os.File, off, n int64) (int64, error) {
	conn, err := w.SyscallConn()
	if err != nil {
		return 0, err
	}
	var moved int64
	var fault error
	err = conn.Write(func(pipe uintptr) (done bool) {
		for moved < n && fault == nil {
			var part int64
			part, fault = i.splice(int(pipe), off+moved, n-moved)
			if fault == unix.EAGAIN { // a non-blocking pipe that is full
				fault = nil
				return false
			}
			moved += part
		}
		return true
	})
	return moved, errors.Join(err, fault)
}

// splice moves some of the n bytes at off. EINVAL is how splice(2) says that
// it cannot do that for this file system or that pipe.
func (i *image) splice(pipe int, off, n int64) (int64, error) {
	for {
		part, err := unix.Splice(int(i.f.Fd()), &off, pipe, nil, int(min(n, 1<<30)), 0)
		switch {
		case err == unix.EINTR:
		case err == unix.EAGAIN:
			return 0, err
		case err == unix.EINVAL:
			return 0, errors.ErrUnsupported
		case err != nil:
			return 0, fmt.Errorf("splice %s into the pipe: %w", i.path, err)
		case part == 0:
			return 0, i.shrank()
		default:
			return int64(part), nil // an int where that has 32 bits
		}
	}
}
