// This file looks at what a resumed program has open.

package stdio

import (
	"bytes"
	"os"
	"strconv"
	"testing"

	"golang.org/x/sys/unix"

	"snappipe/kernel/process/sys"
)

// check sees that descriptor n of the resumed program is what it is to be.
func (p *program) check(t *testing.T, pid, n int, want outcome, r *resumption) {
	t.Helper()
	got, ok := take(t, pid, n)
	if !ok || want == nothing {
		if ok || want != nothing {
			t.Errorf("descriptor %d, a %s, is open: %v; it is to be %s", n, p.has[n], ok, want)
		}
		return
	}
	defer got.close()
	good := false
	switch want {
	case saved:
		was := p.things[n]
		if p.has[n] == broken {
			good = got.stat.Mode&unix.S_IFMT == unix.S_IFIFO && got.isBroken()
			break
		}
		good = got.isSame(was) && got.flags&^unix.O_NOFOLLOW == was.flags&^unix.O_NOFOLLOW && got.pos == was.pos
	case ours:
		has := r.things[n]
		good = got.isSame(has) && got.flags == has.flags
		if has.stat.Mode&unix.S_IFMT == unix.S_IFREG {
			good = good && describes(os.Getpid(), int(has.file.Fd()), pid, n) // or they overwrite each other
		}
	case tty:
		good = terminalOf(got.file) == terminalOf(r.screen.File)
	case devNull:
		good = got.stat.Mode&unix.S_IFMT == unix.S_IFCHR && got.stat.Rdev == unix.Mkdev(1, 3)
	}
	if !good {
		link, _ := os.Readlink(got.file.Name())
		t.Errorf("descriptor %d, a %s, is to be %s, and is %s, flags %#o, at %d", n, p.has[n], want, link, got.flags, got.pos)
	}
}

// checkSharing sees that descriptors share a description if they did and can.
func (p *program) checkSharing(t *testing.T, pid int, want [3]outcome, r *resumption) {
	t.Helper()
	identity := func(n int) any {
		switch {
		case want[n] == ours && r.at(n) != terminal:
			return r.things[n]
		case want[n] == ours:
			return tty
		case r.at(n) == closed: // Go opens /dev/null for each
			return n
		}
		return want[n]
	}
	for a := range 3 {
		for b := range a {
			if p.has[a] != terminal || p.has[b] != terminal {
				continue
			}
			if got, want := describes(pid, a, pid, b), identity(a) == identity(b); got != want {
				t.Errorf("descriptors %d and %d share a description: %v", b, a, got)
			}
		}
	}
	// The duplicate, 7, is with one of those that it was of.
	for _, n := range []int{1, 0, 2} {
		if p.has[n] == closed {
			continue
		}
		found := describes(pid, 7, pid, n)
		for m := range 3 {
			found = found || p.has[n] == terminal && p.has[m] == terminal && describes(pid, 7, pid, m)
		}
		if !found {
			t.Errorf("descriptor 7 is no duplicate of %d any more", n)
		}
		break
	}
}

// checkHarm sees that the image is as it was, and that what snapresume shares
// with others is not changed for them.
func (r *resumption) checkHarm(t *testing.T) {
	t.Helper()
	if b, err := os.ReadFile(r.stage.Path("img")); err != nil || !bytes.Equal(b, r.image) {
		t.Errorf("the image has changed (%v)", err)
	}
	for n, x := range r.things {
		if x.file == nil {
			continue
		}
		flags, err := unix.FcntlInt(x.file.Fd(), unix.F_GETFL, 0)
		if err == nil && flags != x.flags {
			t.Errorf("descriptor %d of snapresume has flags %#o by now, and had %#o", n, flags, x.flags)
		}
	}
}

// take gets hold of a descriptor of another process, if it is open.
func take(t *testing.T, pid, n int) (*thing, bool) {
	t.Helper()
	pidfd, err := unix.PidfdOpen(pid, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(pidfd)
	fd, err := unix.PidfdGetfd(pidfd, n, 0)
	if err == unix.EBADF {
		return nil, false
	}
	if err != nil {
		t.Fatal(err)
	}
	return (&thing{file: os.NewFile(uintptr(fd), link(pid, n))}).look(t), true
}

func (x *thing) isSame(y *thing) bool {
	return x.stat.Dev == y.stat.Dev && x.stat.Ino == y.stat.Ino && x.stat.Rdev == y.stat.Rdev
}

// isBroken reports whether nobody has the other end.
func (x *thing) isBroken() bool {
	p := []unix.PollFd{{Fd: int32(x.file.Fd())}}
	_, err := unix.Poll(p, 0)
	return err == nil && p[0].Revents&(unix.POLLHUP|unix.POLLERR) != 0
}

// terminalOf is the number of the terminal that f is on, also as /dev/tty.
func terminalOf(f *os.File) int {
	n, err := unix.IoctlGetInt(int(f.Fd()), unix.TIOCGDEV)
	if err != nil {
		return -1
	}
	return n
}

// describes reports whether two descriptors are of one open file description.
func describes(pid1, fd1, pid2, fd2 int) bool {
	order, err := sys.Kcmp(pid1, pid2, sys.KcmpFile, fd1, fd2)
	return err == nil && order == 0
}

func link(pid, n int) string { return "/proc/" + strconv.Itoa(pid) + "/fd/" + strconv.Itoa(n) }
