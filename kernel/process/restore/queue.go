// This file sends unix sockets what they had received and not yet given out.

package restore

import (
	"bytes"
	"errors"
	"fmt"

	"golang.org/x/sys/unix"

	"snappipe/kernel"
	"snappipe/kernel/process/sys"
	"snappipe/kernel/process/world"
)

// fill sends socket i its messages, by its peer or, datagrams, by who sent them.
func (u *unixSockets) fill(i int) error {
	o := &u.img.Open[i]
	for k := range o.Socket.Queue {
		m := &o.Socket.Queue[k]
		from, to, err := u.sender(i, m)
		if err != nil {
			return err
		}
		if err := u.send(from, to, m); err != nil {
			return kernel.Refuse(u.name(o), "resume it as root, or raise net.core.wmem_max", "what waits in it cannot be put back: %v", err)
		}
	}
	return nil
}

// sender returns the socket that is to send a message, and whereto, if that is
// not what it is connected to.
func (u *unixSockets) sender(i int, m *world.Message) (from int, to []byte, err error) {
	s := u.img.Open[i].Socket
	j := u.peerOf(i)
	fd, orphan := u.orphaned[i]
	name := s.Remote
	if !orphan && j >= 0 {
		fd, name = u.files[j].fd, u.img.Open[j].Socket.Local
	}
	switch {
	case u.joined(i) && s.Type == unix.SOCK_DGRAM && len(m.From) > 0 && !bytes.Equal(m.From, name):
		return -1, nil, kernel.Refuse(u.name(&u.img.Open[i]), "", "it holds a message from %s, to which it is not connected", world.AddressText(m.From))
	case u.joined(i):
		return fd, nil, nil
	case s.Type != unix.SOCK_DGRAM || len(s.Local) == 0:
		return -1, nil, fmt.Errorf("%w: nobody can have sent it a message", world.ErrDamaged)
	}
	for j := range u.img.Open {
		other := u.img.Open[j].Socket
		if len(m.From) > 0 && other != nil && other.Type == s.Type && bytes.Equal(other.Local, m.From) {
			return u.files[j].fd, s.Local, nil
		}
	}
	fd, err = u.standIn(m.From)
	return fd, s.Local, err
}

// standIn returns a datagram socket of an address for the moment.
func (u *unixSockets) standIn(address []byte) (int, error) {
	if fd, ok := u.senders[string(address)]; ok {
		return fd, nil
	}
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return -1, fmt.Errorf("socket: %w", err)
	}
	u.senders[string(address)] = fd
	return fd, u.bind(fd, address, u.leftAt(address))
}

// send sends one message, all of it.
func (u *unixSockets) send(from int, to []byte, m *world.Message) error {
	unwiden := func() error { return nil }
	deliver := func(b []byte) (n int, err error) {
		if m.Cred != nil {
			return u.sendAs(from, to, b, m.Cred)
		}
		err = u.reachHere(to, func(to []byte) error {
			n, err = sys.Send(from, b, to)
			return err
		})
		return n, err
	}
	return errors.Join(u.parts(m, func(b []byte) error {
		for sent, wide := 0, false; ; {
			n, err := deliver(b[sent:])
			switch sent += n; {
			case err == nil && sent == len(b):
				return nil
			case err == nil && n > 0: // the rest of a stream
			case !wide && (err == nil || full(err)):
				wide = true
				if unwiden, err = widen(from); err != nil {
					return err
				}
			default:
				return fmt.Errorf("%d of %d bytes were taken: %w", sent, len(b), err)
			}
		}
	}), unwiden())
}

// full reports whether an error is for want of room.
func full(err error) bool {
	return errors.Is(err, unix.EAGAIN) || errors.Is(err, unix.EMSGSIZE) || errors.Is(err, unix.ENOBUFS)
}

// parts calls f with what a message holds: a stream in pieces, anything else at
// once.
func (u *unixSockets) parts(m *world.Message, f func([]byte) error) error {
	if m.Content == world.NoIndex {
		return f(nil)
	}
	size := u.img.Contents[m.Content].Size
	if size > maxQueue {
		return fmt.Errorf("%w: %d bytes in a socket", world.ErrDamaged, size)
	}
	piece := size
	if m.Stream {
		piece = min(size, 1<<20)
	}
	b := make([]byte, piece)
	for off := int64(0); off < size; off += int64(len(b)) {
		b = b[:min(size-off, piece)]
		if _, err := u.contents[m.Content].ReadAt(b, off); err != nil {
			return err
		}
		if err := f(b); err != nil {
			return err
		}
	}
	return nil
}

