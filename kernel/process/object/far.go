// TCP connections to others. Such a connection is in one place only, so one is taken if
// the program ends with the image. From before the program is stopped, nothing leaves its
// end, acknowledgements least of all: what arrives there and is in no image, the other end
// sends again. It goes on where the program is resumed, and has noticed a delay.

package object

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"

	"snappipe/kernel/process/sys"
	"snappipe/kernel/process/world"
)

// farSocket is this end of one, as it is in the program.
type farSocket struct{ fd, reuse int }

// FarWays are the ways on which nothing is to leave, as a look before the program is
// stopped has found them.
func (t *Taker) FarWays() (all []sys.Way) {
	for w := range t.known.far {
		all = append(all, w)
	}
	return all
}

func wayOf(s *world.Socket) sys.Way {
	return sys.Way{From: world.InetAddress(s.Local), To: world.InetAddress(s.Remote)}
}

// farConnection takes one.
func (t *Taker) farConnection(i int) (err error) {
	e := &connectionEnd{Found: t.foundFirst(i), d: &t.w.Open[i]}
	e.title = connectionTitle(e.d.Socket)
	if e.fd, err = t.borrow(e.Found); err != nil {
		return err
	}
	lost, err := t.describeFar(e)
	switch {
	case err != nil || t.o.Dry || lost != "" || e.d.Kind == world.KindLost:
		err = errors.Join(err, unix.Close(e.fd))
	default:
		reuse, _ := unix.GetsockoptInt(e.fd, unix.SOL_SOCKET, unix.SO_REUSEADDR)
		t.far = append(t.far, farSocket{e.fd, reuse})
	}
	if err != nil || lost == "" {
		return err
	}
	return t.lose(e.Found, e.d, e.title, lost)
}

// describeFar fills it in, or says why it can't be kept.
func (t *Taker) describeFar(e *connectionEnd) (lost string, err error) {
	if err := t.endOfConnection(e); err != nil || e.d.Kind == world.KindLost {
		return "", err
	}
	s := e.d.Socket
	if zero, err := unix.GetsockoptInt(e.fd, unix.SOL_SOCKET, unix.SO_ZEROCOPY); err == nil && zero != 0 {
		return "what is on its way may have been sent with MSG_ZEROCOPY", nil
	}
	ended := ofConnection[e.info.State].heardEnd
	if device, err := unix.GetsockoptString(e.fd, unix.SOL_SOCKET, unix.SO_BINDTODEVICE); ended && (err != nil || device != "") {
		return "its other end, which is outside of the program, has closed its direction, and it is bound to a device", nil
	}
	if at, err := sys.PeekOffset(e.fd); err == nil && at >= 0 {
		return "it is peeked at (SO_PEEK_OFF), and its other end is outside of the program", nil
	}
	if t.o.Dry {
		t.known.far[wayOf(s)] = true
		return "", t.optionsOfEnd(e)
	}
	if !t.known.far[wayOf(s)] {
		return "it is new, and its other end is outside of the program; try again", nil
	}
	if err := t.optionsOfEnd(e); err != nil || e.d.Kind == world.KindLost {
		return "", err
	}
	s.TCP.Far = &world.FarEnd{Ended: ended}
	err = t.repairing(e, func() (err error) {
		lost, err = t.readFar(e)
		return err
	})
	if err != nil {
		err = fmt.Errorf("reading the state of %s: %w", e.object(e.title), err)
	}
	return lost, err
}

// readFar reads what takes repair. What arrives meanwhile may change it.
func (t *Taker) readFar(e *connectionEnd) (lost string, err error) {
	c, f := e.d.Socket.TCP, e.d.Socket.TCP.Far
	a, err := sys.Agreement(e.fd)
	if err != nil {
		return "", err
	}
	c.MSS, f.Options, f.SendScale, f.ReceiveScale = a.MSS, a.Options&(sys.TCPTimestamps|sys.TCPSelective|sys.TCPScaled), a.SendScale, a.ReceiveScale
	stamp, err := unix.GetsockoptInt(e.fd, unix.IPPROTO_TCP, unix.TCP_TIMESTAMP)
	if err != nil {
		return "", err
	}
	f.Timestamp = uint32(stamp)
	const tries = 10
	for range tries {
		before, err := sys.Sequence(e.fd, sys.TCPReceived)
		if err != nil {
			return "", err
		}
		window, err := sys.TCPWindow(e.fd)
		if err != nil {
			return "", err
		}
		var received []byte
		err = sys.InQueue(e.fd, sys.TCPReceived, func() (err error) {
			received, lost, err = t.peekReceived(e)
			return err
		})
		if err != nil || lost != "" {
			return lost, err
		}
		after, err := sys.Sequence(e.fd, sys.TCPReceived)
		if err != nil {
			return "", err
		}
		if before != after {
			continue
		}
		if f.Ended { // the end counts as one, and is received again
			after--
			sys.LimitTCPWindow(window, after)
		}
		f.Window, f.ReceivedFrom = window, after-uint32(len(received))
		if len(received) > 0 {
			c.Received = t.addBlob(received)
		}
		return t.readFarSent(e)
	}
	return "what it receives goes on arriving", nil
}

func (t *Taker) readFarSent(e *connectionEnd) (lost string, err error) {
	s := e.d.Socket
	c, f := s.TCP, s.TCP.Far
	unacked, err := unix.IoctlGetInt(e.fd, unix.SIOCOUTQ)
	if err != nil {
		return "", err
	}
	if unacked > queueLimit {
		return fmt.Sprintf("it holds %d bytes, more than the %d that are kept", unacked, int64(queueLimit)), nil
	}
	b := make([]byte, unacked)
	n, err := sys.PeekUnacked(e.fd, b)
	if err != nil {
		return "", err
	}
	end, err := sys.Sequence(e.fd, sys.TCPSent)
	if err != nil {
		return "", err
	}
	if f.Unsent, err = unix.IoctlGetInt(e.fd, unix.SIOCOUTQNSD); err != nil {
		return "", err
	}
	if s.Shutdown&shutWriting != 0 { // the end counts as one, and is behind all else
		end--
		f.Unsent = max(f.Unsent-1, 0)
	}
	f.SentFrom = end - uint32(n)
	if n > 0 {
		c.Sent = t.addBlob(b[:n])
	}
	if f.Unsent > n {
		return "the kernel does not count what is on its way", nil
	}
	return "", nil
}

// HasFar reports whether there are such connections.
func (t *Taker) HasFar() bool { return len(t.far) > 0 }

// Silence has connections to others end without a word, as the program is about to; or
// none of them.
func (t *Taker) Silence() error {
	for n, f := range t.far {
		if err := sys.BeginRepair(f.fd); err != nil {
			for _, f := range t.far[:n] {
				err = errors.Join(err, sys.EndRepair(f.fd, f.reuse))
			}
			return fmt.Errorf("ending connections to others without a word: %w", err)
		}
	}
	return nil
}

// LeaveFar gives them up here, which keeps them open as long as they were not.
func (t *Taker) LeaveFar() {
	for _, f := range t.far {
		unix.Close(f.fd)
	}
	t.far = nil
}
