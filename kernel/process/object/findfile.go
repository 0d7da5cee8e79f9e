// This file finds the files of the image again. A path may lead to another file
// by now, and the file may be at another path: so it is known by more than that,
// as far as this is the same filesystem. On another machine, the path has to do.

package object

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"snappipe/kernel"
	"snappipe/kernel/elfnote"
	"snappipe/kernel/process/sys"
	"snappipe/kernel/process/world"
)

// Within has files be opened in the mount namespace of a process, which has the same
// mounts, but for /proc. Else what is open could be given no name from within, since
// link(2) and rename(2) go by the mount and not by the filesystem.
func (m *Maker) Within(pid int) { m.root = fmt.Sprintf("/proc/%d/root", pid) }

// OpenPath opens the file that f is, where it is now. It never blocks, as
// opening a FIFO would.
func (m *Maker) OpenPath(f *world.File, flags int) (*os.File, error) {
	path, err := m.Where(f)
	if err != nil {
		return nil, err
	}
	return openAt(m.root+path, f, flags)
}

// openAt opens what is at a path if it is of the type of f.
func openAt(path string, f *world.File, flags int) (*os.File, error) {
	if f.Mode&unix.S_IFMT == unix.S_IFLNK {
		flags |= unix.O_NOFOLLOW // else it would be followed
	}
	fd, err := unix.Open(path, flags|unix.O_CLOEXEC|unix.O_NOCTTY|unix.O_NONBLOCK, 0)
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: path, Err: err}
	}
	file := os.NewFile(uintptr(fd), path)
	var st unix.Stat_t
	if err = unix.Fstat(fd, &st); err == nil {
		err = sameType(f, &st)
	}
	if err != nil {
		file.Close()
		return nil, &fs.PathError{Op: "open", Path: path, Err: err}
	}
	return file, nil
}

func sameType(f *world.File, st *unix.Stat_t) error {
	kind := st.Mode & unix.S_IFMT
	switch {
	case kind != f.Mode&unix.S_IFMT:
		return errors.New("it is no longer the same type of file")
	case isDevice(kind) && st.Rdev != uint64(f.Rdev):
		return errors.New("it is no longer the same device")
	}
	return nil
}

func isDevice(kind uint32) bool { return kind == unix.S_IFCHR || kind == unix.S_IFBLK }

var (
	errAnother = errors.New("another file is at its path by now")
	errNowhere = errors.New("it is a file without a path")
)

// Where returns the path at which a file is now.
func (m *Maker) Where(f *world.File) (string, error) {
	path := string(f.Path)
	if f.Deleted || !strings.HasPrefix(path, "/") {
		return "", &fs.PathError{Op: "open", Path: path, Err: errNowhere}
	}
	is, err := m.isAt(path, f)
	if err == nil && is != isAnother {
		return path, nil
	}
	if moved := m.search(f); moved != "" {
		m.options.Report(fmt.Sprintf("%s is %s by now", path, moved))
		return moved, nil
	}
	if err == nil {
		if err = errAnother; m.options.Force {
			m.options.Warn(path + ": another file is there by now, which is used as it is")
			return path, nil
		}
	}
	return "", &fs.PathError{Op: "open", Path: path, Err: err}
}

// sameness says whether a file is the one that is meant.
type sameness int

const (
	isUnknown sameness = iota // on another machine, or after a reboot
	isSame
	isAnother
)

// isAt looks at what is at a path. The error is for what can't be f at all.
func (m *Maker) isAt(path string, f *world.File) (sameness, error) {
	fd, st, err := sys.OpenInode(path)
	if err != nil {
		return isUnknown, err
	}
	defer unix.Close(fd)
	// A socket was bound again, maybe by this process.
	if err := sameType(f, &st); err != nil || isDevice(st.Mode&unix.S_IFMT) || st.Mode&unix.S_IFMT == unix.S_IFSOCK {
		return isSame, err
	}
	if bySystem(fd) {
		return isSame, nil
	}
	then, now := sys.Identity{FS: uint64(f.FS), Handle: f.Handle}, sys.Identify(fd)
	comparable := then.Known() && now.Known()
	here := m.sameBoot()
	switch {
	case comparable && then.FS == now.FS:
		return verdict(then == now), nil
	case comparable && here:
		return isAnother, nil
	case here:
		return verdict(st.Dev == uint64(f.Dev) && st.Ino == f.Ino), nil
	}
	return isUnknown, nil
}

