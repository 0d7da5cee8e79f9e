// TCP connections to others, as they are made again: as they were, down to the sequence
// numbers, by TCP_REPAIR. Until the release, nothing leaves them: they are under repair,
// and what arrives and makes them acknowledge it, the dam of the snapshot keeps back.
// Given up, they end without a word, so that the image is as good as before.

package object

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"

	"snappipe/kernel"
	"snappipe/kernel/process/sys"
	"snappipe/kernel/process/world"
)

// rejoining is a connection that is to go on, and what is still to leave then.
type rejoining struct {
	fd, reuse int
	unsent    []byte
	shutdown  int // as in world.Socket
}

func checkFar(w *world.World, s *world.Socket) error {
	const maxScale = 14 // TCP_MAX_WSCALE
	c, f := s.TCP, s.TCP.Far
	switch {
	case s.Peer != 0:
		return errors.New("has both a far end and what that can't have")
	case f.Unsent < 0 || int64(f.Unsent) > w.SizeOf(c.Sent):
		return errors.New("has more to send than it holds")
	case len(f.Window) != sys.TCPWindowSize, f.SendScale < 0, f.SendScale > maxScale, f.ReceiveScale < 0, f.ReceiveScale > maxScale,
		f.Options&^(sys.TCPTimestamps|sys.TCPSelective|sys.TCPScaled) != 0:
		return errors.New("has agreed on what is not possible")
	}
	return nil
}

// openFar makes the end of one, under repair and empty.
func (m *Maker) openFar(fd, i int) error {
	s := m.world.Open[i].Socket
	f := s.TCP.Far
	if err := sys.BeginRepair(fd); err != nil {
		return kernel.Refuse(m.name(i), "resume it as root", "a connection to others takes CAP_NET_ADMIN: %v", err)
	}
	if err := sys.Bind(fd, s.Local); err != nil {
		return taken(s.Local, err)
	}
	err := errors.Join(sys.SetSequence(fd, sys.TCPReceived, f.ReceivedFrom), sys.SetSequence(fd, sys.TCPSent, f.SentFrom))
	if err != nil {
		return err
	}
	if err := sys.Connect(fd, s.Remote); err != nil {
		return kernel.Refuse(m.name(i), "end the program that has it", "its connection to %s can't be made again: %v", world.AddressText(s.Remote), err)
	}
	a := sys.TCPAgreement{Options: f.Options, SendScale: f.SendScale, ReceiveScale: f.ReceiveScale, MSS: s.TCP.MSS}
	if err := sys.Agree(fd, a); err != nil {
		return fmt.Errorf("TCP_REPAIR_OPTIONS: %w", err)
	}
	if f.Options&sys.TCPTimestamps != 0 {
		if err := unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_TIMESTAMP, int(int32(f.Timestamp))); err != nil {
			return fmt.Errorf("TCP_TIMESTAMP: %w", err)
		}
	}
	return nil
}

// fillFar puts back what was received and sent. What has not left yet is sent when
// it can: under repair, it would count as sent.
func (m *Maker) fillFar(i int) error {
	s, fd := m.world.Open[i].Socket, m.made[i].fd
	c := s.TCP
	unwiden, err := widen(fd)
	if err != nil {
		return err
	}
	r := rejoining{reuse: reuseOf(s), shutdown: s.Shutdown}
	sent := m.world.SizeOf(c.Sent) - int64(c.Far.Unsent)
	put := func(b []byte) error {
		now := b[:min(int64(len(b)), max(sent, 0))]
		sent -= int64(len(now))
		r.unsent = append(r.unsent, b[len(now):]...)
		return sendRepaired(fd, now)
	}
	err = errors.Join(
		m.putQueue(fd, sys.TCPReceived, c.Received, func(b []byte) error { return sendRepaired(fd, b) }),
		m.putQueue(fd, sys.TCPSent, c.Sent, put),
		unwiden())
	if err != nil {
		return fmt.Errorf("putting back what it holds: %w", err)
	}
	if err := sys.Setsockopt(fd, unix.IPPROTO_TCP, unix.TCP_REPAIR_WINDOW, c.Far.Window); err != nil {
		return fmt.Errorf("TCP_REPAIR_WINDOW: %w", err)
	}
	if c.Far.Ended {
		if err := m.hearEnd(i); err != nil {
			return err
		}
	}
	if r.fd, err = unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, 3); err != nil {
		return err
	}
	m.rejoining = append(m.rejoining, r)
	return nil
}

// hearEnd has an end receive what the other has said behind all else.
func (m *Maker) hearEnd(i int) error {
	s := m.world.Open[i].Socket
	f := s.TCP.Far
	end := f.ReceivedFrom + uint32(m.world.SizeOf(s.TCP.Received))
	if err := sys.SendFinish(world.InetAddress(s.Remote), world.InetAddress(s.Local), end, f.SentFrom); err != nil {
		return kernel.Refuse(m.name(i), "resume it as root", "its other end has closed its direction, which takes CAP_NET_RAW to be told again: %v", err)
	}
	if err := await(m.made[i].fd, unix.POLLRDHUP); err != nil {
		return kernel.Refuse(m.name(i), "look for a packet filter that keeps what comes from there by the loopback device",
			"its other end has closed its direction, and it does not hear that again")
	}
	return nil
}

func (m *Maker) putQueue(fd, queue, content int, put func([]byte) error) error {
	if content == world.NoIndex {
		return nil
	}
	if queue == sys.TCPReceived {
		const spare = 1 << 18 // for what the kernel needs besides
		room := min(4*m.world.SizeOf(content)+spare, 1<<30)
		if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, int(room)); err != nil {
			return err
		}
	}
	return sys.InQueue(fd, queue, func() error {
		return m.unix.parts(&world.Message{Content: content, Stream: true}, put)
	})
}

// sendRepaired adds to the queue that is chosen, in pieces for which there is memory.
func sendRepaired(fd int, b []byte) error {
	const piece = 32 << 10
	for len(b) > 0 {
		n, err := sys.Send(fd, b[:min(len(b), piece)], nil)
		if err != nil {
			return err
		}
		b = b[n:]
	}
	return nil
}

// Rejoin has connections to others go on, now that nothing can fail any more, and what
// they send get through.
func (m *Maker) Rejoin() error {
	var ways []sys.Way
	for _, r := range m.rejoining {
		if err := sys.EndRepair(r.fd, r.reuse); err != nil {
			return fmt.Errorf("ending TCP_REPAIR: %w", err)
		}
		unwiden, err := widen(r.fd)
		if err == nil {
			err = errors.Join(sendAll(r.fd, r.unsent), unwiden())
		}
		if err != nil {
			return fmt.Errorf("sending what a connection to others had not sent yet: %w", err)
		}
		// What the other end knows already, it hears once more.
		if err := shutDown(r.fd, r.shutdown); err != nil {
			return err
		}
	}
	for i := range m.world.Open {
		if s := m.world.Open[i].Socket; s != nil && s.TCP != nil && s.TCP.Far != nil {
			ways = append(ways, wayOf(s))
		}
	}
	m.leaveFar()
	if m.world.Dam == "" {
		return nil
	}
	return sys.BreakDam(m.world.Dam, ways)
}

func (m *Maker) leaveFar() {
	for _, r := range m.rejoining {
		unix.Close(r.fd)
	}
	m.rejoining = nil
}
