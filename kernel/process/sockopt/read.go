// Reading the options that a socket has.

package sockopt

import (
	"bytes"
	"errors"
	"slices"

	"golang.org/x/sys/unix"

	"snappipe/kernel/process/sys"
	"snappipe/kernel/process/world"
)

// Reader reads options. It remembers which of them each kind of socket has,
// and what a new one says.
type Reader struct {
	kinds   map[kind][]usual
	options sys.Options
}

type kind struct{ family, typ, protocol int }

// usual is an option of a new socket.
type usual struct {
	*Option
	value []byte
}

// NewReader returns a Reader.
func NewReader() *Reader { return &Reader{kinds: map[kind][]usual{}} }

// errProgram is for a socket with a program (SO_ATTACH_BPF) that the kernel
// does not give out.
var errProgram = errors.New("a BPF program is attached to it, which the kernel does not give out")

// Differences returns the options of a socket that a new one would not have,
// in the order of Table. Those that can't be put back are returned apart.
func (r *Reader) Differences(fd int, s *world.Socket) (kept []world.SockOpt, refused []*Option, err error) {
	for _, u := range r.usual(s) {
		value, err := u.get(fd, &r.options)
		switch {
		case errors.Is(err, unix.EACCES) && u.isFilter():
			return nil, nil, errProgram
		case errors.Is(err, unix.ENODEV): // SO_BINDTODEVICE, of a device that is gone
			refused = append(refused, u.Option)
		case err != nil || bytes.Equal(value, u.value):
		case u.Class == Refused:
			refused = append(refused, u.Option)
		default:
			kept = append(kept, world.SockOpt{Level: u.Level, Name: u.Name, Value: bytes.Clone(value)})
		}
	}
	return kept, refused, nil
}

// names are some of the options.
type names []struct{ level, name int }

func (n names) have(o *Option) bool {
	return slices.ContainsFunc(n, func(e struct{ level, name int }) bool { return e.level == o.Level && e.name == o.Name })
}

// resolved are options of a connection that say what became of it, or nothing any more:
// where it was heard, how it began, and what bind(2) does on the way (net/ipv6/af_inet6.c:
// __inet6_bind has it be IPV6_V6ONLY).
var resolved = names{
	{unix.IPPROTO_IPV6, unix.IPV6_V6ONLY}, {unix.IPPROTO_TCP, unix.TCP_MAXSEG}, {unix.IPPROTO_TCP, unix.TCP_FASTOPEN_CONNECT},
	{unix.SOL_SOCKET, unix.SO_INCOMING_CPU},
	{unix.IPPROTO_IP, unix.IP_MULTICAST_TTL}, {unix.IPPROTO_IP, unix.IP_MULTICAST_IF},
	{unix.IPPROTO_IPV6, unix.IPV6_MULTICAST_HOPS}, {unix.IPPROTO_IPV6, unix.IPV6_MULTICAST_IF},
}

// usual returns the options of a new socket of the same kind.
func (r *Reader) usual(s *world.Socket) []usual {
	all := r.ofKind(s)
	if s.TCP == nil {
		return all
	}
	return slices.DeleteFunc(slices.Clone(all), func(u usual) bool { return resolved.have(u.Option) })
}

func (r *Reader) ofKind(s *world.Socket) []usual {
	k := kind{s.Family, s.Type, s.Protocol}
	all, ok := r.kinds[k]
	if !ok {
		all = r.newSocket(k)
		r.kinds[k] = all
	}
	return all
}

// newSocket reads what a new socket has. Where none can be made, every option
// is taken to be another.
func (r *Reader) newSocket(k kind) (all []usual) {
	fd, err := unix.Socket(k.family, k.typ|unix.SOCK_CLOEXEC, k.protocol)
	if err == nil {
		defer unix.Close(fd)
	}
	for i := range Table {
		o := &Table[i]
		if !o.read() {
			continue
		}
		value, err := o.get(fd, &r.options)
		if err == nil || fd < 0 {
			all = append(all, usual{o, bytes.Clone(value)})
		}
	}
	return all
}

// read reports whether an option is to be read at all. Reading others may
// change something, or costs time for nothing.
func (o *Option) read() bool { return o.Class == Kept || o.Class == Late || o.Class == Refused }

func (o *Option) isFilter() bool {
	return o.Level == unix.SOL_SOCKET && o.Name == unix.SO_ATTACH_FILTER
}

// get returns what is valid until the next option is read.
func (o *Option) get(fd int, by *sys.Options) ([]byte, error) {
	if o.isFilter() {
		return sys.SocketFilter(fd)
	}
	return by.Get(fd, o.Level, o.Name)
}
