// This file makes the things that descriptors are open on.

package stdio

import (
	"os"
	"testing"

	"golang.org/x/sys/unix"

	"snappipe/tests/process/cycle"
)

// thing is something to have on a descriptor, and what else keeps it alive.
type thing struct {
	file  *os.File // nil is closed
	other *os.File // at the other end of a pipe or socket
	stat  unix.Stat_t
	flags int
	pos   int64
}

func (x *thing) close() {
	for _, f := range []*os.File{x.file, x.other} {
		if f != nil {
			f.Close()
		}
	}
}

// look remembers what it is, to be compared later.
func (x *thing) look(t *testing.T) *thing {
	t.Helper()
	if x.file == nil {
		return x
	}
	fd := int(x.file.Fd())
	err := unix.Fstat(fd, &x.stat)
	if err == nil {
		x.flags, err = unix.FcntlInt(uintptr(fd), unix.F_GETFL, 0)
	}
	if err != nil {
		t.Fatal(err)
	}
	if x.stat.Mode&unix.S_IFMT == unix.S_IFREG {
		if x.pos, err = x.file.Seek(0, 1); err != nil {
			t.Fatal(err)
		}
	}
	return x
}

// make makes a thing for descriptor n.
func (k kind) make(t *testing.T, s *cycle.Stage, x *cycle.Terminal, name string, n int) *thing {
	t.Helper()
	access := os.O_RDONLY
	if n > 0 {
		access = os.O_WRONLY
	}
	switch k {
	case terminal:
		return (&thing{file: reopen(t, x.File.Name(), os.O_RDWR|unix.O_NOCTTY)}).look(t)
	case null:
		return (&thing{file: reopen(t, os.DevNull, access)}).look(t)
	case pipe:
		r, w, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		if n == 0 {
			return (&thing{file: r, other: w}).look(t)
		}
		return (&thing{file: w, other: r}).look(t)
	case broken:
		x := pipe.make(t, s, x, name, n)
		x.other.Close()
		x.other = nil
		return x
	case socket:
		a, b := pair(t)
		return (&thing{file: a, other: b}).look(t)
	case file:
		s.Write(t, name, "some text")
		f := reopen(t, s.Path(name), access)
		if _, err := f.Seek(int64(4+n), 0); err != nil {
			t.Fatal(err)
		}
		return (&thing{file: f}).look(t)
	}
	return &thing{}
}

// reopen opens without a thought of who may: descriptors are inherited.
func reopen(t *testing.T, path string, flags int) *os.File {
	t.Helper()
	fd, err := unix.Open(path, flags|unix.O_CLOEXEC, 0)
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	return os.NewFile(uintptr(fd), path)
}

func pair(t *testing.T) (a, b *os.File) {
	t.Helper()
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	return os.NewFile(uintptr(fds[0]), "socket"), os.NewFile(uintptr(fds[1]), "socket")
}
