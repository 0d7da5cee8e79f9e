// TCP and UDP sockets. One that is connected to nobody can be made again; of a TCP
// connection, the other end has to be the program's too: see connection.go.

package object

import (
	"errors"
	"fmt"
	"time"

	"golang.org/x/sys/unix"

	"snappipe/kernel"
	"snappipe/kernel/process/sys"
	"snappipe/kernel/process/world"
)

const outside = "its other end is outside of the program"

func (t *Taker) inetSocket(fd int, o *Found, d *world.OpenFile) error {
	s := d.Socket
	var err error
	switch s.Protocol {
	case unix.IPPROTO_TCP, unix.IPPROTO_MPTCP:
		err = t.tcp(fd, o, d)
	case unix.IPPROTO_UDP, unix.IPPROTO_UDPLITE:
		err = t.udp(fd, o, d)
	default:
		err = t.lose(o, d, socketTitle(fd, s), "only TCP and UDP can be put back")
	}
	if err == nil && t.o.Dry && s.Protocol == unix.IPPROTO_TCP {
		err = t.checkSigned(fd, o, s)
	}
	if err != nil || d.Kind == world.KindLost || d.Outside || s.TCP != nil {
		return err
	}
	if err := t.owner(fd, o, d); err != nil {
		return err
	}
	return t.socketOptions(fd, o, d)
}

// checkSigned refuses a listener or connection with keys of TCP_MD5SIG, as far as this user
// may see them: what is made again would send without, and accept what is without.
func (t *Taker) checkSigned(fd int, o *Found, s *world.Socket) error {
	local := world.InetAddress(s.Local)
	if !local.IsValid() {
		return nil
	}
	info, err := sys.AskTCP(local, world.InetAddress(s.Remote))
	switch {
	case errors.Is(err, unix.ENOENT), errors.Is(err, unix.EINVAL):
		return nil // neither listens nor is connected, or ended since
	case err == nil && !info.Signed:
		return nil
	}
	title := o.object(socketTitle(fd, s))
	switch {
	case err != nil:
		return fmt.Errorf("%s: asking for its keys: %w", title, err)
	case !t.o.Force:
		return kernel.Refuse(title, "--force takes it without them", "it has keys of TCP_MD5SIG, which can't be put back")
	}
	t.o.Warn("dropped: the keys of TCP_MD5SIG of " + title)
	return nil
}

func (t *Taker) tcp(fd int, o *Found, d *world.OpenFile) error {
	s := d.Socket
	title := socketTitle(fd, s)
	info, err := unix.GetsockoptTCPInfo(fd, unix.IPPROTO_TCP, unix.TCP_INFO)
	if err != nil {
		return fmt.Errorf("%s: reading its state: %w", o.object(title), err)
	}
	remote, err := sys.Getpeername(fd)
	if _, connected := ofConnection[info.State]; err == nil && connected && s.Protocol == unix.IPPROTO_TCP {
		// To whom is found when all are known.
		s.Remote, s.TCP = remote, &world.TCP{Received: world.NoIndex, Sent: world.NoIndex}
		return nil
	}
	if err == nil && !s.Listening {
		return t.socketOutside(o, d, title)
	}
	if s.Listening {
		// The kernel keeps these in fields that otherwise count segments
		// (net/ipv4/tcp.c: tcp_get_info).
		waiting, backlog := info.Unacked, info.Sacked
		s.Backlog = int(backlog)
		t.waiting[s.Ino] = int(waiting)
		return nil
	}
	if info.State != tcpClosed {
		return t.socketOutside(o, d, "a TCP connection that is being set up or closed")
	}
	return t.closedTCP(fd, o, d)
}

// closedTCP tells a socket that never was connected from one whose connection
// has ended (net/ipv4/tcp.c: tcp_done, tcp_poll).
func (t *Taker) closedTCP(fd int, o *Found, d *world.OpenFile) error {
	s := d.Socket
	what, err := readiness(fd)
	if err != nil {
		return fmt.Errorf("%s: %w", o.object(socketTitle(fd, s)), err)
	}
	if what&unix.POLLERR != 0 {
		// It is told once, and who asks again hears that there is no error.
		return t.lose(o, d, "a TCP connection that has failed", "the program has not asked for the error yet")
	}
	if unread, err := unix.IoctlGetInt(fd, unix.SIOCINQ); err == nil && unread > 0 {
		return t.lose(o, d, "a TCP connection that has ended", fmt.Sprintf("the program has not read %d bytes that came before the end", unread))
	}
	if what&unix.POLLRDHUP != 0 {
		// Its address is that of the connection, which is no more.
		s.Local, s.Shutdown = nil, shutBoth
	}
	return nil
}

// The bits of Socket.Shutdown.
const shutReading, shutWriting, shutBoth = 1, 2, 3

