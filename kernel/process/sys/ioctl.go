// Calls that take a descriptor, what to do with it, and the address of one value.

package sys

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// Ioctl is ioctl(2) with a value that it reads or writes, whose layout is that of
// the C structure that request is for.
func Ioctl[T any](fd int, request uintptr, value *T) error {
	return withArgument(unix.SYS_IOCTL, fd, request, value)
}

// fcntl is fcntl(2) with such a value.
func fcntl[T any](fd int, command uintptr, value *T) error {
	return withArgument(unix.SYS_FCNTL, fd, command, value)
}

func withArgument[T any](call uintptr, fd int, request uintptr, value *T) error {
	if _, _, e := unix.Syscall(call, uintptr(fd), request, uintptr(unsafe.Pointer(value))); e != 0 {
		return e
	}
	return nil
}
