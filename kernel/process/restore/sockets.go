// This file makes sockets in their order: each by itself first, so that there
// are listeners to connect to; then connections within the process; then what
// they hold; and last what would be in the way of that.

package restore

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"

	"snappipe/kernel"
	"snappipe/kernel/process/sys"
	"snappipe/kernel/process/world"
)

func (p *process) openSockets() error {
	for i := range p.img.Open {
		if o := &p.img.Open[i]; o.Socket != nil && o.Outside && p.files[i].fd < 0 {
			return p.refuseOutside(o)
		}
	}
	u := newUnixSockets(p)
	err := p.eachSocket(p.openSocket, u.open, u.connect, u.fill, u.point)
	// What is closed by now has to be before directions are shut down.
	if err = errors.Join(err, u.close()); err != nil {
		return err
	}
	return p.eachSocket(p.shutdown, p.finishSocket)
}

// eachSocket takes one pass over all sockets after the other.
func (p *process) eachSocket(passes ...func(i int) error) error {
	for _, pass := range passes {
		for i := range p.img.Open {
			o := &p.img.Open[i]
			if o.Kind != world.KindSocket || p.files[i].follows {
				continue
			}
			if err := pass(i); err != nil {
				var refusal *kernel.Refusal
				if errors.As(err, &refusal) {
					return err
				}
				return fmt.Errorf("%s: %w", p.name(o), err)
			}
		}
	}
	return nil
}

// openSocket makes a TCP or UDP socket. It is begin that makes it listen.
func (p *process) openSocket(i int) error {
	o := &p.img.Open[i]
	s := o.Socket
	if s.Family == unix.AF_UNIX {
		return nil
	}
	fd, err := unix.Socket(s.Family, s.Type|unix.SOCK_CLOEXEC, s.Protocol)
	if err != nil {
		return fmt.Errorf("socket: %w", err)
	}
	p.files[i] = openFile{fd: fd}
	if err := p.setOptions(fd, o); err != nil {
		return err
	}
	if len(s.Local) > 0 {
		if err := bind(fd, s); err != nil {
			return taken(s.Local, err)
		}
	}
	if err := p.joinGroups(fd, o); err != nil {
		return err
	}
	if len(s.Remote) > 0 {
		if err := sys.Connect(fd, s.Remote); err != nil {
			return kernel.Refuse(p.name(o), "", "it cannot be connected to %s: %v", world.AddressText(s.Remote), err)
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

// shutdown closes the directions that were closed. Without a connection, the
// kernel does so all the same, and says that there is none (net/ipv4/af_inet.c:
// inet_shutdown).
func (p *process) shutdown(i int) error {
	s := p.img.Open[i].Socket
	how, ok := map[int]int{1: unix.SHUT_RD, 2: unix.SHUT_WR, 3: unix.SHUT_RDWR}[s.Shutdown]
	if !ok {
		return nil
	}
	if err := unix.Shutdown(p.files[i].fd, how); ignore(err, unix.ENOTCONN) != nil {
		return fmt.Errorf("shutdown: %w", err)
	}
	return nil
}
