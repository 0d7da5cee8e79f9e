// Unix sockets are sent what they had received and not yet given out.

package object

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
	queue := u.world.Open[i].Socket.Queue
	for k := range queue {
		from, err := u.sender(i, &queue[k])
		if err != nil {
			return err
		}
		if err := u.send(from, &queue[k]); err != nil {
			return kernel.Refuse(u.name(i), "resume it as root, or raise net.core.wmem_max", "what waits in it cannot be put back: %v", err)
		}
	}
	return nil
}

// sender is a socket that is to send a message, whose it is, and whereto, if that is
// not what it is connected to.
type sender struct {
	fd int
	by Process
	to []byte
}

func (u *unixSockets) sender(i int, m *world.Message) (sender, error) {
	s := u.world.Open[i].Socket
	j := u.peerOf(i)
	fd, orphan := u.orphaned[i]
	by, name := u.byTask(i), s.Remote
	if !orphan && j >= 0 {
		fd, by, name = u.made[j].fd, u.byTask(j), u.world.Open[j].Socket.Local
	}
	switch {
	case u.joined(i) && s.Type == unix.SOCK_DGRAM && len(m.From) > 0 && !bytes.Equal(m.From, name):
		return sender{}, kernel.Refuse(u.name(i), "", "it holds a message from %s, to which it is not connected", world.AddressText(m.From))
	case u.joined(i):
		return sender{fd, by, nil}, nil
	case s.Type != unix.SOCK_DGRAM || len(s.Local) == 0:
		return sender{}, fmt.Errorf("%w: nobody can have sent it a message", world.ErrDamaged)
	}
	for j := range u.world.Open {
		other := u.world.Open[j].Socket
		if len(m.From) > 0 && other != nil && other.Type == s.Type && bytes.Equal(other.Local, m.From) {
			return sender{u.made[j].fd, u.byTask(j), s.Local}, nil
		}
	}
	by = u.byTask(i)
	fd, err := u.standIn(by, m.From)
	return sender{fd, by, s.Local}, err
}

// standIn returns a datagram socket of an address for the moment.
func (u *unixSockets) standIn(by Process, address []byte) (int, error) {
	if fd, ok := u.senders[string(address)]; ok {
		return fd, nil
	}
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return -1, fmt.Errorf("socket: %w", err)
	}
	u.senders[string(address)] = fd
	return fd, u.bind(by, fd, address, u.leftAt(by, address))
}

// send sends one message, all of it.
func (u *unixSockets) send(from sender, m *world.Message) error {
	unwiden := func() error { return nil }
	var rights []int // of this process, which go with the first byte
	for _, i := range m.Rights {
		rights = append(rights, u.made[i].fd)
	}
	deliver := func(b []byte) (n int, err error) {
		if m.Cred != nil {
			n, err = sender{from.fd, u.tasks[m.Cred.Task], from.to}.sendAs(b, m.Cred, rights)
		} else {
			err = reachHere(from.by, from.to, func(to []byte) error {
				n, err = sys.SendRights(from.fd, b, to, rights)
				return err
			})
		}
		if err == nil {
			rights = nil
		}
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
				if unwiden, err = widen(from.fd); err != nil {
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
	size := u.world.Contents[m.Content].Size
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

// sendAs has the process send, whose ID the credentials then say.
func (s sender) sendAs(b []byte, cred *world.Creator, rights []int) (n int, err error) {
	pid, err := s.by.Call("getpid", unix.SYS_GETPID)
	if err != nil {
		return 0, err
	}
	control := unix.UnixCredentials(&unix.Ucred{Pid: int32(pid), Uid: cred.UID, Gid: cred.GID})
	err = lendAll(s.by, append([]int{s.fd}, rights...), func(lent []int) error {
		if len(rights) > 0 {
			control = append(control, unix.UnixRights(lent[1:]...)...)
		}
		return reach(s.by, s.to, func(to []byte) error {
			n, err = sendmsg(s.by, uint64(lent[0]), b, to, control)
			return err
		})
	})
	return n, err
}

// lendAll calls f with the numbers that descriptors of ours have in a process meanwhile.
func lendAll(by Process, fds []int, f func(lent []int) error) error {
	var lend func(lent []int) error
	lend = func(lent []int) error {
		if len(lent) == len(fds) {
			return f(lent)
		}
		return by.Lend(fds[len(lent)], func(n uint64) error { return lend(append(lent, int(n))) })
	}
	return lend(nil)
}

// sendmsg is sendmsg(2). Its bytes lie in memory that is mapped for that.
func sendmsg(by Process, fd uint64, b, to, control []byte) (n int, err error) {
	at, room := uint64(0), uint64(max(len(b), 1))
	if at, err = by.Call("mmap", unix.SYS_MMAP, 0, room, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANONYMOUS, ^uint64(0), 0); err != nil {
		return 0, err
	}
	if len(b) > 0 {
		err = by.Write(b, at)
	}
	if err == nil {
		n, err = sendFrom(by, at, fd, len(b), to, control)
	}
	_, unmapped := by.Call("munmap", unix.SYS_MUNMAP, at, room)
	return n, errors.Join(err, unmapped)
}

func sendFrom(by Process, at, fd uint64, size int, to, control []byte) (int, error) {
	const headerSize = 56
	// struct iovec, the address, the credentials
	laid, err := by.Lay(sys.Words(at, uint64(size)), to, control, make([]byte, headerSize))
	if err != nil {
		return 0, err
	}
	vector, name, rights, message := laid[0], laid[1], laid[2], laid[3]
	if len(to) == 0 {
		name = 0
	}
	// struct msghdr: name, its length, vector, its length, control, its
	// length, flags
	header := sys.Words(name, uint64(len(to)), vector, 1, rights, uint64(len(control)), 0)
	if err := by.Write(header, message); err != nil {
		return 0, err
	}
	n, err := by.Call("sendmsg", unix.SYS_SENDMSG, fd, message, unix.MSG_DONTWAIT|unix.MSG_NOSIGNAL)
	return int(n), err
}

// maxQueue bounds what is read back to memory to fill a socket with: no image
// of ours has more of a message.
const maxQueue = 1 << 30

// point gives a datagram socket its default destination, now that it has
// received from others.
func (u *unixSockets) point(i int) error {
	s := u.world.Open[i].Socket
	if s.Type != unix.SOCK_DGRAM || s.Orphan {
		return nil
	}
	to := []byte(s.Remote)
	if j := u.peerOf(i); j >= 0 && u.peerOf(j) == i {
		return nil // of a pair
	} else if j >= 0 {
		if to = u.world.Open[j].Socket.Local; len(to) == 0 {
			return kernel.Refuse(u.name(i), "", "what it is connected to has no name and is connected to another")
		}
	}
	if len(to) == 0 {
		return nil
	}
	err := reachHere(u.byTask(i), to, func(address []byte) error { return sys.Connect(u.made[i].fd, address) })
	if err != nil {
		return kernel.Refuse(u.name(i), "start what it sends to", "it cannot be connected to %s: %v", world.AddressText(to), err)
	}
	return nil
}
