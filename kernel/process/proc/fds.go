// /proc/PID/fd and /proc/PID/fdinfo: what a process has open; see
// proc_pid_fd(5) and proc_pid_fdinfo(5).

package proc

import (
	"fmt"
	"io/fs"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// FDs are the file descriptors of a process. There may be very many, so that
// the calls for each are few, and bare.
type FDs struct {
	pid     int
	fd, dir int // /proc/PID/fd and fdinfo
	buf     []byte
}

// OpenFDs opens them.
func OpenFDs(pid int) (*FDs, error) {
	f := &FDs{pid: pid, buf: make([]byte, 64<<10)}
	var err error
	if f.fd, err = openDir(path(pid, "fd")); err != nil {
		return nil, err
	}
	if f.dir, err = openDir(path(pid, "fdinfo")); err != nil {
		unix.Close(f.fd)
		return nil, err
	}
	return f, nil
}

func openDir(name string) (int, error) {
	fd, err := unix.Open(name, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return -1, &fs.PathError{Op: "open", Path: name, Err: err}
	}
	return fd, nil
}

// Close closes them.
func (f *FDs) Close() {
	unix.Close(f.fd)
	unix.Close(f.dir)
}

// List returns their numbers, ascending.
func (f *FDs) List() ([]int, error) { return numbers(path(f.pid, "fd")) }

// Count is how many there are, or 0 if the kernel does not tell: it has done so
// since Linux 6.2 (fs/proc/fd.c: proc_fd_getattr).
func (f *FDs) Count() int {
	var st unix.Stat_t
	if err := unix.Fstat(f.fd, &st); err != nil {
		return 0
	}
	return int(st.Size)
}

// Link returns where one leads, and whether the kernel marks that as deleted.
func (f *FDs) Link(fd int) (target string, deleted bool, err error) {
	n, err := unix.Readlinkat(f.fd, strconv.Itoa(fd), f.buf)
	if err != nil {
		return "", false, f.error("readlink", "fd", fd, err)
	}
	if n == len(f.buf) {
		return "", false, f.error("readlink", "fd", fd, unix.ENAMETOOLONG)
	}
	target, deleted = strings.CutSuffix(string(f.buf[:n]), " (deleted)")
	return target, deleted, nil
}

// Stat returns what one leads to.
func (f *FDs) Stat(fd int, st *unix.Stat_t) error {
	if err := unix.Fstatat(f.fd, strconv.Itoa(fd), st, 0); err != nil {
		return f.error("stat", "fd", fd, err)
	}
	return nil
}

// Statfs returns what filesystem that is on.
func (f *FDs) Statfs(fd int, st *unix.Statfs_t) error {
	name := path(f.pid, "fd/"+strconv.Itoa(fd))
	if err := unix.Statfs(name, st); err != nil {
		return &fs.PathError{Op: "statfs", Path: name, Err: err}
	}
	return nil
}

// Info reads what the kernel shows of it.
func (f *FDs) Info(fd int) (FDInfo, error) {
	b, err := f.read(fd)
	if err != nil {
		return FDInfo{}, f.error("read", "fdinfo", fd, err)
	}
	return parseFDInfo(string(b)), nil
}

func (f *FDs) read(fd int) ([]byte, error) {
	file, err := unix.Openat(f.dir, strconv.Itoa(fd), unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	defer unix.Close(file)
	for n := 0; ; {
		if n == len(f.buf) {
			f.buf = append(f.buf, make([]byte, len(f.buf))...)
		}
		some, err := unix.Read(file, f.buf[n:])
		if err != nil {
			return nil, err
		}
		if some == 0 {
			return f.buf[:n], nil
		}
		n += some
	}
}

func (f *FDs) error(op, dir string, fd int, err error) error {
	return &os.PathError{Op: op, Path: fmt.Sprintf("/proc/%d/%s/%d", f.pid, dir, fd), Err: err}
}
