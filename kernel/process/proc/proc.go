// Package proc reads what /proc tells of a process.
//
// Each file here is one file of /proc and cites its manual page. Nothing is
// changed and nothing is stopped: where several files have to agree, the
// caller stops the process first.
package proc

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"

	"golang.org/x/sys/unix"
)

// path is /proc/PID/name.
func path(pid int, name string) string {
	return "/proc/" + strconv.Itoa(pid) + "/" + name
}

// Open opens a file or directory there. What os.Open does more, five calls to learn
// that there is nothing to wait for, a program has to wait for that is stopped.
func Open(name string, flags int) (*os.File, error) {
	for {
		fd, err := unix.Open(name, flags|unix.O_CLOEXEC, 0)
		if err == nil {
			return os.NewFile(uintptr(fd), name), nil
		}
		if err != unix.EINTR {
			return nil, &fs.PathError{Op: "open", Path: name, Err: err}
		}
	}
}

// scratch are buffers to read into. Files of /proc are of no known size, and
// each read(2) of some costs the kernel a walk from the start, so they are large.
var scratch = sync.Pool{New: func() any { return bytes.NewBuffer(make([]byte, 0, 64<<10)) }}

// read returns a file of /proc as a whole.
func read(pid int, name string) ([]byte, error) {
	f, err := Open(path(pid, name), unix.O_RDONLY)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	buf := scratch.Get().(*bytes.Buffer)
	defer scratch.Put(buf)
	buf.Reset()
	_, err = buf.ReadFrom(f)
	return bytes.Clone(buf.Bytes()), err
}

// numbers returns the entries of a directory that are numbers, ascending.
func numbers(dir string) ([]int, error) {
	d, err := Open(dir, unix.O_RDONLY|unix.O_DIRECTORY)
	if err != nil {
		return nil, err
	}
	defer d.Close()
	names, err := d.Readdirnames(-1)
	if err != nil {
		return nil, err
	}
	var all []int
	for _, name := range names {
		if n, err := strconv.Atoi(name); err == nil {
			all = append(all, n)
		}
	}
	slices.Sort(all)
	return all, nil
}

// Tasks returns the thread IDs of a process, first that of the first thread,
// the leader. It need not be the lowest: IDs start again from below when they
// have reached kernel.pid_max.
func Tasks(pid int) ([]int, error) {
	tids, err := numbers(path(pid, "task"))
	if i := slices.Index(tids, pid); i > 0 {
		copy(tids[1:], tids[:i])
		tids[0] = pid
	}
	return tids, err
}

// Processes returns all process IDs.
func Processes() ([]int, error) { return numbers("/proc") }

// Link returns where a symbolic link such as "exe", "cwd" or "fd/3" leads, and
// whether the kernel marks that as deleted.
func Link(pid int, name string) (target string, deleted bool, err error) {
	target, err = os.Readlink(path(pid, name))
	if err != nil {
		return "", false, err
	}
	target, deleted = strings.CutSuffix(target, " (deleted)")
	return target, deleted, nil
}

// Auxv returns the auxiliary vector, see getauxval(3).
func Auxv(pid int) ([]byte, error) { return read(pid, "auxv") }

// Cmdline returns the arguments, which the program may have overwritten.
func Cmdline(pid int) ([]string, error) {
	b, err := read(pid, "cmdline")
	if err != nil || len(b) == 0 {
		return nil, err
	}
	return strings.Split(strings.TrimSuffix(string(b), "\x00"), "\x00"), nil
}

// Comm returns the name of a thread.
func Comm(pid, tid int) (string, error) {
	b, err := read(pid, "task/"+strconv.Itoa(tid)+"/comm")
	return strings.TrimSuffix(string(b), "\n"), err
}

// Number returns a file that holds one number in the given base.
func Number(pid int, name string, base int) (int64, error) {
	b, err := read(pid, name)
	if err != nil {
		return 0, err
	}
	text := strings.TrimSpace(string(b))
	n, err := strconv.ParseInt(text, base, 64)
	if err != nil {
		return 0, fmt.Errorf("%s holds %q: %w", path(pid, name), text, err)
	}
	return n, nil
}

// BootID is what a boot of a machine is known by.
func BootID() (string, error) {
	b, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	return strings.TrimSpace(string(b)), err
}

// Births changes whenever a process or thread is born: it is how many there are, and
// the last ID that was given (proc_loadavg(5)). Not all that are born are given the
// next one (clone3(2), set_tid), but then there is one more.
func Births() string {
	b, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return ""
	}
	_, after, _ := strings.Cut(string(b), "/")
	return after
}

// Label is what a security module calls a process; "" if there is none.
func Label(pid int) (string, error) {
	b, err := read(pid, "attr/current")
	if errors.Is(err, unix.EINVAL) || errors.Is(err, fs.ErrNotExist) {
		return "", nil // none that labels processes
	}
	return strings.TrimRight(string(b), "\x00\n"), err
}

// Namespace names the namespace of the given kind ("net", "pid", "mnt") that a
// thread is in: see namespaces(7).
func Namespace(pid, tid int, kind string) (string, error) {
	return os.Readlink(path(pid, "task/"+strconv.Itoa(tid)+"/ns/"+kind))
}

// Exists reports whether there is a process or thread with an ID. (Threads are there,
// although they are not listed: proc(5).)
func Exists(id int) bool {
	_, err := os.Stat(path(id, ""))
	return err == nil
}

// Title names a process in what people read: "process 123 (sleep)".
func Title(pid int) string {
	if s, err := ReadStat(pid); err == nil {
		return fmt.Sprintf("process %d (%s)", pid, s.Comm)
	}
	return fmt.Sprintf("process %d", pid)
}

// IsGone reports whether an error says that a file, or the process it is about, is
// gone.
func IsGone(err error) bool { return errors.Is(err, fs.ErrNotExist) || errors.Is(err, unix.ESRCH) }
