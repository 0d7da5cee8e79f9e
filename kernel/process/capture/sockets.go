// Sockets. One that has no peer, or whose peer the process has too, can be
// made again; a connection to anybody else can't.

package capture

import (
	"bytes"
	"errors"
	"fmt"
	"net/netip"
	"unsafe"

	"snappipe/kernel/process/image"

	"golang.org/x/sys/unix"
)

// socket describes a socket by what getsockopt(2) and others say of it.
func (t *fileTable) socket(o *openFile, d *image.OpenFile) error {
	fd, err := t.borrow(o)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	s := &image.Socket{}
	d.Kind, d.Socket = image.KindSocket, s
	if _, err := fmt.Sscanf(o.link, "socket:[%d]", &s.Ino); err != nil {
		return fmt.Errorf("%s: %w", o.object(o.link), err)
	}
	if err := readKind(fd, s); err != nil {
		return fmt.Errorf("%s: %w", o.object("a socket"), err)
	}
	switch s.Family {
	case unix.AF_UNIX, unix.AF_INET, unix.AF_INET6:
	default:
		return t.lose(o, d, fmt.Sprintf("a socket of address family %d", s.Family), "a socket of this family can't be put back")
	}
	if s.Family != unix.AF_UNIX && s.Type != unix.SOCK_STREAM && s.Type != unix.SOCK_DGRAM {
		return t.lose(o, d, fmt.Sprintf("a socket of type %d", s.Type), "only TCP and UDP can be put back")
	}
	if err := t.addresses(fd, o, d); err != nil || d.Kind == image.KindLost {
		return err
	}
	s.Options = options(fd, s)
	if !t.dry && s.Family == unix.AF_UNIX && !s.Listening {
		return t.queue(fd, o, d)
	}
	return nil
}

// readKind reads what socket(2) was told.
func readKind(fd int, s *image.Socket) (err error) {
	for _, opt := range []struct {
		name int
		to   *int
	}{{unix.SO_DOMAIN, &s.Family}, {unix.SO_TYPE, &s.Type}, {unix.SO_PROTOCOL, &s.Protocol}} {
		if *opt.to, err = unix.GetsockoptInt(fd, unix.SOL_SOCKET, opt.name); err != nil {
			return err
		}
	}
	return nil
}

// socketTitle says what a socket is, for one that is left out.
func (t *fileTable) socketTitle(o *openFile, d *image.OpenFile) string {
	fd, err := t.borrow(o)
	if err != nil {
		return "a socket"
	}
	defer unix.Close(fd)
	d.Socket = &image.Socket{}
	if err := readKind(fd, d.Socket); err != nil {
		return "a socket"
	}
	s := d.Socket
	remote, err := sockaddr(unix.SYS_GETPEERNAME, fd)
	switch connected := err == nil; {
	case s.Family == unix.AF_UNIX && connected:
		return "a unix socket that is connected"
	case s.Family == unix.AF_UNIX:
		return "a unix socket"
	case s.Family != unix.AF_INET && s.Family != unix.AF_INET6:
		return fmt.Sprintf("a socket of address family %d", s.Family)
	case s.Type == unix.SOCK_STREAM && connected:
		return "a TCP connection to " + addressText(remote)
	}
	return fmt.Sprintf("a socket of family %d and type %d", s.Family, s.Type)
}

// addresses finds where it is bound, listening and connected.
func (t *fileTable) addresses(fd int, o *openFile, d *image.OpenFile) (err error) {
	s := d.Socket
	if s.Local, err = sockaddr(unix.SYS_GETSOCKNAME, fd); err != nil {
		return fmt.Errorf("%s: %w", o.object("a socket"), err)
	}
	if !bound(s.Local) {
		s.Local = nil
	}
	listening, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_ACCEPTCONN)
	if err != nil {
		return fmt.Errorf("%s: %w", o.object("a socket"), err)
	}
	if s.Listening = listening != 0; s.Listening {
		s.Backlog = backlog(fd, s)
		return t.socketFile(o, s)
	}
	remote, err := sockaddr(unix.SYS_GETPEERNAME, fd)
	connected := err == nil
	switch {
	case s.Family == unix.AF_UNIX:
		t.connected[s.Ino] = connected // to whom is found when all are known
	case s.Type == unix.SOCK_DGRAM:
		s.Remote = remote // a default destination, nothing more
	case connected:
		return t.lose(o, d, "a TCP connection to "+addressText(remote), "its other end is outside of the program")
	default:
		info, err := unix.GetsockoptTCPInfo(fd, unix.IPPROTO_TCP, unix.TCP_INFO)
		const closed = 7 // TCP_CLOSE
		if err == nil && info.State != closed {
			return t.lose(o, d, "a TCP connection that is being set up or closed", "its other end is outside of the program")
		}
	}
	return t.socketFile(o, s)
}