// bySystem reports whether a descriptor leads to a filesystem that the kernel makes
// up: a path there means the same, whatever the number of the inode.
func bySystem(fd int) bool {
	var fs unix.Statfs_t
	return unix.Fstatfs(fd, &fs) == nil && slices.Contains([]int64{
		unix.PROC_SUPER_MAGIC, unix.SYSFS_MAGIC, unix.CGROUP_SUPER_MAGIC, unix.CGROUP2_SUPER_MAGIC,
		unix.DEBUGFS_MAGIC, unix.TRACEFS_MAGIC, unix.SECURITYFS_MAGIC,
	}, fs.Type)
}

func verdict(same bool) sameness {
	if same {
		return isSame
	}
	return isAnother
}

// searched is how much of a directory is searched.
const searched = 100_000

// search looks for a file that was renamed: by its handle, which takes root, or
// in its old directory.
func (m *Maker) search(f *world.File) string {
	dir := filepath.Dir(string(f.Path))
	if path := byHandle(f, dir); path != "" {
		if is, err := m.isAt(path, f); err == nil && is == isSame {
			return path
		}
	}
	d, err := os.Open(dir)
	if err != nil {
		return ""
	}
	defer d.Close()
	names, _ := d.Readdirnames(searched)
	for _, name := range names {
		path := filepath.Join(dir, name)
		if is, err := m.isAt(path, f); err == nil && is == isSame && !isDevice(f.Mode&unix.S_IFMT) {
			return path
		}
	}
	return ""
}

// byHandle opens a file by its handle (open_by_handle_at(2)), on the filesystem
// that a directory is on, or what is left of its path.
func byHandle(f *world.File, dir string) string {
	var kind int32
	var raw []byte
	if n, err := fmt.Sscanf(f.Handle, "%d:%x", &kind, &raw); err != nil || n != 2 {
		return ""
	}
	mount := -1
	for ; mount < 0; dir = filepath.Dir(dir) {
		mount, _ = unix.Open(dir, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
		if dir == "/" {
			break
		}
	}
	if mount < 0 {
		return ""
	}
	defer unix.Close(mount)
	fd, err := unix.OpenByHandleAt(mount, unix.NewFileHandle(kind, raw), unix.O_PATH|unix.O_CLOEXEC)
	if err != nil {
		return ""
	}
	defer unix.Close(fd)
	path, _ := os.Readlink(fmt.Sprintf("/proc/self/fd/%d", fd))
	return path
}

// Unchanged reports whether the bytes of file are those that f had: the same
// inode with the same size and modification time or, on another machine, a
// program or library with the same build ID.
func Unchanged(file *os.File, f *world.File) bool {
	var st unix.Stat_t
	if err := unix.Fstat(int(file.Fd()), &st); err != nil || st.Size != f.Size {
		return false
	}
	if st.Dev == uint64(f.Dev) && st.Ino == f.Ino && st.Mtim.Nano() == f.Mtime {
		return true
	}
	return f.BuildID != "" && elfnote.BuildIDOf(fmt.Sprintf("/proc/self/fd/%d", file.Fd())) == f.BuildID
}

// Gone is the refusal of a file that is needed and not there.
func Gone(what string, err error) error {
	advice := "put the file back as it was"
	switch {
	case errors.Is(err, errAnother):
		advice += ", or --force takes what is there"
	case errors.Is(err, fs.ErrPermission):
		advice = "whoever opened it had more rights: have them resume it, or be given them; of standard input, output and error, --stdio mine takes snapresume's own"
	}
	if pe, ok := err.(*fs.PathError); ok {
		err = pe.Err
	}
	return kernel.Refuse(what, advice, "%v", err)
}

// OpenUnchanged opens a regular file that is what it was, or returns nil.
func OpenUnchanged(f *world.File) *os.File {
	if f.Mode&unix.S_IFMT != unix.S_IFREG || f.Deleted {
		return nil
	}
	file, err := openAt(string(f.Path), f, unix.O_RDONLY)
	if err != nil {
		return nil
	}
	if !Unchanged(file, f) {
		file.Close()
		return nil
	}
	return file
}

// Reopen opens a file that is open once more, with an offset of its own.
func Reopen(file *os.File, flags int) (*os.File, error) {
	return os.OpenFile(fmt.Sprintf("/proc/self/fd/%d", file.Fd()), flags, 0)
}

// sameBoot reports whether this is the machine that the image was taken on, and
// has not been booted since: its clocks go on.
func (m *Maker) sameBoot() bool { return m.boot != "" && m.boot == m.world.Host.Boot }
