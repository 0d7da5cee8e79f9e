// What unix sockets have received and not yet given out. Looking at it must
// change nothing.

package object

import (
	"bytes"
	"errors"
	"fmt"
	"slices"

	"snappipe/kernel/process/sys"
	"snappipe/kernel/process/world"

	"golang.org/x/sys/unix"
)

// queueLimit is how much a socket may hold to go into the image, as a deleted
// file.
const queueLimit = deletedLimit

// Peek is the SO_PEEK_OFF of a socket of a process or, of one that is under repair, its
// SO_REUSEADDR; or none if FD is -1.
type Peek struct {
	PID, FD, Offset int
	Repair          bool `json:",omitempty"`
	Reuse           int  `json:",omitempty"`
}

// PutBack sets it to what it was before this process moved it.
func (p Peek) PutBack() error {
	pidfd, err := unix.PidfdOpen(p.PID, 0)
	if err != nil {
		return nil // it has ended
	}
	defer unix.Close(pidfd)
	fd, err := unix.PidfdGetfd(pidfd, p.FD, 0)
	if err == nil && p.Repair {
		defer unix.Close(fd)
		if err := sys.EndRepair(fd, p.Reuse); err != nil {
			return fmt.Errorf("ending TCP_REPAIR of fd %d: %w", p.FD, err)
		}
		return nil
	}
	if err == nil {
		err = sys.SetPeekOffset(fd, p.Offset)
		unix.Close(fd)
	}
	if err != nil {
		return fmt.Errorf("setting SO_PEEK_OFF of fd %d back to %d: %w", p.FD, p.Offset, err)
	}
	return nil
}

// queue reads what a socket holds.
func (t *Taker) queue(fd int, o *Found, d *world.OpenFile) error {
	s := d.Socket
	// Of datagrams, it is the length of the first.
	waiting, err := unix.IoctlGetInt(fd, unix.SIOCINQ)
	if err != nil {
		return nil // EINVAL: it was never connected
	}
	// Who reads an error clears it. Of a stream, it comes after the bytes.
	what, err := readiness(fd)
	failed := what&unix.POLLERR != 0
	switch {
	case err != nil:
		return fmt.Errorf("%s: %w", o.object("a unix socket"), err)
	case failed && (s.Type == unix.SOCK_DGRAM || s.Type == unix.SOCK_SEQPACKET && waiting > 0):
		return t.lose(o, d, "a unix socket", "it has an error that it has not been told yet")
	case what&unix.POLLIN == 0 || failed && waiting == 0:
		s.Reset = failed
		return nil
	case waiting > queueLimit:
		return t.lose(o, d, "a unix socket", fmt.Sprintf("it holds %d bytes, more than the %d that are kept", waiting, int64(queueLimit)))
	}
	s.Reset = failed
	return t.messages(o, d, fd, func(m *sys.Message) error { return t.message(o, d, m) })
}

// messages visits all that a socket holds, until it is lost.
func (t *Taker) messages(o *Found, d *world.OpenFile, fd int, visit func(*sys.Message) error) error {
	waiting, err := unix.IoctlGetInt(fd, unix.SIOCINQ)
	if err != nil {
		return fmt.Errorf("%s: %w", o.object("a unix socket"), err)
	}
	was, err := sys.PeekOffset(fd)
	if err != nil {
		return fmt.Errorf("%s: %w", o.object("a unix socket"), err)
	}
	buf := make([]byte, max(waiting, 64<<10))
	if d.Socket.Type == unix.SOCK_STREAM && was < 0 {
		// Mostly, all of a stream comes at once, and nothing has to be set.
		m, err := sys.Peek(fd, buf)
		defer m.CloseRights()
		if err == nil && len(m.Rights) == 0 && !m.Hidden && len(m.Data) == waiting {
			return visit(&m)
		}
	}
	if o.task.inFlight {
		return t.lose(o, d, "a unix socket", "it was sent, is not received yet, and holds several messages")
	}
	return t.walk(o, d, fd, was, buf, visit)
}

