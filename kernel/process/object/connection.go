// TCP connections between the processes, as they are taken. Each direction is a stream:
// what the receiver has not read yet, and behind that what the sender has sent and is
// still on the way. How much that is, both of them count; only root may see what it is,
// and what has arrived, anybody may. Looking at it changes nothing.

package object

import (
	"errors"
	"fmt"
	"net/netip"

	"golang.org/x/sys/unix"

	"snappipe/kernel/process/sys"
	"snappipe/kernel/process/world"
)

// States of TCP: include/net/tcp_states.h.
const (
	tcpEstablished = 1
	tcpFinWait1    = 4
	tcpFinWait2    = 5
	tcpClosed      = 7
	tcpCloseWait   = 8
	tcpLastAck     = 9
	tcpClosing     = 11
)

// ofConnection are the states of what is connected, and in which it has sent the end of
// what it sends, or received that of the other.
var ofConnection = map[uint8]struct{ ended, heardEnd bool }{
	tcpEstablished: {}, tcpFinWait1: {ended: true}, tcpFinWait2: {ended: true},
	tcpCloseWait: {heardEnd: true}, tcpLastAck: {true, true}, tcpClosing: {true, true},
}

// connectionEnd is one end of a connection that is looked at.
type connectionEnd struct {
	*Found
	d     *world.OpenFile
	fd    int
	title string
	info  *unix.TCPInfo
}

// connections finds the two ends of each connection, and loses those of which the other
// is not there.
func (t *Taker) connections() error {
	type way struct{ from, to netip.AddrPort }
	ends := map[way]int{}
	for i := range t.w.Open {
		if s := t.w.Open[i].Socket; s != nil && s.TCP != nil {
			w := way{world.InetAddress(s.Local), world.InetAddress(s.Remote)}
			if _, twice := ends[w]; twice {
				i = world.NoIndex // of two network namespaces
			}
			ends[w] = i
		}
	}
	for i := range t.w.Open {
		s := t.w.Open[i].Socket
		if s == nil || s.TCP == nil {
			continue
		}
		j, ok := ends[way{world.InetAddress(s.Remote), world.InetAddress(s.Local)}]
		var err error
		switch {
		case !ok || j == world.NoIndex:
			err = t.farEnd(i)
		case i <= j:
			err = t.connection(i, j)
		}
		if err != nil {
			return err
		}
	}
	return t.othersWait()
}

// farEnd is for a connection to somebody else, or to nobody yet.
func (t *Taker) farEnd(i int) error {
	if waits, err := t.unaccepted(i); waits || err != nil {
		return err
	}
	if t.o.Far {
		return t.farConnection(i)
	}
	o, d := t.foundFirst(i), &t.w.Open[i]
	return t.socketOutside(o, d, connectionTitle(d.Socket))
}

func connectionTitle(s *world.Socket) string {
	return "a TCP connection to " + world.AddressText(s.Remote)
}

// connection takes one: both its ends, or none.
func (t *Taker) connection(i, j int) error {
	var ends [2]connectionEnd
	for n, at := range []int{i, j} {
		e := &ends[n]
		e.Found, e.d = t.foundFirst(at), &t.w.Open[at]
		e.title = connectionTitle(e.d.Socket)
		var err error
		if e.fd, err = t.borrow(e.Found); err != nil {
			return err
		}
		defer unix.Close(e.fd)
	}
	a, b := &ends[0], &ends[1]
	if i == j {
		return t.lose(a.Found, a.d, a.title, "it is connected to itself")
	}
	a.d.Socket.Peer, b.d.Socket.Peer = b.d.Socket.Ino, a.d.Socket.Ino
	for _, step := range []func(*connectionEnd) error{t.endOfConnection, t.optionsOfEnd} {
		for n := range ends {
			if err := step(&ends[n]); err != nil {
				return err
			}
			if other := &ends[1-n]; ends[n].d.Kind == world.KindLost {
				return t.lose(other.Found, other.d, other.title, "its other end is left out")
			}
		}
	}
	if t.o.Dry {
		return nil
	}
	lost, err := t.contentOf(a, b)
	if lost == "" || err != nil {
		return err
	}
	return errors.Join(t.lose(a.Found, a.d, a.title, lost), t.lose(b.Found, b.d, b.title, lost))
}

