// This file is what this process has on descriptors 0 to 2, and how that is
// handed on.
//
// Ours are shared with whoever started us, and with whom else they please. What
// has an offset (a log) stays shared, since two descriptions of one file
// overwrite each other. What has none is opened again where that is possible,
// with the access that it has here: then the flags that the program sets
// (O_NONBLOCK) are its own, and no shell's problem later.

package object

import (
	"fmt"
	"os"
	"syscall"

	"golang.org/x/sys/unix"

	"snappipe/kernel"
	"snappipe/kernel/process/sys"
	"snappipe/kernel/process/world"
)

// standard is one of descriptors 0 to 2, or what stands in its place.
type standard struct {
	fd            int
	instead       string // why something stands in its place, or ""
	stat          unix.Stat_t
	flags, access int    // F_GETFL, and the O_ACCMODE of it
	terminal      uint32 // its number (TIOCGDEV), 0 if it is none
}

// standards are all of them, each found when it is first needed.
type standards struct {
	options kernel.Options
	found   [3]*standard
	// null is /dev/null, and tty the controlling terminal: 0 before they are
	// needed, and -1 where there is none.
	null, tty int
}

func (s *standards) close() {
	for _, fd := range []*int{&s.null, &s.tty} {
		if *fd > 0 {
			unix.Close(*fd)
		}
		*fd = 0
	}
}

// at finds descriptor n.
func (s *standards) at(n int) (*standard, error) {
	if s.found[n] != nil {
		return s.found[n], nil
	}
	d := &standard{fd: n}
	err := d.look()
	switch o := &s.options; {
	case o.Stdio == kernel.StdioNull:
		err = s.standIn(d, s.devNull, "--stdio null")
	case err == unix.EBADF:
		err = s.standIn(d, s.devNull, "it is closed here")
	case err == nil && d.isSource(n, o.Source):
		err = s.standIn(d, s.terminalOrNull, "the image is read from there")
	case err == nil && o.Detach && o.Stdio != kernel.StdioMine && d.isOneOf(unix.S_IFIFO, unix.S_IFSOCK):
		err = s.standIn(d, s.devNull, "with --detach, nobody's pipe is held")
	}
	if err != nil {
		return nil, fmt.Errorf("descriptor %d of this process: %w", n, err)
	}
	s.found[n] = d
	return d, nil
}

func (s *standards) standIn(d *standard, open func() (int, error), why string) (err error) {
	if d.fd, err = open(); err != nil {
		return err
	}
	d.instead = why
	return d.look()
}

func (s *standards) devNull() (int, error) {
	if s.null == 0 {
		fd, err := unix.Open(os.DevNull, unix.O_RDWR|unix.O_CLOEXEC, 0)
		if err != nil {
			return -1, fmt.Errorf("%s: %w", os.DevNull, err)
		}
		s.null = fd
	}
	return s.null, nil
}

// controlling is the controlling terminal, or -1.
func (s *standards) controlling() int {
	if s.tty == 0 {
		fd, err := unix.Open("/dev/tty", unix.O_RDWR|unix.O_CLOEXEC|unix.O_NOCTTY, 0)
		if err != nil {
			fd = -1
		}
		s.tty = fd
	}
	return s.tty
}

func (s *standards) terminalOrNull() (int, error) {
	if fd := s.controlling(); fd >= 0 {
		return fd, nil
	}
	return s.devNull()
}

// look finds out what a descriptor is.
func (d *standard) look() (err error) {
	if d.flags, err = unix.FcntlInt(uintptr(d.fd), unix.F_GETFL, 0); err != nil {
		return err
	}
	d.access = d.flags & unix.O_ACCMODE
	d.terminal = terminalNumber(d.fd)
	return unix.Fstat(d.fd, &d.stat)
}

func (d *standard) isOneOf(types ...uint32) bool {
	for _, t := range types {
		if d.stat.Mode&unix.S_IFMT == t {
			return true
		}
	}
	return false
}

// isSource reports whether descriptor n is what the image is read from: the
// same file, or another name of the same device. A socket is two streams, of
// which the other one can be handed on.
func (d *standard) isSource(n int, source os.FileInfo) bool {
	if source == nil {
		return false
	}
	st, ok := source.Sys().(*syscall.Stat_t)
	switch {
	case !ok || d.stat.Mode&unix.S_IFMT != st.Mode&unix.S_IFMT:
		return false
	case d.isOneOf(unix.S_IFSOCK) && n != 0:
		return false
	case d.isOneOf(unix.S_IFBLK, unix.S_IFCHR):
		return d.stat.Rdev == st.Rdev
	}
	return d.stat.Dev == st.Dev && d.stat.Ino == st.Ino
}

// same reports whether two of them are one open file description, or stand for
// one terminal alike.
func (d *standard) same(e *standard) bool {
	if d.terminal != 0 && d.terminal == e.terminal && d.access == e.access {
		return true
	}
	self := unix.Getpid()
	order, err := sys.Kcmp(self, self, sys.KcmpFile, d.fd, e.fd)
	return err == nil && order == 0
}

// suits says how well it would do for o: that a terminal stays one counts for
// more than that what was read or written still can be.
func (d *standard) suits(o *world.OpenFile) int {
	points := 0
	if (o.Terminal != nil) == (d.terminal != 0) {
		points += 2
	}
	if was := o.Flags & unix.O_ACCMODE; d.access == unix.O_RDWR || d.access == was {
		points++
	}
	return points
}

// handOn is what the program gets for o, the flags of which become those that
// it has here.
func (m *Maker) handOn(i int, d *standard) made {
	o := &m.world.Open[i]
	const own = unix.O_NONBLOCK
	differ := (o.Flags^d.flags)&own | o.Flags&unix.O_ASYNC
	fd := -1
	if d.terminal != 0 || d.isOneOf(unix.S_IFIFO) && differ != 0 {
		fd = d.again()
	}
	if fd < 0 {
		if differ != 0 && (d.terminal != 0 || d.isOneOf(unix.S_IFIFO, unix.S_IFSOCK)) {
			m.options.Warn(fmt.Sprintf("%s: O_NONBLOCK and O_ASYNC stay as whoever started this process has set them, who shares it", m.name(i)))
		}
		return made{fd: d.fd, lent: true, follows: true}
	}
	o.Flags = o.Flags&(own|unix.O_ASYNC) | d.flags&^own
	return made{fd: fd, follows: true}
}

// again opens it once more, and returns -1 where that is not possible: it is
// another user's, or what its path leads to is not the same.
func (d *standard) again() int {
	flags := d.access | unix.O_CLOEXEC | unix.O_NOCTTY | unix.O_NONBLOCK
	fd, err := unix.Open(fmt.Sprintf("/proc/self/fd/%d", d.fd), flags, 0)
	if err != nil {
		return -1
	}
	if terminalNumber(fd) != d.terminal {
		unix.Close(fd) // /dev/tty is to everybody another one
		return -1
	}
	return fd
}
