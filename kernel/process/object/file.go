// Open files that have a path, or had one: what kind each is, which of them hold
// something that nothing shows, and how files, directories, devices, and what is no more
// than a path (O_PATH) are opened again.

package object

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"snappipe/kernel"
	"snappipe/kernel/process/sys"
	"snappipe/kernel/process/world"
)

// In the image: `File` is there, and of that type. A device is one that has no state: null,
// zero, full, random, urandom or kmsg.
var (
	regulars    = &kind{name: world.KindFile, check: isOf(unix.S_IFREG), plan: opens, ends: always, make: (*Maker).openRegular, settle: (*Maker).ownContent}
	directories = &kind{name: world.KindDir, check: isOf(unix.S_IFDIR), plan: opens, ends: always, make: (*Maker).openNamed}
	paths       = &kind{name: world.KindPath, check: hasFile, plan: opens, ends: always, make: (*Maker).openNamed}
	devices     = &kind{name: world.KindDevice, check: checkDevice, plan: opens, ends: always, make: (*Maker).openNamed}
)

// isOf is the check of what is a file of one type: a device in the place of another file
// would do something when it is opened.
func isOf(kind uint32) func(w *world.World, o *world.OpenFile) error {
	return func(w *world.World, o *world.OpenFile) error {
		if err := hasFile(w, o); err != nil {
			return err
		}
		if mode := w.Files[o.File].Mode; mode&unix.S_IFMT != kind {
			return fmt.Errorf("is of mode %#o", mode)
		}
		return nil
	}
}

func always(*Maker, *world.OpenFile) bool { return true }

// settable are the flags that F_SETFL changes; those of open(2) besides are
// given when opening.
const settable = unix.O_APPEND | unix.O_NONBLOCK | unix.O_DIRECT | unix.O_NOATIME

// openable are the flags of F_GETFL that open(2) takes again.
const openable = unix.O_ACCMODE | unix.O_APPEND | unix.O_DIRECT | unix.O_NOATIME | unix.O_SYNC | unix.O_DSYNC | unix.O_PATH |
	unix.O_NOFOLLOW | unix.O_DIRECTORY

// openRegular opens a regular file: by its path, or the copy of a deleted one
// that came in the image.
func (m *Maker) openRegular(i int) (int, error) {
	o := &m.world.Open[i]
	f := &m.world.Files[o.File]
	var file *os.File
	var err error
	if f.Content != world.NoIndex {
		c := m.contents[f.Content]
		if err := setModified(c, f.Mtime); err != nil {
			return -1, fmt.Errorf("setting its time: %w", err)
		}
		file, err = Reopen(c, o.Flags&openable&^(unix.O_NOFOLLOW|unix.O_DIRECTORY)) // bits of O_TMPFILE
	} else {
		file, err = m.OpenPath(f, o.Flags&openable)
	}
	if err != nil {
		return -1, Gone(m.name(i), err)
	}
	defer file.Close()
	st, err := file.Stat()
	if err != nil {
		return -1, err
	}
	if st.Size() < f.Size {
		return -1, kernel.Refuse(m.name(i), "put the file back as it was",
			"it had %d bytes, and now has only %d", f.Size, st.Size())
	}
	if f.WriteHint != 0 {
		if err := m.Tolerate(fmt.Sprintf("F_SET_RW_HINT of %s", f.Path), sys.SetWriteHint(int(file.Fd()), f.WriteHint)); err != nil {
			return -1, fmt.Errorf("setting its hint: %w", err)
		}
	}
	return takeDescriptor(file, o.Pos)
}

// ownContent gives the copy of a deleted file its owner and mode, when all have it open
// who had: by then it may be nobody's to open.
func (m *Maker) ownContent(i int) error {
	f := &m.world.Files[m.world.Open[i].File]
	if f.Content == world.NoIndex {
		return nil
	}
	return m.ownAs(int(m.contents[f.Content].Fd()), string(f.Path), f.UID, f.GID, f.Mode)
}

