// What stands for a file that was left out of the image: one whose other end has gone
// away.

package object

import (
	"errors"
	"fmt"
	"net"

	"golang.org/x/sys/unix"

	"snappipe/kernel/process/world"
)

// In the image: `Lost`: `What` it was, in words, and the `Kind` of what has to stand in its
// place: `pipe` (an end whose other end is closed), `tcp4` and `tcp6` (a connection that was
// reset), or `other`. It was left out on demand.
var losses = &kind{
	name: world.KindLost, check: checkLost, plan: planLost,
	title: func(o *world.OpenFile) string { return o.Lost.What },
	ends:  always,
	make:  (*Maker).makeLost,
}

func checkLost(_ *world.World, o *world.OpenFile) error {
	if o.Lost == nil {
		return errLacks
	}
	return nil
}

func planLost(p *planner, o *world.OpenFile) {
	p.Say("make", "stand-in", "at its end, of kind "+string(lostKind(o.Lost.Kind)))
}

// lostKind is one of those that there are.
func lostKind(k world.LostKind) world.LostKind {
	switch k {
	case world.LostPipe, world.LostTCP4, world.LostTCP6:
		return k
	}
	return world.LostOther
}

// makeLost makes a file that reads as at its end, and to which writing is EPIPE: of
// the same kind where that matters to those who use it.
func (m *Maker) makeLost(i int) (int, error) {
	o := &m.world.Open[i]
	var fd int
	var err error
	switch o.Lost.Kind {
	case world.LostTCP4:
		fd, err = resetConnection("tcp4", "127.0.0.1:0")
	case world.LostTCP6:
		fd, err = resetConnection("tcp6", "[::1]:0")
	case world.LostPipe:
		return brokenPipe(o.Flags & unix.O_ACCMODE)
	default:
		err = errors.ErrUnsupported
	}
	if err == nil {
		return fd, nil
	}
	// Also where there is no loopback interface to connect over.
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return -1, fmt.Errorf("in place of %s: %w", o.Lost.What, err)
	}
	unix.Close(pair[1])
	return pair[0], nil
}

// brokenPipe is an end of a pipe without the other.
func brokenPipe(access int) (int, error) {
	var ends [2]int
	if err := unix.Pipe2(ends[:], unix.O_CLOEXEC); err != nil {
		return -1, fmt.Errorf("pipe: %w", err)
	}
	keep, other := ends[0], ends[1]
	if access == unix.O_WRONLY {
		keep, other = other, keep
	}
	unix.Close(other)
	return keep, nil
}

// resetConnection is a connection that was reset, on which socket options still
// work.
func resetConnection(network, address string) (int, error) {
	l, err := net.Listen(network, address)
	if err != nil {
		return -1, err
	}
	defer l.Close()
	ours, err := net.Dial(network, l.Addr().String())
	if err != nil {
		return -1, err
	}
	defer ours.Close()
	theirs, err := l.Accept()
	if err != nil {
		return -1, err
	}
	f, err := ours.(*net.TCPConn).File()
	if err != nil {
		theirs.Close()
		return -1, err
	}
	defer f.Close()
	// Without lingering, closing sends a reset.
	if err := theirs.(*net.TCPConn).SetLinger(0); err != nil {
		theirs.Close()
		return -1, err
	}
	if err := theirs.Close(); err != nil {
		return -1, err
	}
	return unix.FcntlInt(f.Fd(), unix.F_DUPFD_CLOEXEC, 3)
}
