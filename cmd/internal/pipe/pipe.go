// Package pipe gets more out of the pipes that tools are joined by.
package pipe

import (
	"os"

	"golang.org/x/sys/unix"
)

// size is what any user may make of a pipe's buffer, by default: pipe(7).
const size = 1 << 20

// Widen makes the buffer of f larger if f is a pipe. Where it cannot, since
// what the pipes of a user hold together is limited, the pipe works as it is.
func Widen(f *os.File) {
	conn, err := f.SyscallConn()
	if err != nil {
		return
	}
	conn.Control(func(fd uintptr) {
		if has, err := unix.FcntlInt(fd, unix.F_GETPIPE_SZ, 0); err == nil && has < size {
			unix.FcntlInt(fd, unix.F_SETPIPE_SZ, size)
		}
	})
}

// Is reports whether f is a pipe.
func Is(f *os.File) bool {
	st, err := f.Stat()
	return err == nil && st.Mode()&os.ModeNamedPipe != 0
}
