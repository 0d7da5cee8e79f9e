// Multicast groups that sockets are members of. The kernel lists those of each
// interface, and tells a socket of one group whether it is in that.

package object

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"snappipe/kernel"
	"snappipe/kernel/process/proc"
	"snappipe/kernel/process/sys"
	"snappipe/kernel/process/world"
)

// group is one that somebody is a member of.
type group struct {
	level     int // IPPROTO_IP or IPPROTO_IPV6
	index     int
	device    string
	multicast []byte // struct sockaddr
}

func (t *Taker) memberships(fd int, s *world.Socket) (all []world.Membership, err error) {
	if t.groups == nil {
		if t.groups, err = listGroups(t.root().PID); err != nil {
			return nil, err
		}
	}
	for _, g := range t.groups {
		if g.level == unix.IPPROTO_IPV6 && s.Family == unix.AF_INET {
			continue
		}
		exclude, sources, ok, err := sys.MulticastFilter(fd, g.level, g.index, g.multicast)
		if err != nil {
			return nil, fmt.Errorf("looking for it in a multicast group: %w", err)
		}
		if !ok {
			continue
		}
		m := world.Membership{Group: g.multicast, Interface: world.Text(g.device), Exclude: exclude}
		for _, source := range sources {
			m.Sources = append(m.Sources, source)
		}
		all = append(all, m)
	}
	return all, nil
}

// listGroups reads /proc/PID/net/igmp and igmp6.
func listGroups(pid int) ([]group, error) {
	all := []group{}
	for name, parse := range map[string]func(string) []group{"igmp": parseIGMP, "igmp6": parseIGMP6} {
		b, err := os.ReadFile(fmt.Sprintf("/proc/%d/net/%s", pid, name))
		if err != nil && !proc.IsGone(err) { // a kernel without it
			return nil, err
		}
		all = append(all, parse(string(b))...)
	}
	return all, nil
}

// parseIGMP takes lines of interfaces, "4 eth0 : 1 V3", each with lines of its
// groups, "010000E0 1 0:00000000 0": addresses in the byte order of memory.
func parseIGMP(text string) (all []group) {
	var index int
	var device string
	for line := range strings.Lines(text) {
		f := strings.Fields(line)
		if len(f) < 2 {
			continue
		}
		if !strings.HasPrefix(line, "\t") {
			index, _ = strconv.Atoi(f[0])
			device = strings.TrimSuffix(f[1], ":")
			continue
		}
		b, err := hex.DecodeString(f[0])
		if err != nil || len(b) != 4 {
			continue
		}
		all = append(all, group{unix.IPPROTO_IP, index, device,
			append(binary.LittleEndian.AppendUint16(nil, unix.AF_INET), 0, 0, b[3], b[2], b[1], b[0], 0, 0, 0, 0, 0, 0, 0, 0)})
	}
	return all
}

// parseIGMP6 takes lines "4 eth0 ff020000000000000000000000000001 1 0000000C 0".
func parseIGMP6(text string) (all []group) {
	for line := range strings.Lines(text) {
		f := strings.Fields(line)
		if len(f) < 3 {
			continue
		}
		index, _ := strconv.Atoi(f[0])
		b, err := hex.DecodeString(f[2])
		if err != nil || len(b) != 16 {
			continue
		}
		address := append(binary.LittleEndian.AppendUint16(nil, unix.AF_INET6), 0, 0, 0, 0, 0, 0)
		address = append(append(address, b...), 0, 0, 0, 0)
		all = append(all, group{unix.IPPROTO_IPV6, index, f[1], address})
	}
	return all
}

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