// endOfConnection finds in which state one end is.
func (t *Taker) endOfConnection(e *connectionEnd) (err error) {
	what, err := readiness(e.fd)
	if err == nil {
		e.info, err = unix.GetsockoptTCPInfo(e.fd, unix.IPPROTO_TCP, unix.TCP_INFO)
	}
	if err != nil {
		return fmt.Errorf("%s: reading its state: %w", e.object(e.title), err)
	}
	switch {
	case what&unix.POLLPRI != 0:
		return t.lose(e.Found, e.d, e.title, "it holds a byte that was sent out of band (MSG_OOB)")
	case what&unix.POLLERR != 0:
		return t.lose(e.Found, e.d, e.title, "it has an error that the program has not been told yet")
	}
	s, state := e.d.Socket, ofConnection[e.info.State]
	s.Shutdown = 0
	if state.ended {
		s.Shutdown |= shutWriting
	}
	if what&unix.POLLRDHUP != 0 && !state.heardEnd {
		s.Shutdown |= shutReading
	}
	s.TCP.MSS = int(e.info.Advmss)
	const timestamps, theirSize = 1, 12 // TCPI_OPT_TIMESTAMPS, TCPOLEN_TSTAMP_ALIGNED
	if e.info.Options&timestamps != 0 {
		s.TCP.MSS += theirSize
	}
	return nil
}

func (t *Taker) optionsOfEnd(e *connectionEnd) error {
	if err := t.owner(e.fd, e.Found, e.d); err != nil {
		return err
	}
	return t.socketOptions(e.fd, e.Found, e.d)
}

// contentOf reads what both ends hold, or says why that can't be, which is believed only if
// nothing has arrived between two looks.
func (t *Taker) contentOf(a, b *connectionEnd) (lost string, err error) {
	const tries = 10
	ways := [2][2]*connectionEnd{{a, b}, {b, a}}
	for range tries {
		var streams [2]stream
		for n, way := range ways {
			if streams[n], lost, err = t.readStream(way[0], way[1]); err != nil {
				return "", err
			}
			if lost != "" {
				break
			}
		}
		still, err := t.still(a, b)
		if err != nil {
			return "", err
		}
		if !still {
			continue
		}
		if lost != "" {
			return lost, nil
		}
		for n, way := range ways {
			if len(streams[n].received) > 0 {
				way[1].d.Socket.TCP.Received = t.addBlob(streams[n].received)
			}
			if len(streams[n].sent) > 0 {
				way[0].d.Socket.TCP.Sent = t.addBlob(streams[n].sent)
			}
		}
		return "", nil
	}
	return "what it has sent goes on arriving", nil
}

// still reports whether nothing has arrived since both ends were looked at, and
// looks at them again.
func (t *Taker) still(all ...*connectionEnd) (bool, error) {
	still := true
	for _, e := range all {
		now, err := unix.GetsockoptTCPInfo(e.fd, unix.IPPROTO_TCP, unix.TCP_INFO)
		if err != nil {
			return false, fmt.Errorf("%s: reading its state: %w", e.object(e.title), err)
		}
		was := e.info
		still = still && now.State == was.State && now.Bytes_received == was.Bytes_received &&
			now.Notsent_bytes == was.Notsent_bytes && now.Bytes_sent-now.Bytes_retrans == was.Bytes_sent-was.Bytes_retrans
		e.info = now
	}
	return still, nil
}

// stream is what is in one direction of a connection.
type stream struct{ received, sent []byte }

// readStream reads it, or says why that can't be.
func (t *Taker) readStream(from, to *connectionEnd) (s stream, lost string, err error) {
	if s.received, lost, err = t.peekReceived(to); lost != "" || err != nil {
		return s, lost, err
	}
	arrived := int64(to.info.Bytes_received)
	if ofConnection[to.info.State].heardEnd {
		arrived-- // the end counts as one
	}
	underway := int64(from.info.Bytes_sent-from.info.Bytes_retrans) + int64(from.info.Notsent_bytes) - arrived
	if underway == 0 {
		return s, "", nil
	}
	s.sent, lost, err = t.peekSent(from, underway)
	return s, lost, err
}