// walk looks at one message after the other, which takes SO_PEEK_OFF. Should
// this process be killed meanwhile, another sets it back.
func (t *Taker) walk(o *Found, d *world.OpenFile, fd, was int, buf []byte, visit func(*sys.Message) error) (err error) {
	t.o.Peeking(Peek{PID: o.task.PID, FD: o.fd, Offset: was})
	defer func() {
		err = errors.Join(err, sys.SetPeekOffset(fd, was))
		t.o.Peeking(Peek{FD: -1})
	}()
	s := d.Socket
	offset := 0
	total, err := unix.IoctlGetInt(fd, unix.SIOCINQ)
	for err == nil {
		if s.Type == unix.SOCK_STREAM && offset == total {
			return nil
		}
		if err = errors.Join(sys.SetPeekOffset(fd, offset), t.o.PeekFault()); err != nil {
			break
		}
		var m sys.Message
		switch m, err = peekOne(fd, s, offset, buf); {
		case errors.Is(err, unix.EAGAIN), errors.Is(err, unix.ENOTCONN):
			return nil
		case err != nil:
		case m.Cut > queueLimit:
			return t.lose(o, d, "a unix socket", "it holds a message that is too long")
		case m.Cut > 0:
			buf = make([]byte, m.Cut)
			continue
		case len(m.Data) == 0 && s.Type == unix.SOCK_STREAM:
			err = errors.New("it holds less than it said")
		case len(m.Data) == 0 && s.Type == unix.SOCK_SEQPACKET && s.Shutdown&shutReading != 0 && offset == total:
			return nil // the end: who reads an empty message here can't tell it from that
		default:
			err = visit(&m)
			m.CloseRights()
			if d.Kind == world.KindLost {
				return err
			}
		}
		offset += len(m.Data)
	}
	if err == nil {
		return nil
	}
	return fmt.Errorf("reading what %s holds: %w", o.object("a unix socket"), err)
}

// peekOne looks at the message of a socket that begins at an offset. Of a stream, bytes that
// came before others with descriptors are given with them, and are to be a message of
// their own: only who reads beyond them gets the descriptors.
func peekOne(fd int, s *world.Socket, offset int, buf []byte) (m sys.Message, err error) {
	m, err = sys.Peek(fd, buf)
	if err != nil || s.Type != unix.SOCK_STREAM || len(m.Rights) == 0 {
		return m, err
	}
	before := 0
	if err = sys.SetPeekOffset(fd, offset); err == nil {
		before, err = sys.PeekBefore(fd, len(m.Data))
	}
	if err != nil {
		m.CloseRights()
	}
	if before > 0 {
		m.CloseRights()
		m.Data = m.Data[:before]
	}
	return m, err
}

// message puts one into the image.
func (t *Taker) message(o *Found, d *world.OpenFile, m *sys.Message) error {
	out := world.Message{Content: world.NoIndex, Stream: d.Socket.Type == unix.SOCK_STREAM, From: m.From}
	if len(m.Rights) > 0 {
		out.Rights = t.carried(d.Socket)
	}
	if m.Hidden || len(out.Rights) != len(m.Rights) {
		return t.lose(o, d, "a unix socket", "it holds file descriptors that were sent and not yet received, which can't be looked at")
	}
	if len(m.Data) > 0 {
		out.Content = t.addBlob(m.Data)
	}
	if c := m.Cred; c != nil && c.Pid != 0 {
		sender := t.taskOf(int(c.Pid))
		if sender < 0 {
			return t.lose(o, d, "a unix socket", fmt.Sprintf("it holds a message with the credentials of another process, %d", c.Pid))
		}
		out.Cred = &world.Creator{UID: c.Uid, GID: c.Gid, Task: sender}
	}
	if out.From != nil && !t.bound(out.From) && d.Socket.Type == unix.SOCK_DGRAM && t.inUse(out.From) {
		return t.lose(o, d, "a unix socket", "it holds a message from "+world.AddressText(out.From)+", which is outside of the program")
	}
	d.Socket.Queue = append(d.Socket.Queue, out)
	return nil
}

// bound reports whether the program has a socket at an address.
func (t *Taker) bound(address []byte) bool {
	return slices.ContainsFunc(t.w.Open, func(o world.OpenFile) bool {
		return o.Socket != nil && bytes.Equal(o.Socket.Local, address)
	})
}

// inUse reports whether somebody has a datagram socket at an address, a path
// being one from the program's root.
func (t *Taker) inUse(address []byte) bool {
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return true
	}
	defer unix.Close(fd)
	path := world.SocketPath(address)
	if path == "" {
		return sys.Bind(fd, address) != nil
	}
	err = unix.Connect(fd, &unix.SockaddrUnix{Name: path})
	return !errors.Is(err, unix.ECONNREFUSED) && !errors.Is(err, unix.ENOENT)
}
