// This file makes TCP and UDP sockets.

package object

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"

	"snappipe/kernel"
	"snappipe/kernel/process/sys"
	"snappipe/kernel/process/world"
)

// openInet makes one. It is beginSocket that makes it listen.
func (m *Maker) openInet(i int) (int, error) {
	s := m.world.Open[i].Socket
	fd, err := unix.Socket(s.Family, s.Type|unix.SOCK_CLOEXEC, s.Protocol)
	if err != nil {
		return -1, fmt.Errorf("socket: %w", err)
	}
	return fd, m.setUp(fd, i)
}

func (m *Maker) setUp(fd, i int) error {
	s := m.world.Open[i].Socket
	if err := m.setOptions(fd, i); err != nil {
		return err
	}
	if len(s.Local) > 0 {
		if err := bind(fd, s); err != nil {
			return taken(s.Local, err)
		}
	}
	if err := m.joinGroups(fd, i); err != nil {
		return err
	}
	if len(s.Remote) > 0 {
		if err := sys.Connect(fd, s.Remote); err != nil {
			return kernel.Refuse(m.name(i), "", "it cannot be connected to %s: %v", world.AddressText(s.Remote), err)
		}
	}
	return nil
}

// bind gives a socket its address. Connections of the program's previous life
// may keep a TCP port in TIME_WAIT, which only SO_REUSEADDR gets past.
func bind(fd int, s *world.Socket) error {
	if s.Type != unix.SOCK_STREAM {
		return sys.Bind(fd, s.Local)
	}
	reuse, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEADDR)
	if err != nil {
		return err
	}
	if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEADDR, 1); err != nil {
		return err
	}
	return errors.Join(sys.Bind(fd, s.Local), unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEADDR, reuse))
}

// taken is the refusal of an address.
func taken(address []byte, err error) error {
	return kernel.Refuse("address "+world.AddressText(address), "end the program that has it; a connection may keep it for a minute more", "%v", err)
}
