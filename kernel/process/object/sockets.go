// Sockets. One that has no peer, or whose peer the process has too, can be
// made again; a connection to anybody else can't.

package object

import (
	"fmt"

	"snappipe/kernel/process/sys"
	"snappipe/kernel/process/world"

	"golang.org/x/sys/unix"
)

// socket describes a socket by what getsockopt(2) and others say of it.
func (t *Taker) socket(o *Found, d *world.OpenFile) error {
	fd, err := t.borrow(o)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	s := &world.Socket{}
	d.Kind, d.Socket = world.KindSocket, s
	if _, err := fmt.Sscanf(o.link, "socket:[%d]", &s.Ino); err != nil {
		return fmt.Errorf("%s: %w", o.object(o.link), err)
	}
	if err := readKind(fd, s); err != nil {
		return fmt.Errorf("%s: %w", o.object("a socket"), err)
	}
	if s.Family != unix.AF_UNIX && s.Family != unix.AF_INET && s.Family != unix.AF_INET6 {
		return t.otherFamily(fd, o, d)
	}
	if err := readLocal(fd, s); err != nil {
		return fmt.Errorf("%s: %w", o.object("a socket"), err)
	}
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return fmt.Errorf("%s: %w", o.object("a socket"), err)
	}
	s.Mode, s.UID, s.GID = st.Mode&0o7777, st.Uid, st.Gid
	if s.Family == unix.AF_UNIX {
		return t.unixSocket(fd, o, d)
	}
	return t.inetSocket(fd, o, d)
}

// otherFamily is for a socket that can't be made again. A connection may still
// be a standard descriptor.
func (t *Taker) otherFamily(fd int, o *Found, d *world.OpenFile) error {
	title := socketTitle(fd, d.Socket)
	isConnection := d.Socket.Type == unix.SOCK_STREAM || d.Socket.Type == unix.SOCK_SEQPACKET
	if _, err := sys.Getpeername(fd); err == nil && isConnection && o.isStandard() {
		return t.socketOutside(o, d, title)
	}
	return t.lose(o, d, title, "a socket of this family can't be put back")
}

// readKind reads what socket(2) was told.
func readKind(fd int, s *world.Socket) (err error) {
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

// socketTitle says what a socket is, of which the kind is known.
func socketTitle(fd int, s *world.Socket) string {
	remote, err := sys.Getpeername(fd)
	connected := err == nil
	name := map[int]string{
		unix.IPPROTO_TCP: "TCP", unix.IPPROTO_UDP: "UDP", unix.IPPROTO_MPTCP: "MPTCP", unix.IPPROTO_UDPLITE: "UDP-Lite",
	}[s.Protocol]
	switch inet := s.Family == unix.AF_INET || s.Family == unix.AF_INET6; {
	case s.Family == unix.AF_UNIX && connected:
		return "a unix socket that is connected"
	case s.Family == unix.AF_UNIX:
		return "a unix socket"
	case !inet:
		return fmt.Sprintf("a socket of address family %d", s.Family)
	case s.Type == unix.SOCK_STREAM && connected && name != "":
		return "a " + name + " connection to " + world.AddressText(remote)
	case name != "":
		local, err := sys.Getsockname(fd)
		if err == nil && world.IsBound(local) {
			return "a " + name + " socket at " + world.AddressText(local)
		}
		return "a " + name + " socket"
	}
	return fmt.Sprintf("a socket of type %d and protocol %d", s.Type, s.Protocol)
}

// readLocal finds where it is bound, and whether it listens.
func readLocal(fd int, s *world.Socket) (err error) {
	if s.Local, err = sys.Getsockname(fd); err != nil {
		return err
	}
	if !world.IsBound(s.Local) {
		s.Local = nil
	}
	listening, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_ACCEPTCONN)
	s.Listening = listening != 0
	return err
}
