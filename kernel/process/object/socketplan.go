// What the making of a socket does with what is outside: the addresses that it gets, and
// what it reaches.

package object

import (
	"fmt"
	"strings"

	"golang.org/x/sys/unix"

	"snappipe/kernel/process/world"
)

// planSocket is about the addresses that sockets get, and what they reach.
func planSocket(p *planner, o *world.OpenFile) {
	s := o.Socket
	kind := socketKind(s)
	p.Say("make", "socket", kind)
	if len(s.Local) > 0 {
		p.Say("bind", world.AddressText(s.Local), kind+fileOf(s))
	}
	if s.Listening {
		p.Say("listen", world.AddressText(s.Local), kind)
	}
	switch {
	case len(s.Remote) == 0:
	case s.Orphan:
		p.Say("bind", world.AddressText(s.Remote), kind+", the other end, which is closed then")
	case s.TCP != nil && s.TCP.Far != nil:
		p.Say("connect", world.AddressText(s.Remote), kind+", going on where it was, as only root may")
	case s.TCP != nil:
		p.Say("connect", world.AddressText(s.Remote), kind+", the other end, which is of the image too")
	default:
		p.Say("connect", world.AddressText(s.Remote), kind)
	}
	for _, m := range s.Queue {
		if len(m.From) > 0 {
			p.Say("bind", world.AddressText(m.From), kind+", for a moment, unless a socket of the image has it")
		}
	}
	for _, g := range s.Groups {
		p.Say("join", world.AddressText(g.Group)+"%"+string(g.Interface), kind)
	}
	p.options(s)
	if c := s.Creator; c != nil {
		p.Say("show", fmt.Sprintf("user %d, group %d", c.UID, c.GID), "to the other end (SO_PEERCRED), where snapresume may")
	}
}

// fileOf says what becomes of the file that a unix socket is bound to.
func fileOf(s *world.Socket) string {
	switch f := s.File; {
	case world.SocketPath(s.Local) == "":
		return ""
	case f == nil:
		return ", a file that is removed again"
	default:
		return fmt.Sprintf(", a file of user %d, group %d, mode %#o, in the place of one that no socket listens at", f.UID, f.GID, f.Mode&0o7777)
	}
}

// options are those that a new socket does not have.
func (p *planner) options(s *world.Socket) {
	var all []string
	for _, o := range s.Options {
		all = append(all, fmt.Sprintf("%d/%d=%x", o.Level, o.Name, []byte(o.Value)))
	}
	if all != nil {
		p.Say("set", "socket options", strings.Join(all, " "))
	}
}

func socketKind(s *world.Socket) string {
	family := map[int]string{unix.AF_UNIX: "unix", unix.AF_INET: "IPv4", unix.AF_INET6: "IPv6"}[s.Family]
	if family == "" {
		family = fmt.Sprintf("family %d", s.Family)
	}
	typ := map[int]string{unix.SOCK_STREAM: "stream", unix.SOCK_DGRAM: "datagram", unix.SOCK_SEQPACKET: "packets"}[s.Type]
	if typ == "" {
		typ = fmt.Sprintf("type %d", s.Type)
	}
	return family + ", " + typ
}
