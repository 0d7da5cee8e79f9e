// TCP connections that wait to be accepted. What does not lead to any descriptor can't be
// looked at, so one is kept that holds nothing, of which the other end is the program's as
// well as who listens: that one connects again.

package object

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"

	"snappipe/kernel"
	"snappipe/kernel/process/sys"
	"snappipe/kernel/process/world"
)

// unaccepted reports whether connection i waits at one of the program's listeners, which
// becomes its peer.
func (t *Taker) unaccepted(i int) (bool, error) {
	s := t.w.Open[i].Socket
	there, err := sys.AskTCP(world.InetAddress(s.Remote), world.InetAddress(s.Local))
	switch {
	case errors.Is(err, unix.ENOENT):
		return false, nil
	case err != nil:
		return false, fmt.Errorf("asking for the other end of a connection to %s: %w", world.AddressText(s.Remote), err)
	case there.Ino != 0 || there.State != tcpEstablished && there.State != tcpCloseWait:
		return false, nil
	}
	for j := range t.w.Open {
		l := t.w.Open[j].Socket
		if l == nil || !l.Listening || t.waiting[l.Ino] <= 0 || !accepts(l, s) {
			continue
		}
		e := &connectionEnd{Found: t.foundFirst(i), d: &t.w.Open[i], title: connectionTitle(s)}
		s.Peer = l.Ino
		t.waiting[l.Ino]--
		return true, t.unacceptedEnd(e, there.Unread)
	}
	return false, nil
}

// accepts reports whether a listener is at the address that a connection is to.
func accepts(l, s *world.Socket) bool {
	if l.Protocol != unix.IPPROTO_TCP {
		return false
	}
	at, to := world.InetAddress(l.Local), world.InetAddress(s.Remote)
	return at.Port() == to.Port() && (at.Addr() == to.Addr() || at.Addr().IsUnspecified())
}

func (t *Taker) unacceptedEnd(e *connectionEnd, unread int) (err error) {
	if e.fd, err = t.borrow(e.Found); err != nil {
		return err
	}
	defer unix.Close(e.fd)
	if err := t.endOfConnection(e); err != nil || e.d.Kind == world.KindLost {
		return err
	}
	if sent := e.info.Bytes_sent - e.info.Bytes_retrans + uint64(e.info.Notsent_bytes); sent > 0 || unread > 1 {
		return t.lose(e.Found, e.d, e.title, fmt.Sprintf("it has not been accepted, and nobody can see the %d bytes that it has sent", sent))
	}
	return t.optionsOfEnd(e)
}

// othersWait refuses listeners at which others wait than the program itself.
func (t *Taker) othersWait() error {
	for i := range t.w.Open {
		d := &t.w.Open[i]
		if d.Socket == nil || t.waiting[d.Socket.Ino] <= 0 {
			continue
		}
		title := fmt.Sprintf("a TCP socket at %s with connections that it has not accepted", world.AddressText(d.Socket.Local))
		if err := t.forgo(&Found{ref: t.first[i]}, d, title, "their other ends are outside of the program"); err != nil {
			return err
		}
	}
	return nil
}

// checkUnaccepted is checkConnection for one whose peer listens.
func checkUnaccepted(s, listener *world.Socket) error {
	if !accepts(listener, s) {
		return errors.New("is to somebody who listens at another address")
	}
	if s.TCP.Received != world.NoIndex || s.TCP.Sent != world.NoIndex {
		return errors.New("has not been accepted and holds something")
	}
	return nil
}

// waitAgain connects one to who listens, now that that does.
func (m *Maker) waitAgain(i int) error {
	s, fd := m.world.Open[i].Socket, m.made[i].fd
	err := unix.SetNonblock(fd, true)
	if err == nil {
		err = beginConnect(fd, s.Remote)
	}
	if err == nil {
		err = awaitConnect(fd)
	}
	if err != nil {
		return kernel.Refuse(m.name(i), "", "it can't be connected to %s again, to wait there: %v", world.AddressText(s.Remote), err)
	}
	if err := errors.Join(m.shutdown(i), m.settleConnection(i)); err != nil {
		return err
	}
	_, err = unix.FcntlInt(uintptr(fd), unix.F_SETFL, m.world.Open[i].Flags&settable)
	return err
}
