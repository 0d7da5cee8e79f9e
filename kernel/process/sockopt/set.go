// Giving a socket the options that it had.

package sockopt

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

	"golang.org/x/sys/unix"

	"snappipe/kernel/process/sys"
	"snappipe/kernel/process/world"
)

// Failure is an option that does not have the value it should.
type Failure struct {
	Option    *Option
	Want, Got []byte
	Err       error // of setting it, or nil
}

func (f *Failure) String() string {
	s := fmt.Sprintf("%s is %x, not %x", f.Option.Title, f.Got, f.Want)
	if f.Err != nil {
		s += ": " + f.Err.Error()
	}
	return s
}

// Apply gives a socket options, all but those that Finish is for, and those of
// a new one where nothing else was saved: one that was accepted has some of the
// listener's, and setting one may change another.
func (r *Reader) Apply(fd int, s *world.Socket) ([]*Failure, error) {
	if err := known(s.Options); err != nil {
		return nil, err
	}
	var all []usual
	for _, u := range r.usual(s) {
		if !u.late(s) && u.Class != Refused {
			all = append(all, u)
		}
	}
	return setAll(fd, all, s.Options), nil
}

// early are the options that decide how an address is had, where a connection leads, and
// how much of it there is room for.
var early = names{
	{unix.SOL_SOCKET, unix.SO_BINDTODEVICE}, {unix.SOL_SOCKET, unix.SO_MARK}, {unix.SOL_SOCKET, unix.SO_DONTROUTE},
	{unix.SOL_SOCKET, unix.SO_SNDBUF}, {unix.SOL_SOCKET, unix.SO_RCVBUF}, {unix.SOL_SOCKET, unix.SO_BUF_LOCK},
	{unix.IPPROTO_IP, unix.IP_FREEBIND}, {unix.IPPROTO_IP, unix.IP_TRANSPARENT},
	{unix.IPPROTO_IPV6, unix.IPV6_FREEBIND}, {unix.IPPROTO_IPV6, unix.IPV6_TRANSPARENT},
	{unix.IPPROTO_TCP, unix.TCP_FASTOPEN_NO_COOKIE},
}

// Prepare sets what a socket needs to become a connection, which Apply is for then.
func (r *Reader) Prepare(fd int, s *world.Socket) ([]*Failure, error) {
	if err := known(s.Options); err != nil {
		return nil, err
	}
	var all []usual
	for _, u := range r.usual(s) {
		if early.have(u.Option) {
			all = append(all, u)
		}
	}
	return setAll(fd, all, s.Options), nil
}

// Finish sets what has to wait until a socket holds what it held.
func Finish(fd int, s *world.Socket) []*Failure {
	var all []usual
	for i := range Table {
		o := &Table[i]
		if o.late(s) && slices.ContainsFunc(s.Options, o.is) {
			all = append(all, usual{o, nil})
		}
	}
	return setAll(fd, all, s.Options)
}

// late is also the filter of a unix socket, through which what it held has
// passed already. Any other is not without its filter for a moment.
func (o *Option) late(s *world.Socket) bool {
	return o.Class == Late || o.isFilter() && s.Family == unix.AF_UNIX
}

func (o *Option) is(s world.SockOpt) bool { return s.Level == o.Level && s.Name == o.Name }

// known refuses options that no image of ours has: setting them may do anything.
func known(saved []world.SockOpt) error {
	for _, s := range saved {
		if !slices.ContainsFunc(Table, func(o Option) bool { return o.read() && o.Class != Refused && o.is(s) }) {
			return fmt.Errorf("%w: socket option %d of level %d", world.ErrDamaged, s.Name, s.Level)
		}
	}
	return nil
}

// setAll sets options to what was saved or else to what they were, twice,
// since one may have changed another that was set before it.
func setAll(fd int, all []usual, saved []world.SockOpt) (failed []*Failure) {
	by := new(sys.Options)
	for range 2 {
		failed = nil
		for _, u := range all {
			want := u.value
			if i := slices.IndexFunc(saved, u.is); i >= 0 {
				want = saved[i].Value
			}
			got, err := u.get(fd, by)
			if u.grows(got, want) {
				continue
			}
			if err == nil && !bytes.Equal(got, want) {
				err = u.set(fd, want)
				got, _ = u.get(fd, by)
			}
			if !bytes.Equal(got, want) && !u.tuned(saved) {
				failed = append(failed, &Failure{u.Option, want, bytes.Clone(got), err})
			}
		}
	}
	return failed
}

// tuned reports whether an option is the size of a buffer that the program has
// not set, so that it is the kernel's to choose (tcp(7)): what that chose may be
// more than net.core.wmem_max and rmem_max, which users cannot go beyond.
func (o *Option) tuned(saved []world.SockOpt) bool {
	const sndLocked, rcvLocked = 1, 2 // SOCK_SNDBUF_LOCK, SOCK_RCVBUF_LOCK of linux/socket.h
	lock := map[int]uint32{unix.SO_SNDBUF: sndLocked, unix.SO_RCVBUF: rcvLocked}[o.Name]
	if o.Level != unix.SOL_SOCKET || lock == 0 {
		return false
	}
	for _, s := range saved {
		if s.Level == unix.SOL_SOCKET && s.Name == unix.SO_BUF_LOCK && len(s.Value) == 4 {
			return binary.NativeEndian.Uint32(s.Value)&lock == 0
		}
	}
	return true
}

// grows reports whether the window of a connection is still to become as large as it was,
// by itself, unless the program has set a limit, to which a new one is set.
func (o *Option) grows(got, want []byte) bool {
	return o.Level == unix.IPPROTO_TCP && o.Name == unix.TCP_WINDOW_CLAMP && len(got) == 4 && len(want) == 4 &&
		binary.NativeEndian.Uint32(got) > 0 && binary.NativeEndian.Uint32(got) < binary.NativeEndian.Uint32(want)
}

func (o *Option) set(fd int, value []byte) error {
	if o.isFilter() {
		return sys.AttachSocketFilter(fd, value)
	}
	if o.Level == unix.SOL_SOCKET && (o.Name == unix.SO_SNDBUF || o.Name == unix.SO_RCVBUF) && len(value) == 4 {
		return setBuffer(fd, o.Name, value)
	}
	return sys.Setsockopt(fd, o.Level, o.Name, value)
}

// setBuffer sets the size of a buffer, which the kernel doubles. Root may go
// beyond net.core.wmem_max and rmem_max; for others the kernel takes those
// (socket(7)).
func setBuffer(fd, name int, value []byte) error {
	half := binary.NativeEndian.AppendUint32(nil, binary.NativeEndian.Uint32(value)/2)
	force := unix.SO_SNDBUFFORCE
	if name == unix.SO_RCVBUF {
		force = unix.SO_RCVBUFFORCE
	}
	err := sys.Setsockopt(fd, unix.SOL_SOCKET, force, half)
	if errors.Is(err, unix.EPERM) {
		err = sys.Setsockopt(fd, unix.SOL_SOCKET, name, half)
	}
	return err
}
