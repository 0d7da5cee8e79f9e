// This file makes unix sockets, and connects those of which the process has
// both ends, or of which the other end is closed. Who connects, listens or
// makes a pair is what SO_PEERCRED tells for good (unix(7)), so the stub does,
// as the user who did.

package restore

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"

	"golang.org/x/sys/unix"

	"snappipe/kernel/process/sys"
	"snappipe/kernel/process/world"
)

// unixSockets are on their way.
type unixSockets struct {
	*process
	// orphaned are the other ends that will be closed, by index in world.Open.
	orphaned map[int]int
	// listeners are what stands for listeners that are gone, and senders for
	// those who sent datagrams, by address.
	listeners, senders map[string]int
	// unnamed are paths that are not to lead to a socket any more.
	unnamed []string
}

func newUnixSockets(p *process) *unixSockets {
	return &unixSockets{process: p, orphaned: map[int]int{}, listeners: map[string]int{}, senders: map[string]int{}}
}

// close gives up what only the making needed.
func (u *unixSockets) close() error {
	for i, fd := range u.orphaned {
		if u.img.Open[i].Socket.Reset {
			// What is not read when its socket is closed makes that of the
			// connection (net/unix/af_unix.c: unix_release_sock).
			_, _ = sys.Send(u.files[i].fd, []byte{0}, nil)
		}
		unix.Close(fd)
	}
	for _, all := range []map[string]int{u.listeners, u.senders} {
		for _, fd := range all {
			unix.Close(fd)
		}
	}
	return u.unname()
}

// open makes one that is connected to nothing, or only sends to another.
func (u *unixSockets) open(i int) error {
	o := &u.img.Open[i]
	s := o.Socket
	if s.Family != unix.AF_UNIX || u.joined(i) {
		return nil
	}
	fd, err := unix.Socket(s.Family, s.Type|unix.SOCK_CLOEXEC, s.Protocol)
	if err != nil {
		return fmt.Errorf("socket: %w", err)
	}
	u.files[i] = openFile{fd: fd}
	if err := u.setOptions(fd, o); err != nil {
		return err
	}
	if err := u.bind(fd, s.Local, s.File); err != nil || !s.Listening {
		return err
	}
	return u.listen(fd, s.Backlog, s.Creator)
}

// joined reports whether one is an end of a connection. Of datagram sockets,
// those are that are connected to each other.
func (u *unixSockets) joined(i int) bool {
	s := u.img.Open[i].Socket
	j := u.peerOf(i)
	return s.Orphan || j >= 0 && (s.Type != unix.SOCK_DGRAM || u.peerOf(j) == i)
}

// peerOf is the index of the open file at the other end, or -1.
func (u *unixSockets) peerOf(i int) int {
	s := u.img.Open[i].Socket
	if s.Peer == 0 {
		return -1
	}
	for j := range u.img.Open {
		other := u.img.Open[j].Socket
		if other != nil && other.Ino == s.Peer && j != i && other.Family == s.Family && other.Type == s.Type && !u.files[j].follows {
			return j
		}
	}
	return -1
}

// end is one of a connection.
type end struct {
	*world.Socket
	open *world.OpenFile // nil if it is closed
	file *world.SocketFile
}

// connect makes both ends of a connection.
func (u *unixSockets) connect(i int) (err error) {
	o := &u.img.Open[i]
	if o.Socket.Family != unix.AF_UNIX || u.files[i].fd >= 0 {
		return nil
	}
	a := end{o.Socket, o, o.Socket.File}
	var b end
	j := u.peerOf(i)
	switch {
	case j >= 0 && u.files[j].fd < 0:
		other := &u.img.Open[j]
		b = end{other.Socket, other, other.Socket.File}
	case o.Socket.Orphan:
		b = u.closedEnd(o)
	default:
		return fmt.Errorf("%w: its peer %d is not there", world.ErrDamaged, o.Socket.Peer)
	}
	fdA, fdB, err := u.join(a, b)
	if err != nil {
		return err
	}
	u.files[i] = openFile{fd: fdA}
	if b.open == nil {
		u.orphaned[i] = fdB
		return u.setOptions(fdA, o)
	}
	u.files[j] = openFile{fd: fdB}
	return errors.Join(u.setOptions(fdA, o), u.setOptions(fdB, b.open))
}

// closedEnd is what a socket is still connected to. It has a name unless that
// is another's by now.
func (u *unixSockets) closedEnd(o *world.OpenFile) end {
	s := o.Socket
	other := &world.Socket{Family: s.Family, Type: s.Type, Protocol: s.Protocol, Local: s.Remote, Creator: s.Creator}
	_, stands := u.listeners[string(s.Remote)]
	if len(s.Remote) > 0 && u.listener(s.Remote) < 0 && !stands && !u.free(s.Remote) {
		u.options.Warn(fmt.Sprintf("%s: the other end, which is closed, had the name %s, which is another's now", u.name(o), world.AddressText(s.Remote)))
		other.Local = nil
	}
	return end{other, nil, u.leftAt(other.Local)}
}