func (t *Taker) udp(fd int, o *Found, d *world.OpenFile) (err error) {
	s := d.Socket
	if remote, err := sys.Getpeername(fd); err == nil {
		s.Remote = remote // a default destination, nothing more
	}
	title := socketTitle(fd, s)
	what, err := t.quiet(fd)
	if err != nil {
		return fmt.Errorf("%s: %w", o.object(title), err)
	}
	unread, _ := unix.IoctlGetInt(fd, unix.SIOCINQ)
	switch {
	case what&unix.POLLHUP != 0:
		s.Shutdown = shutBoth
	case what&unix.POLLRDHUP != 0:
		s.Shutdown = shutReading
	}
	switch {
	case unread > 0, s.Shutdown == 0 && what&unix.POLLIN != 0:
		err = t.forgo(o, d, title+" with datagrams that it has not read", "they came from outside of the program")
	case what&unix.POLLERR != 0:
		err = t.forgo(o, d, title+" with an error that it has not read", "it came from outside of the program")
	}
	if err != nil {
		return err
	}
	corked, _ := unix.GetsockoptInt(fd, unix.IPPROTO_UDP, unix.UDP_CORK)
	if unsent, err := unix.IoctlGetInt(fd, unix.SIOCOUTQ); err == nil && unsent > 0 && corked != 0 {
		return t.forgo(o, d, title+" with UDP_CORK", "it holds back what it has sent")
	}
	s.Groups, err = t.memberships(fd, s)
	return err
}

// readiness is what poll(2) says of a descriptor.
func readiness(fd int) (int16, error) {
	return polled(fd, unix.POLLIN|unix.POLLPRI|unix.POLLRDHUP)
}

// polled says what of some events, or of those nobody has to ask for, a descriptor
// is ready for.
func polled(fd int, events int16) (int16, error) {
	p := []unix.PollFd{{Fd: int32(fd), Events: events}}
	_, err := unix.Poll(p, 0)
	return p[0].Revents, err
}

// quiet is readiness, of which a program that runs gets a moment to read what
// has just come.
func (t *Taker) quiet(fd int) (what int16, err error) {
	const moments, moment = 10, 2 // milliseconds
	for range moments {
		what, err = readiness(fd)
		if !t.o.Dry || err != nil || what&(unix.POLLIN|unix.POLLERR) == 0 {
			break
		}
		_, _ = unix.Poll(nil, moment)
	}
	return what, err
}

// openInet makes one. It is beginSocket that makes it listen.
func (m *Maker) openInet(i int) (int, error) {
	s := m.world.Open[i].Socket
	fd, err := unix.Socket(s.Family, s.Type|unix.SOCK_CLOEXEC, s.Protocol)
	if err != nil {
		return -1, fmt.Errorf("socket: %w", err)
	}
	return fd, m.setUp(fd, i)
}

func (m *Maker) setUp(fd, i int) error {
	s := m.world.Open[i].Socket
	if err := m.setOptions(fd, i); err != nil {
		return err
	}
	if len(s.Local) > 0 {
		if err := bind(fd, s); err != nil {
			return taken(s.Local, err)
		}
	}
	if err := m.joinGroups(fd, i); err != nil {
		return err
	}
	if len(s.Remote) > 0 {
		if err := sys.Connect(fd, s.Remote); err != nil {
			return kernel.Refuse(m.name(i), "", "it cannot be connected to %s: %v", world.AddressText(s.Remote), err)
		}
	}
	return nil
}

// bind gives a socket its address. A TCP port may be kept for a moment by connections of
// the program's previous life that are about to end.
func bind(fd int, s *world.Socket) error {
	if s.Type != unix.SOCK_STREAM {
		return sys.Bind(fd, s.Local)
	}
	return awaitEnd(unix.EADDRINUSE, func() error { return bindReused(fd, s) })
}

// bindReused gives it to a TCP socket. Connections that have ended may keep the port in
// TIME_WAIT, which only SO_REUSEADDR gets past, and so do others of the program at the same
// port, of which some will listen: begunSocket sets it back.
func bindReused(fd int, s *world.Socket) error {
	if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEADDR, 1); err != nil {
		return err
	}
	return sys.Bind(fd, s.Local)
}

// awaitEnd calls again what fails for a connection that will be gone soon: one in TIME_WAIT
// has to be for a second (tcp_tw_reuse_delay).
func awaitEnd(failure unix.Errno, call func() error) error {
	const limit, pause = 1500 * time.Millisecond, 10 * time.Millisecond
	for since := time.Now(); ; time.Sleep(pause) {
		if err := call(); !errors.Is(err, failure) || time.Since(since) > limit {
			return err
		}
	}
}

// taken is the refusal of an address.
func taken(address []byte, err error) error {
	return kernel.Refuse("address "+world.AddressText(address), "end the program that has it; a connection may keep it for a minute more", "%v", err)
}
