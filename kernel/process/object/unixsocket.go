// Unix sockets: where they are bound, and who made them. To whom they are connected is
// in peers.go, what they hold in queue.go. Who connects, listens or makes a pair is what
// SO_PEERCRED tells for good (unix(7)), so a process does that has the socket, as the
// user who did.

package object

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"

	"golang.org/x/sys/unix"

	"snappipe/kernel/process/sys"
	"snappipe/kernel/process/world"
)

// unixSocket describes one by what can be said without the others.
func (t *Taker) unixSocket(fd int, o *Found, d *world.OpenFile) error {
	s := d.Socket
	if !s.Listening {
		if remote, err := sys.Getpeername(fd); err == nil {
			t.connected[s.Ino] = true // to whom is found when all are known
			if world.IsBound(remote) {
				s.Remote = remote
			}
		}
	}
	if err := t.creator(fd, o, s); err != nil {
		return fmt.Errorf("%s: %w", o.object("a unix socket"), err)
	}
	return nil
}

// unixState reads what else belongs to one that is kept, once that is known.
func (t *Taker) unixState(o *Found, d *world.OpenFile) error {
	fd, err := t.borrow(o)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	if what, err := readiness(fd); err == nil && d.Socket.Type == unix.SOCK_STREAM && what&unix.POLLPRI != 0 {
		return t.lose(o, d, "a unix socket", "it holds a byte that was sent out of band (MSG_OOB)")
	}
	if err := t.owner(fd, o, d); err != nil {
		return err
	}
	if err := t.socketOptions(fd, o, d); err != nil || t.o.Dry || d.Kind == world.KindLost || d.Socket.Listening {
		return err
	}
	return t.queue(fd, o, d)
}

// creator reads who made a connection, or has it listen.
func (t *Taker) creator(fd int, o *Found, s *world.Socket) error {
	cred, err := unix.GetsockoptUcred(fd, unix.SOL_SOCKET, unix.SO_PEERCRED)
	if err != nil {
		return err
	}
	if cred.Pid != 0 || cred.Uid != ^uint32(0) { // it has one
		task := t.taskOf(int(cred.Pid))
		if task < 0 && !o.task.inFlight {
			task = o.task.nth
		}
		task = max(task, 0)
		s.Creator = &world.Creator{UID: cred.Uid, GID: cred.Gid, Task: task}
	}
	return nil
}

// unixSockets are on their way.
type unixSockets struct {
	*Maker
	// byIno are indices in world.Open.
	byIno map[uint64]int
	// orphaned are the other ends that will be closed, by index in world.Open.
	orphaned map[int]int
	// listeners are what stands for listeners that are gone, and senders for
	// those who sent datagrams, by address.
	listeners, senders map[string]int
	// unnamed are paths that are not to lead to a socket any more.
	unnamed []string
}

func newUnixSockets(m *Maker) *unixSockets {
	return &unixSockets{Maker: m, orphaned: map[int]int{}, listeners: map[string]int{}, senders: map[string]int{}}
}

// close gives up what only the making needed.
func (u *unixSockets) close() error {
	for i, fd := range u.orphaned {
		if u.world.Open[i].Socket.Reset {
			// What is not read when its socket is closed makes that of the
			// connection (net/unix/af_unix.c: unix_release_sock).
			_, _ = sys.Send(u.made[i].fd, []byte{0}, nil)
		}
		unix.Close(fd)
	}
	for _, all := range []map[string]int{u.listeners, u.senders} {
		for _, fd := range all {
			unix.Close(fd)
		}
		clear(all)
	}
	clear(u.orphaned)
	return u.unname()
}

