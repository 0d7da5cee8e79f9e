// Package early sees what Go's runtime hides.
//
// The runtime opens /dev/null for reading and writing where a standard
// descriptor is closed (checkfds in runtime/fds_unix.go). What is written
// there would vanish with a status of 0, and that it is not what the user gave
// cannot be seen later: Python's subprocess.DEVNULL is the same.
//
// So a few instructions run before it: see entry_linux_amd64.s. On other
// systems than Linux on x86-64 and arm64, a closed descriptor is taken for
// /dev/null.
package early

import (
	"errors"

	"golang.org/x/sys/unix"
)

// closed has bit N set where standard descriptor N was closed when the program
// was started.
var closed uint32

// Standard makes descriptors 0 to 2 fail where they were closed, as they do
// without the runtime's help: with EBADF. It keeps their numbers taken, since
// the next file to be opened would be standard output else.
func Standard() error {
	var all error
	for fd := range 3 {
		if closed&(1<<fd) == 0 {
			continue
		}
		way := unix.O_RDONLY // which standard output is of no use for
		if fd == 0 {
			way = unix.O_WRONLY
		}
		null, err := unix.Open("/dev/null", way|unix.O_CLOEXEC, 0)
		if err == nil {
			err = errors.Join(unix.Dup3(null, fd, 0), unix.Close(null))
		}
		all = errors.Join(all, err)
	}
	return all
}
