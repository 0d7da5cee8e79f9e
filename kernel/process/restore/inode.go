// This file finds the files of the image again. A path may lead to another file
// by now, and the file may be at another path: so it is known by more than that,
// as far as this is the same filesystem. On another machine, the path has to do.

package restore

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

// openPath opens the file that f is, where it is now. It never blocks, as
// opening a FIFO would.
func (p *process) openPath(f *world.File, flags int) (*os.File, error) {
	path, err := p.where(f)
	if err != nil {
		return nil, err
	}
	return openAt(path, f, flags)
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

// where returns the path at which a file is now.
func (p *process) where(f *world.File) (string, error) {
	path := string(f.Path)
	if f.Deleted || !strings.HasPrefix(path, "/") {
		return "", &fs.PathError{Op: "open", Path: path, Err: errNowhere}
	}
	is, err := p.isAt(path, f)
	if err == nil && is != isAnother {
		return path, nil
	}
	if moved := p.search(f); moved != "" {
		p.options.Report(fmt.Sprintf("%s is %s by now", path, moved))
		return moved, nil
	}
	if err == nil {
		if err = errAnother; p.options.Force {
			p.options.Warn(path + ": another file is there by now, which is used as it is")
			return path, nil
		}
	}
	return "", &fs.PathError{Op: "open", Path: path, Err: err}
}

// findDirectory finds the working directory, on which other paths may depend.
func (p *process) findDirectory() (err error) {
	f := &p.img.Files[p.task.Cwd]
	if p.cwd, err = p.where(f); err != nil {
		return gone("working directory "+string(f.Path), err)
	}
	return nil
}

// sameness says whether a file is the one that is meant.
type sameness int

const (
	isUnknown sameness = iota // on another machine, or after a reboot
	isSame
	isAnother
)

// isAt looks at what is at a path. The error is for what can't be f at all.
func (p *process) isAt(path string, f *world.File) (sameness, error) {
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
	here := p.sameBoot()
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

// maxEntries is how much of a directory is searched.
const maxEntries = 100_000

// search looks for a file that was renamed: by its handle, which takes root, or
// in its old directory.
func (p *process) search(f *world.File) string {
	dir := filepath.Dir(string(f.Path))
	if path := byHandle(f, dir); path != "" {
		if is, err := p.isAt(path, f); err == nil && is == isSame {
			return path
		}
	}
	d, err := os.Open(dir)
	if err != nil {
		return ""
	}
	defer d.Close()
	names, _ := d.Readdirnames(maxEntries)
	for _, name := range names {
		path := filepath.Join(dir, name)
		if is, err := p.isAt(path, f); err == nil && is == isSame && !isDevice(f.Mode&unix.S_IFMT) {
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

// unchanged reports whether the bytes of file are those that f had: the same
// inode with the same size and modification time or, on another machine, a
// program or library with the same build ID.
func unchanged(file *os.File, f *world.File) bool {
	var st unix.Stat_t
	if err := unix.Fstat(int(file.Fd()), &st); err != nil || st.Size != f.Size {
		return false
	}
	if st.Dev == uint64(f.Dev) && st.Ino == f.Ino && st.Mtim.Nano() == f.Mtime {
		return true
	}
	return f.BuildID != "" && elfnote.BuildIDOf(fmt.Sprintf("/proc/self/fd/%d", file.Fd())) == f.BuildID
}

// gone is the refusal of a file that is needed and not there.
func gone(what string, err error) error {
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