// open makes one that is connected to nothing, or only sends to another.
func (u *unixSockets) open(i int) (int, error) {
	s := u.world.Open[i].Socket
	if u.joined(i) {
		return -1, nil
	}
	fd, err := unix.Socket(s.Family, s.Type|unix.SOCK_CLOEXEC, s.Protocol)
	if err != nil {
		return -1, fmt.Errorf("socket: %w", err)
	}
	if err := u.setOptions(fd, i); err != nil {
		return fd, err
	}
	by := u.byTask(i)
	if err := u.bind(by, fd, s.Local, s.File); err != nil || !s.Listening {
		return fd, err
	}
	return fd, listen(u.creator(s, by), fd, s.Backlog, s.Creator)
}

// joined reports whether one is an end of a connection. Of datagram sockets,
// those are that are connected to each other.
func (u *unixSockets) joined(i int) bool {
	s := u.world.Open[i].Socket
	j := u.peerOf(i)
	return s.Orphan || j >= 0 && (s.Type != unix.SOCK_DGRAM || u.peerOf(j) == i)
}

// peerOf is the index of the open file at the other end, or -1.
func (u *unixSockets) peerOf(i int) int {
	s := u.world.Open[i].Socket
	if s.Peer == 0 {
		return -1
	}
	j, ok := u.index()[s.Peer]
	if !ok || j == i {
		return -1
	}
	if other := u.world.Open[j].Socket; other.Family != s.Family || other.Type != s.Type {
		return -1
	}
	return j
}

// index are the sockets that are made, by inode.
func (u *unixSockets) index() map[uint64]int {
	if u.byIno == nil {
		u.byIno = map[uint64]int{}
		for j := range u.world.Open {
			if other := u.world.Open[j].Socket; other != nil && !u.made[j].follows {
				u.byIno[other.Ino] = j
			}
		}
	}
	return u.byIno
}

// end is one of a connection.
type end struct {
	*world.Socket
	open int // index in world.Open, or NoIndex if it is closed
	by   Process
	file *world.SocketFile
}

// connect makes both ends of a connection.
func (u *unixSockets) connect(i int) error {
	s := u.world.Open[i].Socket
	if u.made[i].fd >= 0 {
		return nil
	}
	a := end{s, i, u.byTask(i), s.File}
	var b end
	j := u.peerOf(i)
	switch {
	case j >= 0 && u.made[j].fd < 0:
		other := u.world.Open[j].Socket
		b = end{other, j, u.byTask(j), other.File}
	case s.Orphan:
		b = u.closedEnd(a)
	default:
		return fmt.Errorf("%w: its peer %d is not there", world.ErrDamaged, s.Peer)
	}
	fdA, fdB, err := u.join(a, b)
	if err != nil {
		return err
	}
	u.made[i] = made{fd: fdA}
	if b.open == world.NoIndex {
		u.orphaned[i] = fdB
		return u.setOptions(fdA, i)
	}
	u.made[j] = made{fd: fdB}
	return errors.Join(u.setOptions(fdA, i), u.setOptions(fdB, j))
}

// creator is who makes the call again that SO_PEERCRED tells of, or else by.
func (u *unixSockets) creator(s *world.Socket, by Process) Process {
	if s.Creator == nil {
		return by
	}
	return u.tasks[s.Creator.Task]
}

// closedEnd is what a socket is still connected to. It has a name unless that
// is another's by now.
func (u *unixSockets) closedEnd(a end) end {
	s := a.Socket
	other := &world.Socket{Family: s.Family, Type: s.Type, Protocol: s.Protocol, Local: s.Remote, Creator: s.Creator}
	_, stands := u.listeners[string(s.Remote)]
	if len(s.Remote) > 0 && u.listener(s.Remote) < 0 && !stands && !u.free(a.by, s.Remote) {
		u.options.Warn(fmt.Sprintf("%s: the other end, which is closed, had the name %s, which is another's now", u.name(a.open), world.AddressText(s.Remote)))
		other.Local = nil
	}
	return end{other, world.NoIndex, a.by, u.leftAt(a.by, other.Local)}
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
	fds, err := socketpair(end{a.Socket, a.open, u.creator(a.Socket, a.by), a.file})
	if err != nil {
		return -1, -1, err
	}
	err = errors.Join(u.bind(a.by, fds[0], a.Local, a.file), u.bind(b.by, fds[1], b.Local, b.file))
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
	for i := range u.world.Open {
		if s := u.world.Open[i].Socket; s != nil && (bytes.Equal(s.Local, e.Local) || s.Orphan && bytes.Equal(s.Remote, e.Local)) {
			n++
		}
	}
	return n > 1
}

