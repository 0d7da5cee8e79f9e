// Sockets. One that has no peer, or whose peer the processes have too, can be made
// again; a connection to anybody else can't. They are made each by itself first, so
// that there are listeners to connect to; then connections within the processes; then
// what they hold; and last what would be in the way of that.

package object

import (
	"errors"
	"fmt"
	"slices"

	"golang.org/x/sys/unix"

	"snappipe/kernel/process/sockopt"
	"snappipe/kernel/process/sys"
	"snappipe/kernel/process/world"
)

// In the image: `Socket`, below.
var sockets = &kind{
	name: world.KindSocket, check: checkSocket, plan: planSocket, title: titleOfSocket, contents: contentsOfSocket,
	shown: "socket", take: (*Taker).socket, relate: (*Taker).relateSockets, instead: lostSocket,
	ends:  func(_ *Maker, o *world.OpenFile) bool { return hasEnded(o.Socket) },
	holds: func(o *world.OpenFile) bool { return len(o.Socket.Queue) > 0 },
	make:  (*Maker).makeSocket, join: (*Maker).joinSocket, fill: (*Maker).fillSocket,
	point: (*Maker).pointSocket, settle: (*Maker).settleSocket,
	rouse: (*Maker).rouseSocket, begin: (*Maker).beginSocket, begun: (*Maker).begunSocket,
}

func (t *Taker) relateSockets() error {
	if err := t.peers(); err != nil {
		return err
	}
	return t.connections()
}

func contentsOfSocket(o *world.OpenFile) (all []*int) {
	if o.Socket == nil {
		return nil
	}
	for i := range o.Socket.Queue {
		all = append(all, &o.Socket.Queue[i].Content)
	}
	if c := o.Socket.TCP; c != nil {
		all = append(all, &c.Received, &c.Sent)
	}
	return all
}

// lostSocket tells connections from all else, on which other options work.
func lostSocket(d *world.OpenFile) world.LostKind {
	switch {
	case d.Socket == nil || d.Socket.Type != unix.SOCK_STREAM:
	case d.Socket.Family == unix.AF_INET:
		return world.LostTCP4
	case d.Socket.Family == unix.AF_INET6:
		return world.LostTCP6
	}
	return world.LostOther
}

// checkSocket sees that the addresses of multicast groups and their sources are of one
// of the two families.
func checkSocket(w *world.World, o *world.OpenFile) error {
	s := o.Socket
	if s == nil {
		return errLacks
	}
	for _, g := range s.Groups {
		size := len(g.Group)
		fit := size == unix.SizeofSockaddrInet4 || size == unix.SizeofSockaddrInet6
		for _, source := range g.Sources {
			fit = fit && len(source) == size
		}
		if !fit {
			return errors.New("has addresses that are none")
		}
	}
	creators := []*world.Creator{s.Creator}
	for _, m := range s.Queue {
		creators = append(creators, m.Cred)
		if err := checkRights(w, s, &m); err != nil {
			return err
		}
	}
	for _, c := range creators {
		if c != nil && !isAlive(w, c.Task) {
			return fmt.Errorf("was used by process %d, which is not there", c.Task)
		}
	}
	return nil
}

func titleOfSocket(o *world.OpenFile) string {
	title := "a socket"
	if o.Socket.Family == unix.AF_UNIX {
		title = "a unix socket"
	}
	switch {
	case world.IsBound(o.Socket.Local):
		return title + " at " + world.AddressText(o.Socket.Local)
	case o.Socket.Family == unix.AF_UNIX:
		return title
	}
	return ""
}

// hasEnded tells a connection that is none any more from a part of the program, such
// as a socket that listens.
func hasEnded(s *world.Socket) bool {
	return s.Orphan || s.Family != unix.AF_UNIX && s.Type == unix.SOCK_STREAM && s.TCP == nil && s.Shutdown == shutBoth
}