// join connects two sockets under the names that they had. One whose name
// others have too was accepted by a listener of that name.
func (u *unixSockets) join(a, b end) (fdA, fdB int, err error) {
	switch {
	case u.shared(a):
		return u.accept(a, b)
	case u.shared(b):
		fdB, fdA, err = u.accept(b, a)
		return fdA, fdB, err
	}
	fds, err := u.socketpair(a.Socket)
	if err != nil {
		return -1, -1, err
	}
	err = errors.Join(u.bind(fds[0], a.Local, a.file), u.bind(fds[1], b.Local, b.file))
	return fds[0], fds[1], closeOn(err, fds[:]...)
}

// closeOn closes descriptors if there is an error, which it returns.
func closeOn(err error, fds ...int) error {
	if err != nil {
		for _, fd := range fds {
			unix.Close(fd)
		}
	}
	return err
}

// shared reports whether an end has a name that other sockets have as well.
func (u *unixSockets) shared(e end) bool {
	if len(e.Local) == 0 || e.Type == unix.SOCK_DGRAM {
		return false
	}
	n := 0
	for i := range u.img.Open {
		if s := u.img.Open[i].Socket; s != nil && (bytes.Equal(s.Local, e.Local) || s.Orphan && bytes.Equal(s.Remote, e.Local)) {
			n++
		}
	}
	return n > 1
}

// listener returns the descriptor of that of the process at an address, or -1.
func (u *unixSockets) listener(address []byte) int {
	for i := range u.img.Open {
		if s := u.img.Open[i].Socket; s != nil && s.Listening && bytes.Equal(s.Local, address) {
			return u.files[i].fd
		}
	}
	return -1
}

// accept has a client connect to a listener of the server's name.
func (u *unixSockets) accept(server, client end) (fdServer, fdClient int, err error) {
	listener, err := u.listenAt(server, client.Creator)
	if err != nil {
		return -1, -1, err
	}
	if fdClient, err = unix.Socket(client.Family, client.Type|unix.SOCK_CLOEXEC, client.Protocol); err != nil {
		return -1, -1, fmt.Errorf("socket: %w", err)
	}
	if err = u.bind(fdClient, client.Local, client.file); err == nil {
		err = u.connectTo(fdClient, server.Local, server.Creator)
	}
	if err == nil {
		fdServer, _, err = unix.Accept4(listener, unix.SOCK_CLOEXEC)
	}
	return fdServer, fdClient, closeOn(err, fdClient)
}

// listenAt returns a socket that listens at the name of a server: that of the
// process, or one for the moment.
func (u *unixSockets) listenAt(server end, creator *world.Creator) (int, error) {
	if fd := u.listener(server.Local); fd >= 0 {
		return fd, nil
	}
	name := string(server.Local)
	if fd, ok := u.listeners[name]; ok {
		return fd, nil
	}
	fd, err := unix.Socket(server.Family, server.Type|unix.SOCK_CLOEXEC, server.Protocol)
	if err != nil {
		return -1, fmt.Errorf("socket: %w", err)
	}
	u.listeners[name] = fd
	if err := u.bind(fd, server.Local, server.file); err != nil {
		return -1, err
	}
	return fd, u.listen(fd, 1, creator)
}

// socketpair, listen and connectTo make the call in the stub, as the user who
// made it before.
func (u *unixSockets) socketpair(s *world.Socket) (fds [2]int, err error) {
	theirs := make([]byte, 8) // two descriptors
	err = u.as(s.Creator, func() error {
		const out = 3 // which argument
		if _, err := u.stub.callWith(u.stub.Caller, "socketpair", unix.SYS_SOCKETPAIR, out, theirs,
			uint64(s.Family), uint64(s.Type|unix.SOCK_CLOEXEC), uint64(s.Protocol), 0); err != nil {
			return err
		}
		return u.stub.mem.Read(theirs, u.stub.scratch)
	})
	if err != nil {
		return fds, err
	}
	for i := range fds {
		if fds[i], err = u.stub.take(int(binary.NativeEndian.Uint32(theirs[4*i:]))); err != nil {
			return fds, closeOn(err, fds[:i]...)
		}
	}
	return fds, nil
}

func (u *unixSockets) listen(fd, backlog int, creator *world.Creator) error {
	return u.as(creator, func() error {
		return u.stub.lend(fd, func(n uint64) error {
			_, err := u.stub.call("listen", unix.SYS_LISTEN, n, uint64(backlog))
			return err
		})
	})
}

func (u *unixSockets) connectTo(fd int, address []byte, creator *world.Creator) error {
	return u.as(creator, func() error {
		return u.stub.lend(fd, func(n uint64) error {
			return u.reach(address, func(address []byte) error {
				_, err := u.stub.callWith(u.stub.Caller, "connect", unix.SYS_CONNECT, 1, address, n, 0, uint64(len(address)))
				return err
			})
		})
	})
}