// listener returns the descriptor of the one at an address, or -1.
func (u *unixSockets) listener(address []byte) int {
	for i := range u.world.Open {
		if s := u.world.Open[i].Socket; s != nil && s.Listening && bytes.Equal(s.Local, address) {
			return u.made[i].fd
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
	if err = u.bind(client.by, fdClient, client.Local, client.file); err == nil {
		by := client.by
		if path := world.SocketPath(server.Local); path == "" || strings.HasPrefix(path, "/") {
			by = u.creator(server.Socket, by)
		}
		err = connectTo(by, fdClient, by, server.Local, server.Creator)
	}
	if err == nil {
		fdServer, _, err = unix.Accept4(listener, unix.SOCK_CLOEXEC)
	}
	return fdServer, fdClient, closeOn(err, fdClient)
}

// listenAt returns a socket that listens at the name of a server: one
// of the image, or one for the moment.
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
	if err := u.bind(server.by, fd, server.Local, server.file); err != nil {
		return -1, err
	}
	by := server.by
	if creator != nil {
		by = u.tasks[creator.Task]
	}
	return fd, listen(by, fd, 1, creator)
}

// socketpair, listen and connectTo have a process make the call, as the user who
// made it before.
func socketpair(e end) (fds [2]int, err error) {
	var theirs [8]byte // two descriptors
	err = e.by.As(e.Creator, func() error {
		at, err := e.by.Lay(theirs[:])
		if err != nil {
			return err
		}
		if _, err := e.by.Call("socketpair", unix.SYS_SOCKETPAIR,
			uint64(e.Family), uint64(e.Type|unix.SOCK_CLOEXEC), uint64(e.Protocol), at[0]); err != nil {
			return err
		}
		return e.by.Read(theirs[:], at[0])
	})
	if err != nil {
		return fds, err
	}
	for i := range fds {
		if fds[i], err = TakeOver(e.by, int(binary.NativeEndian.Uint32(theirs[4*i:]))); err != nil {
			return fds, closeOn(err, fds[:i]...)
		}
	}
	return fds, nil
}

func listen(by Process, fd, backlog int, creator *world.Creator) error {
	return by.As(creator, func() error {
		return by.Lend(fd, func(n uint64) error {
			_, err := by.Call("listen", unix.SYS_LISTEN, n, uint64(backlog))
			return err
		})
	})
}

// connectTo connects to an address, which may be a path from the directory of another process.
func connectTo(by Process, fd int, from Process, address []byte, creator *world.Creator) error {
	return by.As(creator, func() error {
		return by.Lend(fd, func(n uint64) error {
			return reachFrom(from, address, func(address []byte) error {
				_, err := callWith(by, "connect", unix.SYS_CONNECT, 1, address, n, 0, uint64(len(address)))
				return err
			}, by.Lend)
		})
	})
}

// rouseListener connects to a unix socket, unless it is ready. (Others begin to listen later.)
func rouseListener(by Process, fd int, s *world.Socket) (calm func() error, err error) {
	if len(s.Waiting) > 0 {
		return func() error { return nil }, nil
	}
	client, err := unix.Socket(s.Family, s.Type|unix.SOCK_CLOEXEC, s.Protocol)
	if err != nil {
		return nil, err
	}
	return func() error {
		server, _, err := unix.Accept4(fd, unix.SOCK_CLOEXEC)
		if err == nil {
			err = unix.Close(server)
		}
		return errors.Join(err, unix.Close(client))
	}, reachHere(by, s.Local, func(address []byte) error { return sys.Connect(client, address) })
}
