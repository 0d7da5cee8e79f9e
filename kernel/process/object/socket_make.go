// This file makes sockets: each by itself first, so that there are listeners to
// connect to; then connections within the processes; then what they hold; and last
// what would be in the way of that.

package object

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"

	"snappipe/kernel"
	"snappipe/kernel/process/sockopt"
	"snappipe/kernel/process/world"
)

var sockets = &kind{
	name: world.KindSocket, check: checkSocket, title: titleOfSocket,
	ends:  func(_ *Maker, o *world.OpenFile) bool { return hasEnded(o.Socket) },
	holds: func(o *world.OpenFile) bool { return len(o.Socket.Queue) > 0 },
	make:  (*Maker).makeSocket, join: (*Maker).joinSocket, fill: (*Maker).fillSocket,
	point: (*Maker).pointSocket, settle: (*Maker).settleSocket,
	rouse: (*Maker).rouseSocket, begin: (*Maker).beginSocket,
}

// checkSocket sees that what it holds is there, and that the addresses of multicast
// groups and their sources are of one of the two families.
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
	for _, message := range s.Queue {
		if !isContent(w, message.Content) {
			return fmt.Errorf("has content %d, which is not there", message.Content)
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
	const both = 3 // of Shutdown
	return s.Orphan || s.Family != unix.AF_UNIX && s.Type == unix.SOCK_STREAM && s.Shutdown == both
}

func (m *Maker) makeSocket(i int) (int, error) {
	o := &m.world.Open[i]
	switch {
	case o.Outside:
		return -1, m.refuseOutside(i)
	case o.Socket.Family == unix.AF_UNIX:
		return m.unix.open(i)
	}
	return m.openInet(i)
}

func (m *Maker) joinSocket(i int) error {
	if m.world.Open[i].Socket.Family != unix.AF_UNIX {
		return nil
	}
	return m.unix.connect(i)
}

func (m *Maker) fillSocket(i int) error { return m.unix.fill(i) }

func (m *Maker) pointSocket(i int) error {
	if m.world.Open[i].Socket.Family != unix.AF_UNIX {
		return nil
	}
	return m.unix.point(i)
}

// settleSocket closes the directions that were closed, and sets the options that
// have to wait until a socket holds what it held. Without a connection, the kernel
// closes directions all the same, and says that there is none (net/ipv4/af_inet.c:
// inet_shutdown).
func (m *Maker) settleSocket(i int) error {
	s, fd := m.world.Open[i].Socket, m.made[i].fd
	if how, ok := map[int]int{1: unix.SHUT_RD, 2: unix.SHUT_WR, 3: unix.SHUT_RDWR}[s.Shutdown]; ok {
		if err := unix.Shutdown(fd, how); ignore(err, unix.ENOTCONN) != nil {
			return fmt.Errorf("shutdown: %w", err)
		}
	}
	return m.unset(i, sockopt.Finish(fd, s))
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

// setOptions sets those that a socket may have before it is used.
func (m *Maker) setOptions(fd, i int) error {
	s := m.world.Open[i].Socket
	if err := m.ownAs(fd, "a socket", s.UID, s.GID, s.Mode); err != nil {
		return err
	}
	failed, err := m.sockopts.Apply(fd, s)
	if err != nil {
		return err
	}
	return m.unset(i, failed)
}

// unset refuses options that could not be set, unless the program is to do without
// them.
func (m *Maker) unset(i int, failed []*sockopt.Failure) error {
	for _, f := range failed {
		if !m.options.Force {
			return kernel.Refuse(m.name(i), "resume it as root; --force goes on without", "%v", f)
		}
		m.options.Warn(fmt.Sprintf("%s: %v", m.name(i), f))
	}
	return nil
}
