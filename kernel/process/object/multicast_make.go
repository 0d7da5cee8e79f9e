// This file makes sockets members of multicast groups again.

package object

import (
	"fmt"
	"net"

	"golang.org/x/sys/unix"

	"snappipe/kernel"
	"snappipe/kernel/process/sys"
	"snappipe/kernel/process/world"
)

func (m *Maker) joinGroups(fd, i int) error {
	for _, g := range m.world.Open[i].Socket.Groups {
		if err := join(fd, &g); err != nil {
			return kernel.Refuse(m.name(i), "", "joining the multicast group %s on %s: %v", world.AddressText(g.Group), g.Interface, err)
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