// peekReceived copies what has arrived.
func (t *Taker) peekReceived(e *connectionEnd) (b []byte, lost string, err error) {
	waiting, err := unix.IoctlGetInt(e.fd, unix.SIOCINQ)
	if err == nil && waiting > 0 {
		if waiting > queueLimit {
			return nil, fmt.Sprintf("it holds %d bytes, more than the %d that are kept", waiting, int64(queueLimit)), nil
		}
		b = make([]byte, waiting)
		err = t.fromStart(e, func() (err error) {
			waiting, _, err = unix.Recvfrom(e.fd, b, unix.MSG_PEEK|unix.MSG_DONTWAIT)
			return err
		})
	}
	if err != nil {
		return nil, "", fmt.Errorf("reading what %s holds: %w", e.object(e.title), err)
	}
	if waiting < len(b) {
		return nil, "it holds a byte that was sent out of band (MSG_OOB)", nil
	}
	return b, "", nil
}

// fromStart calls f while peeking begins with the first byte.
func (t *Taker) fromStart(e *connectionEnd, f func() error) (err error) {
	was, err := sys.PeekOffset(e.fd)
	if err != nil || was < 0 { // an older kernel has none for TCP
		return f()
	}
	t.o.Peeking(Peek{PID: e.task.PID, FD: e.Found.fd, Offset: was})
	defer func() {
		err = errors.Join(err, sys.SetPeekOffset(e.fd, was))
		t.o.Peeking(Peek{FD: -1})
	}()
	if err := errors.Join(sys.SetPeekOffset(e.fd, -1), t.o.PeekFault()); err != nil {
		return err
	}
	return f()
}

// peekSent copies the last so many bytes of what was sent.
func (t *Taker) peekSent(e *connectionEnd, underway int64) (b []byte, lost string, err error) {
	unacked, err := unix.IoctlGetInt(e.fd, unix.SIOCOUTQ)
	if err != nil {
		return nil, "", fmt.Errorf("%s: %w", e.object(e.title), err)
	}
	switch {
	case underway < 0 || underway > int64(unacked):
		return nil, "the kernel does not count what is on its way", nil // as after another's TCP_REPAIR
	case underway > queueLimit:
		return nil, fmt.Sprintf("it holds %d bytes, more than the %d that are kept", underway, int64(queueLimit)), nil
	}
	if zero, err := unix.GetsockoptInt(e.fd, unix.SOL_SOCKET, unix.SO_ZEROCOPY); err == nil && zero != 0 {
		return nil, "what is on its way may have been sent with MSG_ZEROCOPY", nil
	}
	b = make([]byte, unacked)
	n := 0
	err = t.repairing(e, func() (err error) {
		n, err = sys.PeekUnacked(e.fd, b)
		return err
	})
	switch {
	case errors.Is(err, unix.EPERM):
		return nil, fmt.Sprintf("of what it has sent, %d bytes are on their way, and only root may see them (CAP_NET_ADMIN)", underway), nil
	case err != nil:
		return nil, "", fmt.Errorf("reading what %s has sent: %w", e.object(e.title), err)
	case int64(n) < underway:
		return nil, "the kernel does not count what is on its way", nil
	}
	return b[int64(n)-underway : n], "", nil
}

// repairing calls f while a connection is under repair. Should this process be killed
// meanwhile, another ends that.
func (t *Taker) repairing(e *connectionEnd, f func() error) (err error) {
	reuse, err := unix.GetsockoptInt(e.fd, unix.SOL_SOCKET, unix.SO_REUSEADDR)
	if err != nil {
		return err
	}
	t.o.Peeking(Peek{PID: e.task.PID, FD: e.Found.fd, Repair: true, Reuse: reuse})
	defer func() { t.o.Peeking(Peek{FD: -1}) }()
	if err := sys.BeginRepair(e.fd); err != nil {
		return err
	}
	return errors.Join(t.o.PeekFault(), f(), sys.EndRepair(e.fd, reuse))
}
