// This file makes sockets members of multicast groups again.

package restore

import (
	"fmt"
	"net"

	"golang.org/x/sys/unix"

	"snappipe/kernel"
	"snappipe/kernel/process/sys"
	"snappipe/kernel/process/world"
)

func (p *process) joinGroups(fd int, o *world.OpenFile) error {
	for _, m := range o.Socket.Groups {
		if err := join(fd, &m); err != nil {
			return kernel.Refuse(p.name(o), "", "joining the multicast group %s on %s: %v", world.AddressText(m.Group), m.Interface, err)
		}
	}
	return nil
}

func join(fd int, m *world.Membership) error {
	device, err := net.InterfaceByName(string(m.Interface))
	if err != nil {
		return err
	}
	level := unix.IPPROTO_IP
	if len(m.Group) == unix.SizeofSockaddrInet6 {
		level = unix.IPPROTO_IPV6
	}
	each := sys.JoinSource
	if m.Exclude {
		each = sys.BlockSource
		if err := sys.JoinGroup(fd, level, device.Index, m.Group); err != nil {
			return err
		}
	}
	for _, source := range m.Sources {
		if err := each(fd, level, device.Index, m.Group, source); err != nil {
			return fmt.Errorf("source %s: %w", world.AddressText(source), err)
		}
	}
	return nil
}
