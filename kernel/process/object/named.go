// Open files that have a path, or had one: what kind each is, and which of them
// hold something that nothing shows.

package object

import (
	"fmt"
	"path/filepath"
	"strings"

	"snappipe/kernel/process/world"

	"golang.org/x/sys/unix"
)

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
