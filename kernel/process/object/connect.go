// TCP connections between the processes, as they are made again: by ordinary calls, so
// that it takes no privilege, under the addresses that they had.
//
// Both ends connect to each other (RFC 9293, 3.5, simultaneous open). That needs no
// listener, which others could reach meanwhile. The first of them meets nobody, and must
// not hear that: for a moment, it takes only what comes from no router away, which a reset
// does not say of itself (IP_MINTTL, IPV6_MINHOPCOUNT). What was in the connection is
// sent again, and directions are closed again by who closed them.

package object

import (
	"encoding/binary"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"snappipe/kernel"
	"snappipe/kernel/process/sys"
	"snappipe/kernel/process/world"
)

// checkConnections sees that each end of a connection has the other.
func checkConnections(w *world.World) error {
	if w.Dam != "" && !damName().MatchString(w.Dam) {
		return fmt.Errorf("%w: %q is no table of a snapshot", world.ErrDamaged, w.Dam)
	}
	ends := connectionEnds(w)
	for i := range w.Open {
		s := w.Open[i].Socket
		if s == nil || s.TCP == nil {
			continue
		}
		if err := checkConnection(w, i, ends); err != nil {
			return fmt.Errorf("%w: open file %d, a TCP connection, %w", world.ErrDamaged, i, err)
		}
	}
	return nil
}

