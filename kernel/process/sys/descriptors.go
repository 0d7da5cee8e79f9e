// This file makes room for descriptors beforehand.

package sys

import "golang.org/x/sys/unix"

// MakeRoom lets this process have so many descriptors without waiting. Its threads share
// the table of them, and each time that grows the kernel waits until no processor can
// still look at the old one (fs/file.c: expand_fdtable), for ten milliseconds or more.
// Where so many are not allowed, which those will say who need them, it does nothing.
func MakeRoom(n int) {
	fd, err := unix.Open("/", unix.O_PATH|unix.O_CLOEXEC, 0)
	if err != nil {
		return
	}
	defer unix.Close(fd)
	if last, err := unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, n-1); err == nil {
		unix.Close(last)
	}
}