// widen gives a socket as much room to send as there can be, and returns what
// takes it back. What was sent meanwhile stays.
func widen(fd int) (undo func() error, err error) {
	was, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_SNDBUF)
	if err != nil {
		return nil, err
	}
	lock, noLock := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_BUF_LOCK)
	const most = 1<<30 - 1
	err = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_SNDBUFFORCE, most)
	if errors.Is(err, unix.EPERM) { // up to net.core.wmem_max
		err = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_SNDBUF, most)
	}
	return func() error {
		// The kernel doubles what it is given (socket(7)).
		err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_SNDBUFFORCE, was/2)
		if errors.Is(err, unix.EPERM) {
			err = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_SNDBUF, was/2)
		}
		if err == nil && noLock == nil {
			err = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_BUF_LOCK, lock)
		}
		return err
	}, err
}

// sendAs has the stub send, whose process ID the credentials then say.
func (u *unixSockets) sendAs(from int, to, b []byte, cred *world.Creator) (n int, err error) {
	pid, err := u.stub.call("getpid", unix.SYS_GETPID)
	if err != nil {
		return 0, err
	}
	control := unix.UnixCredentials(&unix.Ucred{Pid: int32(pid), Uid: cred.UID, Gid: cred.GID})
	err = u.stub.lend(from, func(fd uint64) error {
		return u.reach(to, func(to []byte) error {
			n, err = u.stub.sendmsg(fd, b, to, control)
			return err
		})
	})
	return n, err
}

// sendmsg is sendmsg(2). Its bytes lie in memory that is mapped for that.
func (s *stub) sendmsg(fd uint64, b, to, control []byte) (n int, err error) {
	at, room := uint64(0), uint64(max(len(b), 1))
	if at, err = s.call("mmap", unix.SYS_MMAP, 0, room, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANONYMOUS, ^uint64(0), 0); err != nil {
		return 0, err
	}
	if len(b) > 0 {
		err = s.mem.Copy(b, at)
	}
	if err == nil {
		n, err = s.sendFrom(at, fd, len(b), to, control)
	}
	_, unmapped := s.call("munmap", unix.SYS_MUNMAP, at, room)
	return n, errors.Join(err, unmapped)
}

func (s *stub) sendFrom(at, fd uint64, size int, to, control []byte) (int, error) {
	// lay aligns to 16 bytes: struct iovec, the address, the credentials.
	vector, name := s.scratch, s.scratch+16
	rights := name + (uint64(len(to))+15)&^15
	// struct msghdr: name, its length, vector, its length, control, its
	// length, flags
	header := words(name, uint64(len(to)), vector, 1, rights, uint64(len(control)), 0)
	if len(to) == 0 {
		clear(header[:8])
	}
	laid, err := s.lay(words(at, uint64(size)), to, control, header)
	if err != nil {
		return 0, err
	}
	n, err := s.call("sendmsg", unix.SYS_SENDMSG, fd, laid[3], unix.MSG_DONTWAIT|unix.MSG_NOSIGNAL)
	return int(n), err
}

// maxQueue bounds what is read back to memory to fill a socket with: no image
// of ours has more of a message.
const maxQueue = 1 << 30

// point gives a datagram socket its default destination, now that it has
// received from others.
func (u *unixSockets) point(i int) error {
	s := u.img.Open[i].Socket
	if s.Family != unix.AF_UNIX || s.Type != unix.SOCK_DGRAM || s.Orphan {
		return nil
	}
	to := []byte(s.Remote)
	if j := u.peerOf(i); j >= 0 && u.peerOf(j) == i {
		return nil // of a pair
	} else if j >= 0 {
		if to = u.img.Open[j].Socket.Local; len(to) == 0 {
			return kernel.Refuse(u.name(&u.img.Open[i]), "", "what it is connected to has no name and is connected to another")
		}
	}
	if len(to) == 0 {
		return nil
	}
	err := u.reachHere(to, func(address []byte) error { return sys.Connect(u.files[i].fd, address) })
	if err != nil {
		return kernel.Refuse(u.name(&u.img.Open[i]), "start what it sends to", "it cannot be connected to %s: %v", world.AddressText(to), err)
	}
	return nil
}