func (m *Maker) makeSocket(i int) (int, error) {
	o := &m.world.Open[i]
	switch {
	case o.Outside:
		return -1, m.refuseOutside(i)
	case o.Socket.Family == unix.AF_UNIX:
		return m.unix.open(i)
	case o.Socket.TCP != nil:
		return m.openConnection(i)
	}
	return m.openInet(i)
}

func (m *Maker) joinSocket(i int) error {
	switch s := m.world.Open[i].Socket; {
	case s.Family == unix.AF_UNIX:
		return m.unix.connect(i)
	case m.hasPair(i):
		return m.connectEnds(i)
	}
	return nil
}

func (m *Maker) fillSocket(i int) error {
	switch s := m.world.Open[i].Socket; {
	case s.TCP == nil:
		return m.unix.fill(i)
	case s.TCP.Far != nil:
		return m.fillFar(i)
	case m.hasPair(i):
		return m.fillConnection(i)
	}
	return nil
}

func (m *Maker) pointSocket(i int) error {
	switch s := m.world.Open[i].Socket; {
	case s.Family == unix.AF_UNIX && s.Listening:
		return m.unix.waitAt(i)
	case s.Family == unix.AF_UNIX:
		return m.unix.point(i)
	case m.hasPair(i):
		return m.shutdown(i) // before anybody's filter is there
	}
	return nil
}

// settleSocket closes the directions that were closed, and sets the options that
// have to wait until a socket holds what it held.
func (m *Maker) settleSocket(i int) (err error) {
	s := m.world.Open[i].Socket
	switch {
	case s.TCP == nil:
		err = m.shutdown(i)
	case !m.waits(i):
		err = m.settleConnection(i)
	}
	if err != nil {
		return err
	}
	return m.unset(i, sockopt.Finish(m.made[i].fd, s))
}

// shutdown closes directions. Without a connection, the kernel does so all the same, and
// says that there is none (net/ipv4/af_inet.c: inet_shutdown).
func (m *Maker) shutdown(i int) error { return shutDown(m.made[i].fd, m.world.Open[i].Socket.Shutdown) }

func shutDown(fd, directions int) error {
	if how, ok := map[int]int{1: unix.SHUT_RD, 2: unix.SHUT_WR, 3: unix.SHUT_RDWR}[directions]; ok {
		if err := unix.Shutdown(fd, how); sys.Ignore(err, unix.ENOTCONN) != nil {
			return fmt.Errorf("shutdown: %w", err)
		}
	}
	return nil
}

func (*Maker) rouseSocket(w watched) (calm func() error, err error) {
	if w.open.Socket.Listening {
		return rouseListener(w.by, w.here, w.open.Socket)
	}
	return widen(w.here) // it has no room to send
}

// beginSocket has TCP listen: others than the processes may connect from here on.
func (m *Maker) beginSocket(i int) error {
	s := m.world.Open[i].Socket
	if s.Family == unix.AF_UNIX || !s.Listening {
		return nil
	}
	if err := unix.Listen(m.made[i].fd, s.Backlog); err != nil {
		return taken(s.Local, err)
	}
	return nil
}

// begunSocket has connections wait at those who listen, and sets SO_REUSEADDR to what it
// was, now that all do.
func (m *Maker) begunSocket(i int) error {
	s := m.world.Open[i].Socket
	if s.Family == unix.AF_UNIX || s.Type != unix.SOCK_STREAM || len(s.Local) == 0 {
		return nil
	}
	if m.waits(i) {
		if err := m.waitAgain(i); err != nil {
			return err
		}
	}
	return unix.SetsockoptInt(m.made[i].fd, unix.SOL_SOCKET, unix.SO_REUSEADDR, reuseOf(s))
}

// reuseOf is the SO_REUSEADDR that a socket had.
func reuseOf(s *world.Socket) int {
	if slices.ContainsFunc(s.Options, func(o world.SockOpt) bool { return o.Level == unix.SOL_SOCKET && o.Name == unix.SO_REUSEADDR }) {
		return 1
	}
	return 0
}

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