// opens is the plan of what is a file.
func opens(p *planner, o *world.OpenFile) {
	f := &p.world.Files[o.File]
	if f.Content != world.NoIndex {
		return // see content
	}
	how := Access(o.Flags)
	if o.Flags&unix.O_APPEND != 0 {
		how += ", appending"
	}
	if f.Mode&unix.S_IFMT == unix.S_IFCHR {
		how += fmt.Sprintf(", character device %d:%d", unix.Major(uint64(f.Rdev)), unix.Minor(uint64(f.Rdev)))
	}
	p.Say("open", string(f.Path), how)
}

// ownAs gives what was made anew the owner and mode that it had. Programs open
// what they have open again, as /dev/stdin and /proc/self/fd, and of a socket it
// is whose traffic that is.
func (m *Maker) ownAs(fd int, what string, uid, gid, mode uint32) error {
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return err
	}
	if uid != st.Uid || gid != st.Gid {
		if err := m.Tolerate("owner of "+what, unix.Fchown(fd, int(uid), int(gid))); err != nil {
			return err
		}
	}
	if mode &= 0o7777; mode == st.Mode&0o7777 {
		return nil
	}
	return unix.Fchmod(fd, mode)
}

// setModified sets when a file was last written to.
func setModified(f *os.File, at int64) error {
	times := []unix.Timespec{{Nsec: unix.UTIME_OMIT}, unix.NsecToTimespec(at)}
	return unix.UtimesNanoAt(unix.AT_FDCWD, fmt.Sprintf("/proc/self/fd/%d", f.Fd()), times, 0)
}

// takeDescriptor is a descriptor of file at the given offset, which outlives
// it.
func takeDescriptor(file *os.File, pos int64) (int, error) {
	fd, err := unix.FcntlInt(file.Fd(), unix.F_DUPFD_CLOEXEC, 3)
	if err != nil {
		return -1, fmt.Errorf("%s: %w", file.Name(), err)
	}
	if pos == 0 {
		return fd, nil
	}
	if _, err := unix.Seek(fd, pos, unix.SEEK_SET); sys.Ignore(err, unix.ESPIPE, unix.EBADF) != nil {
		unix.Close(fd)
		return -1, fmt.Errorf("%s: seeking to %d: %w", file.Name(), pos, err)
	}
	return fd, nil
}

// openNamed opens a directory, a device, or only the path.
func (m *Maker) openNamed(i int) (int, error) {
	o := &m.world.Open[i]
	file, err := m.OpenPath(&m.world.Files[o.File], o.Flags&openable)
	if err != nil {
		return -1, Gone(m.name(i), err)
	}
	defer file.Close()
	return takeDescriptor(file, o.Pos)
}

// named describes a file that has a path, or had one.
func (t *Taker) named(o *Found, d *world.OpenFile) error {
	p, ok := t.locate(o.link, o.deleted, &o.st)
	if !ok {
		return t.lose(o, d, o.link, t.whyLost(o.link, o.deleted, &o.st))
	}
	if ofProcess(o.link) {
		fs, err := t.filesystem(o)
		if err != nil {
			return fmt.Errorf("%s: %w", o.object(o.link), err)
		}
		if fs == unix.PROC_SUPER_MAGIC {
			return t.lose(o, d, o.link, "it is a file of /proc about a process, which will not be there again")
		}
	}
	d.File = t.file(p, &o.st)
	if in := &t.inodes[d.File]; in.by.task == nil && d.Flags&unix.O_PATH == 0 {
		in.by = o.ref
	}
	if err := t.seals(o, &t.w.Files[d.File]); err != nil {
		return err
	}
	if d.Flags&unix.O_PATH != 0 {
		d.Kind = world.KindPath
		if t.w.Files[d.File].Deleted {
			return t.lose(o, d, "an O_PATH reference to the deleted "+o.link, "it could not be found again")
		}
		return nil
	}
	switch o.st.Mode & unix.S_IFMT {
	case unix.S_IFREG:
		if err := t.regular(o, d); err != nil || d.Kind == world.KindLost {
			return err
		}
		return t.pathOwner(o, d)
	case unix.S_IFDIR:
		d.Kind = world.KindDir
		if t.w.Files[d.File].Deleted {
			return t.lose(o, d, "the directory "+o.link, "it has been deleted")
		}
		return t.pathOwner(o, d)
	case unix.S_IFIFO:
		if t.w.Files[d.File].Deleted {
			d.File = world.NoIndex // a pipe like any other
		}
		return t.pipe(o, d)
	case unix.S_IFCHR:
		if ok, err := t.hungUp(o, d); ok || err != nil {
			return err
		}
		if t.w.Files[d.File].Deleted {
			return t.lose(o, d, "the device "+o.link, "its path has been deleted")
		}
		return t.device(o, d, o.st.Rdev)
	default:
		return t.lose(o, d, o.link, "it is a device whose state is not in the program")
	}
}