// sockaddr calls getsockname or getpeername.
func sockaddr(nr uintptr, fd int) (image.Bytes, error) {
	var raw unix.RawSockaddrAny
	size := uint32(unsafe.Sizeof(raw))
	_, _, e := unix.Syscall(nr, uintptr(fd), uintptr(unsafe.Pointer(&raw)), uintptr(unsafe.Pointer(&size)))
	if e != 0 {
		return nil, e
	}
	b := unsafe.Slice((*byte)(unsafe.Pointer(&raw)), unsafe.Sizeof(raw))
	return bytes.Clone(b[:min(int(size), len(b))]), nil
}

// bound reports whether a local address is one: a port, or a name.
func bound(sa image.Bytes) bool {
	switch {
	case len(sa) < 4:
		return false
	case le.Uint16(sa) == unix.AF_UNIX:
		return true
	}
	return sa[2] != 0 || sa[3] != 0 || !allZero(sa[4:])
}

func allZero(b []byte) bool {
	for _, c := range b {
		if c != 0 {
			return false
		}
	}
	return true
}

// addressText shows a struct sockaddr_in or sockaddr_in6.
func addressText(sa image.Bytes) string {
	if len(sa) < 8 {
		return "an unknown address"
	}
	port := uint16(sa[2])<<8 | uint16(sa[3])
	var addr netip.Addr
	switch {
	case le.Uint16(sa) == unix.AF_INET:
		addr = netip.AddrFrom4([4]byte(sa[4:8]))
	case len(sa) >= 24:
		addr = netip.AddrFrom16([16]byte(sa[8:24])).Unmap()
	}
	return netip.AddrPortFrom(addr, port).String()
}

// backlog is what listen(2) was told.
func backlog(fd int, s *image.Socket) int {
	if s.Family != unix.AF_UNIX {
		// For a listening socket, the kernel keeps it in a field that
		// otherwise counts segments (net/ipv4/tcp.c: tcp_get_info).
		if info, err := unix.GetsockoptTCPInfo(fd, unix.IPPROTO_TCP, unix.TCP_INFO); err == nil {
			return int(info.Sacked)
		}
	}
	return 128 // no call tells that of a unix socket; sock_diag(7) does
}

// socketFile looks at the file that a unix socket is bound to.
func (t *fileTable) socketFile(o *openFile, s *image.Socket) error {
	path := socketPath(s.Local)
	if path == "" {
		return nil
	}
	var st unix.Stat_t
	err := unix.Lstat(fmt.Sprintf("/proc/%d/root%s", t.c.pid, path), &st)
	if path[0] != '/' {
		err = unix.Lstat(fmt.Sprintf("/proc/%d/cwd/%s", t.c.pid, path), &st)
	}
	s.Unlinked = err != nil || st.Mode&unix.S_IFMT != unix.S_IFSOCK
	s.Mode, s.UID, s.GID = st.Mode&0o7777, st.Uid, st.Gid
	return nil
}

// socketPath is the path in a struct sockaddr_un, or "" if there is none: the
// name may be abstract.
func socketPath(sa image.Bytes) string {
	if len(sa) <= 2 || le.Uint16(sa) != unix.AF_UNIX || sa[2] == 0 {
		return ""
	}
	path, _, _ := bytes.Cut(sa[2:], []byte{0})
	return string(path)
}

// queue reads what a unix socket has received, and leaves it there.
func (t *fileTable) queue(fd int, o *openFile, d *image.OpenFile) error {
	s := d.Socket
	waiting, err := unix.IoctlGetInt(fd, unix.TIOCINQ)
	if err != nil || waiting == 0 && s.Type == unix.SOCK_STREAM {
		return nil // EINVAL: it was never connected
	}
	// Peeking goes on from where it ended, so that messages come one by one.
	if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_PEEK_OFF, 0); err != nil {
		return fmt.Errorf("%s: %w", o.object("a unix socket"), err)
	}
	defer unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_PEEK_OFF, -1)
	buf, control := make([]byte, max(waiting, 256<<10)), make([]byte, 4096)
	for {
		n, nc, flags, _, err := unix.Recvmsg(fd, buf, control, unix.MSG_PEEK|unix.MSG_DONTWAIT)
		if errors.Is(err, unix.EAGAIN) || errors.Is(err, unix.ENOTCONN) || err == nil && n == 0 {
			return nil
		}
		if err != nil {
			return fmt.Errorf("reading what %s holds: %w", o.object("a unix socket"), err)
		}
		if nc > 0 && hasRights(control[:nc]) {
			return t.lose(o, d, "a unix socket", "it holds file descriptors that were sent and not yet received")
		}
		if flags&unix.MSG_TRUNC != 0 {
			return t.lose(o, d, "a unix socket", "it holds a message that is too long")
		}
		s.Queue = append(s.Queue, t.addBlob(bytes.Clone(buf[:n])))
	}
}

// hasRights looks for SCM_RIGHTS, and closes what peeking got of them.
func hasRights(control []byte) bool {
	messages, err := unix.ParseSocketControlMessage(control)
	if err != nil {
		return true
	}
	found := false
	for i := range messages {
		fds, err := unix.ParseUnixRights(&messages[i])
		if err != nil {
			continue
		}
		found = true
		for _, fd := range fds {
			unix.Close(fd)
		}
	}
	return found
}
