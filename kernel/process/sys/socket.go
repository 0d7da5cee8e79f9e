// Socket options of any type.

package sys

import (
	"bytes"
	"unsafe"

	"golang.org/x/sys/unix"
)

// maxOption is more than any socket option holds but a filter: the extension
// headers of IPv6 (RFC 8200) have at most 2048 bytes.
const maxOption = 4096

// Options reads socket options, of values of any type. It has room for one.
type Options struct {
	b    [maxOption]byte
	size uint32
}

// Get is getsockopt(2). What it returns is valid until the next. It never
// waits, so the runtime need not know of the call: a socket has a hundred
// options, and a program thousands of sockets.
func (o *Options) Get(fd, level, name int) ([]byte, error) {
	o.size = maxOption
	_, _, e := unix.RawSyscall6(unix.SYS_GETSOCKOPT, uintptr(fd), uintptr(level), uintptr(name),
		uintptr(unsafe.Pointer(&o.b)), uintptr(unsafe.Pointer(&o.size)), 0)
	if e != 0 {
		return nil, e
	}
	return o.b[:min(o.size, maxOption)], nil
}

// Setsockopt is setsockopt(2) for a value of any type.
func Setsockopt(fd, level, name int, value []byte) error {
	_, _, e := unix.Syscall6(unix.SYS_SETSOCKOPT, uintptr(fd), uintptr(level), uintptr(name),
		uintptr(unsafe.Pointer(unsafe.SliceData(value))), uintptr(len(value)), 0)
	if e != 0 {
		return e
	}
	return nil
}

// filterInsn is the size of struct sock_filter, and maxFilter how many of them
// a filter has at most (BPF_MAXINSNS).
const filterInsn, maxFilter = 8, 4096

// SocketFilter returns the instructions of what SO_ATTACH_FILTER attached, or
// EACCES if a program of another kind is attached, of which the kernel gives
// nothing out (net/core/filter.c: sk_get_filter).
func SocketFilter(fd int) ([]byte, error) {
	// The length that SO_GET_FILTER speaks of is in instructions. Asked for
	// none, it tells how many there are.
	var b []byte
	var n uint32
	for range 2 {
		_, _, e := unix.RawSyscall6(unix.SYS_GETSOCKOPT, uintptr(fd), unix.SOL_SOCKET, unix.SO_GET_FILTER,
			uintptr(unsafe.Pointer(unsafe.SliceData(b))), uintptr(unsafe.Pointer(&n)), 0)
		if e != 0 {
			return nil, e
		}
		if n == 0 {
			return nil, nil
		}
		if b == nil {
			n = min(n, maxFilter)
			b = make([]byte, n*filterInsn)
		}
	}
	return b, nil
}

// AttachSocketFilter is SO_ATTACH_FILTER.
func AttachSocketFilter(fd int, instructions []byte) error {
	program := struct { // struct sock_fprog
		n    uint16
		code *byte
	}{uint16(len(instructions) / filterInsn), unsafe.SliceData(instructions)}
	_, _, e := unix.Syscall6(unix.SYS_SETSOCKOPT, uintptr(fd), unix.SOL_SOCKET, unix.SO_ATTACH_FILTER,
		uintptr(unsafe.Pointer(&program)), unsafe.Sizeof(program), 0)
	if e != 0 {
		return e
	}
	return nil
}

// Getsockname is getsockname(2), and Getpeername getpeername(2), for addresses
// of any family.
func Getsockname(fd int) ([]byte, error) { return address(unix.SYS_GETSOCKNAME, fd) }
func Getpeername(fd int) ([]byte, error) { return address(unix.SYS_GETPEERNAME, fd) }

func address(nr uintptr, fd int) ([]byte, error) {
	var raw unix.RawSockaddrAny
	size := uint32(unsafe.Sizeof(raw))
	_, _, e := unix.Syscall(nr, uintptr(fd), uintptr(unsafe.Pointer(&raw)), uintptr(unsafe.Pointer(&size)))
	if e != 0 {
		return nil, e
	}
	b := unsafe.Slice((*byte)(unsafe.Pointer(&raw)), unsafe.Sizeof(raw))
	return bytes.Clone(b[:min(int(size), len(b))]), nil
}

// Bind is bind(2), and Connect connect(2), with the bytes of an address.
func Bind(fd int, address []byte) error    { return withAddress(unix.SYS_BIND, fd, address) }
func Connect(fd int, address []byte) error { return withAddress(unix.SYS_CONNECT, fd, address) }

func withAddress(nr uintptr, fd int, address []byte) error {
	_, _, e := unix.Syscall(nr, uintptr(fd), uintptr(unsafe.Pointer(unsafe.SliceData(address))), uintptr(len(address)))
	if e != 0 {
		return e
	}
	return nil
}

// Send sends one message, to an address or, if that is nil, to what the socket
// is connected to, and returns how much of it was taken. It does not wait.
func Send(fd int, b, to []byte) (int, error) {
	n, _, e := unix.Syscall6(unix.SYS_SENDTO, uintptr(fd), uintptr(unsafe.Pointer(unsafe.SliceData(b))), uintptr(len(b)),
		unix.MSG_DONTWAIT|unix.MSG_NOSIGNAL, uintptr(unsafe.Pointer(unsafe.SliceData(to))), uintptr(len(to)))
	if e != 0 {
		return 0, e
	}
	return int(n), nil
}

// SendRights is Send with descriptors of this process (SCM_RIGHTS of unix(7)).
func SendRights(fd int, b, to []byte, rights []int) (int, error) {
	if len(rights) == 0 {
		return Send(fd, b, to)
	}
	control := unix.UnixRights(rights...)
	vector := unix.Iovec{Base: unsafe.SliceData(b)}
	vector.SetLen(len(b))
	header := unix.Msghdr{Name: unsafe.SliceData(to), Namelen: uint32(len(to)), Iov: &vector, Iovlen: 1, Control: &control[0]}
	header.SetControllen(len(control))
	n, _, e := unix.Syscall(unix.SYS_SENDMSG, uintptr(fd), uintptr(unsafe.Pointer(&header)), unix.MSG_DONTWAIT|unix.MSG_NOSIGNAL)
	if e != 0 {
		return 0, e
	}
	return int(n), nil
}
