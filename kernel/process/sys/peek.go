// Looking at what waits in a socket.

package sys

import (
	"bytes"
	"runtime"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Message is what a socket has received and not yet given out.
type Message struct {
	Data []byte
	From []byte // struct sockaddr of the sender, nil if it has none
	// Cred are the credentials that came with it, where the socket wants them
	// (SO_PASSCRED).
	Cred *unix.Ucred
	// Rights are the descriptors of this process that came with it, which are the
	// caller's: see CloseRights. Hidden is set if there are more, or might be.
	Rights []int
	Hidden bool
	// Cut is how long a message is that the buffer was too small for.
	Cut int
}

// Peek looks at the next message of a unix socket, and takes nothing. It
// returns EAGAIN if there is none.
func Peek(fd int, buf []byte) (m Message, err error) {
	var from unix.RawSockaddrAny
	var control [8 << 10]byte // more than SCM_MAX_FD descriptors take
	vector := unix.Iovec{Base: unsafe.SliceData(buf)}
	vector.SetLen(len(buf))
	header := unix.Msghdr{
		Name: (*byte)(unsafe.Pointer(&from)), Namelen: uint32(unsafe.Sizeof(from)),
		Iov: &vector, Iovlen: 1, Control: &control[0],
	}
	header.SetControllen(len(control))
	const flags = unix.MSG_PEEK | unix.MSG_DONTWAIT | unix.MSG_TRUNC | unix.MSG_CMSG_CLOEXEC
	n, _, e := unix.Syscall(unix.SYS_RECVMSG, uintptr(fd), uintptr(unsafe.Pointer(&header)), flags)
	if e != 0 {
		return m, e
	}
	m.readControl(control[:header.Controllen])
	// A descriptor that this process has no room for.
	m.Hidden = m.Hidden || header.Flags&unix.MSG_CTRUNC != 0
	if int(n) > len(buf) {
		m.CloseRights()
		m.Cut = int(n)
		return m, nil
	}
	m.Data = bytes.Clone(buf[:n])
	if header.Namelen > 2 {
		name := unsafe.Slice((*byte)(unsafe.Pointer(&from)), unsafe.Sizeof(from))
		m.From = bytes.Clone(name[:min(int(header.Namelen), len(name))])
	}
	return m, nil
}

// PeekBefore returns how many of the next n bytes of a stream came before those with which
// descriptors came, which [Peek] gives with all of them, whatever the size of its buffer.
// The last byte has nowhere to go here: so the kernel does not come as far as to what the
// piece that it belongs to brings (net/unix/af_unix.c: unix_stream_read_generic).
func PeekBefore(fd, n int) (int, error) {
	if n < 2 {
		return 0, nil
	}
	const nowhere = 8 // in the first page, which nobody has
	buf := make([]byte, n-1)
	vectors := [4]uint64{uint64(uintptr(unsafe.Pointer(&buf[0]))), uint64(len(buf)), nowhere, 1}
	header := unix.Msghdr{Iov: (*unix.Iovec)(unsafe.Pointer(&vectors)), Iovlen: 2}
	before, _, e := unix.Syscall(unix.SYS_RECVMSG, uintptr(fd), uintptr(unsafe.Pointer(&header)), unix.MSG_PEEK|unix.MSG_DONTWAIT)
	runtime.KeepAlive(buf)
	switch e {
	case 0:
		return int(before), nil
	case unix.EFAULT:
		return 0, nil
	}
	return 0, e
}

// scmPidfd is SCM_PIDFD of include/linux/socket.h: a descriptor too.
const scmPidfd = 4

func (m *Message) readControl(control []byte) {
	parts, err := unix.ParseSocketControlMessage(control)
	m.Hidden = err != nil
	for i := range parts {
		p := &parts[i]
		switch {
		case p.Header.Level != unix.SOL_SOCKET:
		case p.Header.Type == unix.SCM_RIGHTS:
			m.Rights = append(m.Rights, descriptors(p.Data)...)
		case p.Header.Type == scmPidfd:
			closeAll(descriptors(p.Data))
		case p.Header.Type == unix.SCM_CREDENTIALS:
			m.Cred, _ = unix.ParseUnixCredentials(p)
		}
	}
}

func descriptors(b []byte) (fds []int) {
	for ; len(b) >= 4; b = b[4:] {
		fds = append(fds, int(*(*int32)(unsafe.Pointer(unsafe.SliceData(b)))))
	}
	return fds
}

func closeAll(fds []int) {
	for _, fd := range fds {
		unix.Close(fd)
	}
}

// CloseRights closes the descriptors that came with it.
func (m *Message) CloseRights() {
	closeAll(m.Rights)
	m.Rights = nil
}

// PeekOffset is SO_PEEK_OFF: where peeking goes on, which it moves; -1 if it
// always begins with the first.
func PeekOffset(fd int) (int, error) {
	return unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_PEEK_OFF)
}

// SetPeekOffset sets it.
func SetPeekOffset(fd, offset int) error {
	return unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_PEEK_OFF, offset)
}