// damName keeps a resume from removing another's table.
var damName = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^snappipe-[A-Z2-7]{26}$`) })

// connectionEnds are the ends of connections, and who listens, by inode.
func connectionEnds(w *world.World) map[uint64]int {
	ends := map[uint64]int{}
	for i := range w.Open {
		if s := w.Open[i].Socket; s != nil && (s.TCP != nil || s.Listening && s.Family != unix.AF_UNIX) {
			ends[s.Ino] = i
		}
	}
	return ends
}

func checkConnection(w *world.World, i int, ends map[uint64]int) error {
	const maxMSS = 1 << 16
	s := w.Open[i].Socket
	j, ok := ends[s.Peer]
	local, remote := world.InetAddress(s.Local), world.InetAddress(s.Remote)
	switch {
	case s.Family != unix.AF_INET && s.Family != unix.AF_INET6 || s.Type != unix.SOCK_STREAM || s.Protocol != unix.IPPROTO_TCP:
		return errors.New("is of another family, type or protocol")
	case s.Listening || s.Orphan || len(s.Queue) > 0 || w.Open[i].Outside:
		return errors.New("is said to be what a connection can't be")
	case s.TCP.MSS < 0 || s.TCP.MSS > maxMSS || s.Shutdown&^shutBoth != 0:
		return errors.New("has numbers that are out of range")
	case !local.IsValid() || !remote.IsValid() || local.Port() == 0:
		return errors.New("has addresses that are none")
	case s.TCP.Far != nil:
		return checkFar(w, s)
	case !ok || ends[s.Ino] != i || j == i:
		return errors.New("has no other end")
	}
	other := w.Open[j].Socket
	if other.Listening && other.TCP == nil {
		return checkUnaccepted(s, other)
	}
	if other.Peer != s.Ino {
		return errors.New("has an other end that has another")
	}
	if world.InetAddress(other.Remote) != local || world.InetAddress(other.Local) != remote {
		return errors.New("has the other end at another address")
	}
	return nil
}

// openConnection makes an end that is connected to nobody yet.
func (m *Maker) openConnection(i int) (int, error) {
	s := m.world.Open[i].Socket
	fd, err := unix.Socket(s.Family, s.Type|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, s.Protocol)
	if err != nil {
		return -1, fmt.Errorf("socket: %w", err)
	}
	failed, err := m.sockopts.Prepare(fd, s)
	if err == nil {
		err = m.unset(i, failed)
	}
	if err == nil && s.TCP.Far != nil {
		return fd, m.openFar(fd, i)
	}
	const most = 1<<15 - 1 // MAX_TCP_WINDOW: more than that was nobody's wish
	if err == nil && s.TCP.MSS <= most {
		err = unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_MAXSEG, s.TCP.MSS)
	}
	if err == nil {
		err = bindConnection(fd, s)
	}
	return fd, err
}

// bindConnection gives an end its address. A client's port was chosen by the kernel and
// is, while the connection of the program's previous life is in TIME_WAIT, only for the
// kernel to choose again.
func bindConnection(fd int, s *world.Socket) error {
	err := bindReused(fd, s)
	if !errors.Is(err, unix.EADDRINUSE) {
		return refuseTaken(s, err)
	}
	const ipLocalPortRange = 51 // include/uapi/linux/in.h
	anyPort := slices.Clone(s.Local)
	anyPort[2], anyPort[3] = 0, 0
	port := uint32(world.InetAddress(s.Local).Port())
	for _, set := range []func() error{
		func() error { return unix.SetsockoptInt(fd, unix.IPPROTO_IP, unix.IP_BIND_ADDRESS_NO_PORT, 1) },
		func() error {
			return sys.Setsockopt(fd, unix.IPPROTO_IP, ipLocalPortRange, binary.NativeEndian.AppendUint32(nil, port|port<<16))
		},
		func() error { return sys.Bind(fd, anyPort) },
	} {
		if e := set(); e != nil {
			return refuseTaken(s, err)
		}
	}
	return nil
}

func refuseTaken(s *world.Socket, err error) error {
	if err == nil {
		return nil
	}
	return taken(s.Local, err)
}

// connectEnds connects two ends, once.
func (m *Maker) connectEnds(i int) error {
	j := m.otherEnd(i)
	if i > j {
		return nil
	}
	a, b := m.world.Open[i].Socket, m.world.Open[j].Socket
	fdA, fdB := m.made[i].fd, m.made[j].fd
	err := deafen(fdA, a.Family, true)
	if err == nil {
		err = beginConnect(fdA, a.Remote)
	}
	if err == nil {
		err = deafen(fdA, a.Family, false)
	}
	if err == nil {
		err = beginConnect(fdB, b.Remote)
	}
	if err == nil {
		err = errors.Join(awaitConnect(fdA), awaitConnect(fdB))
	}
	if err != nil {
		return kernel.Refuse(fmt.Sprintf("the connection of %s and %s", world.AddressText(a.Local), world.AddressText(b.Local)),
			"end the program that has it; what is left of one may be in the way for a minute more", "it can't be made again: %v", err)
	}
	return nil
}

// otherEnd is the index of the other end of a connection, which is who listens for one that
// waits.
func (m *Maker) otherEnd(i int) int {
	if m.ends == nil {
		m.ends = connectionEnds(m.world)
	}
	return m.ends[m.world.Open[i].Socket.Peer]
}

// waits reports whether it is a connection that has not been accepted.
func (m *Maker) waits(i int) bool {
	s := m.world.Open[i].Socket
	return s.TCP != nil && s.TCP.Far == nil && m.world.Open[m.otherEnd(i)].Socket.Listening
}

// hasPair reports whether it is a connection whose other end is made too.
func (m *Maker) hasPair(i int) bool {
	s := m.world.Open[i].Socket
	return s.TCP != nil && s.TCP.Far == nil && !m.waits(i)
}

// deafen has a socket hear nothing that has more or less than the usual number of routers
// before it, or all again.
func deafen(fd, family int, deaf bool) error {
	const ipv6MinHopCount = 73 // include/uapi/linux/in6.h
	least := 0
	if deaf {
		least = 255
	}
	err := unix.SetsockoptInt(fd, unix.IPPROTO_IP, unix.IP_MINTTL, least)
	if family == unix.AF_INET6 {
		err = errors.Join(err, unix.SetsockoptInt(fd, unix.IPPROTO_IPV6, ipv6MinHopCount, least))
	}
	return err
}

// beginConnect has a socket that does not wait begin to connect.
func beginConnect(fd int, address []byte) error {
	return awaitEnd(unix.EADDRNOTAVAIL, func() error { return sys.Ignore(sys.Connect(fd, address), unix.EINPROGRESS) })
}

// await waits until a socket is ready for what comes of a packet that was just sent, or
// returns ETIMEDOUT.
func await(fd int, events int16) error {
	const soon = 2000 // milliseconds
	p := []unix.PollFd{{Fd: int32(fd), Events: events}}
	n, err := unix.Poll(p, soon)
	for err == unix.EINTR { // poll(2) is never restarted, whatever the signal was
		n, err = unix.Poll(p, soon)
	}
	if err == nil && n == 0 {
		err = unix.ETIMEDOUT
	}
	return err
}

func awaitConnect(fd int) error {
	if err := await(fd, unix.POLLOUT); err != nil {
		return err
	}
	failed, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_ERROR)
	if err == nil && failed != 0 {
		err = unix.Errno(failed)
	}
	return err
}

// fillConnection has the other end send what this one had received, and what was still on
// the way.
func (m *Maker) fillConnection(i int) error {
	j := m.otherEnd(i)
	from, to := m.world.Open[j].Socket.TCP, m.world.Open[i].Socket.TCP
	if from.Sent == world.NoIndex && to.Received == world.NoIndex {
		return nil
	}
	unwiden, err := widen(m.made[j].fd)
	for _, content := range []int{to.Received, from.Sent} {
		if err == nil && content != world.NoIndex {
			err = m.unix.parts(&world.Message{Content: content, Stream: true}, func(b []byte) error { return sendAll(m.made[j].fd, b) })
		}
	}
	if err != nil {
		return kernel.Refuse(m.name(i), "resume it as root, or raise net.core.wmem_max", "what waits in it cannot be put back: %v", err)
	}
	if to.Received != world.NoIndex {
		err = awaitReceived(m.made[i].fd, m.world.Contents[to.Received].Size)
	}
	return errors.Join(err, unwiden())
}

func sendAll(fd int, b []byte) error {
	const soon = 200 // milliseconds
	for len(b) > 0 {
		n, err := sys.Send(fd, b, nil)
		if errors.Is(err, unix.EAGAIN) {
			p := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLOUT}}
			if ready, e := unix.Poll(p, soon); e == nil && ready > 0 {
				continue
			}
		}
		if err != nil {
			return err
		}
		b = b[n:]
	}
	return nil
}

// awaitReceived waits until all that had arrived has done so again. Where a user may not
// make the room for that (net.core.rmem_max), the rest comes as the program reads.
func awaitReceived(fd int, want int64) error {
	const limit, pause = 200 * time.Millisecond, time.Millisecond
	for since := time.Now(); ; time.Sleep(pause) {
		n, err := unix.IoctlGetInt(fd, unix.SIOCINQ)
		if err != nil || int64(n) >= want || time.Since(since) > limit {
			return err
		}
	}
}

// settleConnection sets the options, of which some would have been in the way.
func (m *Maker) settleConnection(i int) error {
	if err := m.setOptions(m.made[i].fd, i); err != nil {
		return err
	}
	return unix.SetsockoptInt(m.made[i].fd, unix.SOL_SOCKET, unix.SO_REUSEADDR, 1) // up to begunSocket
}