// regular describes what stat(2) calls a regular file, which some filesystems
// have for other things.
func (t *Taker) regular(o *Found, d *world.OpenFile) error {
	d.Kind = world.KindFile
	fs, err := t.filesystem(o)
	if err != nil {
		return fmt.Errorf("%s: %w", o.object(o.link), err)
	}
	const (
		mqueue = 0x19800202 // MQUEUE_MAGIC, ipc/mqueue.c
		dmabuf = 0x444d4142 // DMA_BUF_MAGIC, include/uapi/linux/magic.h
	)
	f, in := &t.w.Files[d.File], &t.inodes[d.File]
	switch {
	case isPressure(o.link, fs) && d.Flags&unix.O_ACCMODE != unix.O_RDONLY:
		return t.lose(o, d, o.link, "what pressure it is to tell of is not shown")
	case (fs == unix.TRACEFS_MAGIC || fs == unix.DEBUGFS_MAGIC) && !isMarker(o.link):
		return t.lose(o, d, o.link, "the kernel keeps state for who has it open, which is not shown")
	case fs == mqueue:
		in.by = ref{}
		return t.lose(o, d, "the message queue "+o.link, "what it holds is not in the program")
	case f.Deleted && fs == unix.HUGETLBFS_MAGIC:
		in.by = ref{}
		return t.lose(o, d, o.link, "it is of huge pages of hugetlbfs")
	case fs == unix.SECRETMEM_MAGIC:
		in.by = ref{}
		return t.lose(o, d, o.link, "only the program itself can read it, see memfd_secret(2)")
	case fs == dmabuf:
		in.by = ref{}
		return t.lose(o, d, o.link, "it is memory of a device")
	case f.Deleted && !f.Memfd && f.Size > deletedLimit:
		in.by = ref{}
		return t.lose(o, d, "the deleted file "+o.link,
			fmt.Sprintf("it holds %d bytes, more than the %d that are kept of a deleted file", f.Size, int64(deletedLimit)))
	case f.Deleted:
		return t.attributes(o, d)
	}
	return nil
}

// isPressure reports whether a file tells of pressure to who writes to it of how
// much (Documentation/accounting/psi.rst).
func isPressure(path string, fs int64) bool {
	return fs == unix.PROC_SUPER_MAGIC && strings.HasPrefix(path, "/proc/pressure/") ||
		fs == unix.CGROUP2_SUPER_MAGIC && strings.HasSuffix(path, ".pressure")
}

// isMarker knows the files that programs write notes to (trace/ftrace.rst).
func isMarker(path string) bool {
	name := filepath.Base(path)
	return name == "trace_marker" || name == "trace_marker_raw"
}

// filesystem is the kind of that which a file is on.
func (t *Taker) filesystem(o *Found) (int64, error) {
	if kind, ok := t.known.filesystems[o.info.Mount]; ok {
		return kind, nil
	}
	var st unix.Statfs_t
	if err := o.task.dir.Statfs(o.fd, &st); err != nil {
		return 0, err
	}
	t.known.filesystems[o.info.Mount] = st.Type
	return st.Type, nil
}

// ofProcess tells /proc/123/stat from /proc/stat, which is of the system, and
// is opened again like any other file.
func ofProcess(path string) bool {
	rest, ok := strings.CutPrefix(path, "/proc/")
	return ok && rest != "" && rest[0] >= '0' && rest[0] <= '9'
}
