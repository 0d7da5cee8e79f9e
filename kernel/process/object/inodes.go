// The inodes behind open files and mappings.

package object

import (
	"fmt"
	"os"
	"slices"
	"strings"

	"snappipe/kernel"
	"snappipe/kernel/process/proc"
	"snappipe/kernel/process/world"

	"golang.org/x/sys/unix"
)

// inode is how the kernel tells files apart.
type inode struct{ dev, ino uint64 }

type inodeInfo struct {
	key    inode
	by     ref  // a descriptor to read it by, if there is one
	shared bool // it is mapped shared
}

// file returns the index of an inode at a place.
func (t *Taker) file(p place, st *unix.Stat_t) int {
	key := inode{st.Dev, st.Ino}
	if i, ok := t.byKey[key]; ok {
		return i
	}
	f := world.File{
		Path: world.Text(p.path), Deleted: p.deleted,
		Dev: world.Hex(st.Dev), Rdev: world.Hex(st.Rdev), Ino: st.Ino, FS: world.Hex(p.FS), Handle: p.Handle,
		Mode: st.Mode, UID: st.Uid, GID: st.Gid, Size: st.Size, Mtime: st.Mtim.Nano(), Content: world.NoIndex,
	}
	if name, ok := strings.CutPrefix(p.path, memfdPrefix); ok && p.deleted {
		f.Memfd, f.Path = true, world.Text(name)
	}
	t.byKey[key] = len(t.w.Files)
	t.w.Files = append(t.w.Files, f)
	t.inodes = append(t.inodes, inodeInfo{key: key})
	return len(t.w.Files) - 1
}

// deletedLimit is how much a deleted file may hold to go into the image.
const deletedLimit = 1 << 30

// memfdPrefix is what the kernel puts before the name of memfd_create(2).
const memfdPrefix = "/memfd:"

// mapped is the inode of a mapping.
func mapped(m *proc.Map) inode {
	if m.Segment() {
		return inode{segmentDev, m.Ino}
	}
	return inode{m.Dev, m.Ino}
}

// Mapped returns the index of the file that a mapping is of.
func (t *Taker) Mapped(k *Task, m *proc.Map) (i int, err error) {
	i, ok := t.byKey[mapped(m)]
	if !ok && m.Segment() {
		if i, err = t.segment(k, m); err != nil {
			return 0, err
		}
	} else if !ok {
		if i, err = t.newMapped(k, m); err != nil {
			return 0, err
		}
	}
	if m.Shared {
		t.inodes[i].shared = true
	}
	return i, nil
}

// MappedBy adds the files of mappings.
func (t *Taker) MappedBy(k *Task, maps []proc.Map) error {
	for i := range maps {
		if m := &maps[i]; m.File() && !m.Kernel() {
			if _, err := t.Mapped(k, m); err != nil {
				return err
			}
		}
	}
	return nil
}

func (t *Taker) newMapped(k *Task, m *proc.Map) (int, error) {
	// What a mapping is of is told to who may take checkpoints, as root.
	var st unix.Stat_t
	if err := unix.Stat(fmt.Sprintf("/proc/%d/map_files/%x-%x", k.PID, m.Start, m.End), &st); err == nil {
		p, ok := t.locate(m.Path, m.Deleted, &st)
		if !ok && m.Shared {
			return 0, kernel.Refuse(fmt.Sprintf("%s, mapping %x-%x %s", k.Title(), m.Start, m.End, m.Path), "", "%s", t.whyLost(m.Path, m.Deleted, &st))
		}
		if !ok {
			p = place{path: m.Path, deleted: true} // its pages will do
		}
		return t.alias(m, t.file(p, &st)), nil
	}
	key := shown{m.Path, m.Deleted, inode{m.Dev, m.Ino}}
	p, ok := t.prove(t.known.places[key].path, isMapped(m))
	if !ok {
		p, ok = t.find(key, isMapped(m))
		t.known.places[key] = p
	}
	if !ok {
		st := unix.Stat_t{Dev: m.Dev, Ino: m.Ino, Mode: unix.S_IFREG}
		return t.alias(m, t.file(place{path: m.Path, deleted: true}, &st)), nil
	}
	i, err := t.atPlace(p)
	return t.alias(m, i), err
}

// isMapped knows the inode of a mapping by its number and device. That is another
// than stat(2) shows for filesystems that have several, or lie over others; there,
// the number has to do.
func isMapped(m *proc.Map) isInode {
	return func(fd int, st *unix.Stat_t) bool {
		if st.Ino != m.Ino || st.Dev == m.Dev {
			return st.Ino == m.Ino
		}
		var fs unix.Statfs_t
		return unix.Fstatfs(fd, &fs) == nil && (fs.Type == unix.BTRFS_SUPER_MAGIC || fs.Type == unix.OVERLAYFS_SUPER_MAGIC)
	}
}

// alias has the number and device of a mapping mean file i.
func (t *Taker) alias(m *proc.Map, i int) int {
	t.byKey[inode{m.Dev, m.Ino}] = i
	if t.inodes[i].by.task == nil {
		t.inodes[i].key = inode{m.Dev, m.Ino}
	}
	t.w.Files[i].Anon = t.w.Files[i].Deleted && m.Shared && m.Path == "/dev/zero"
	return i
}

// twinLink returns where a link in the twin's directory of /proc leads, and what
// is there.
func (k *Task) twinLink(name, what string) (link string, deleted bool, st unix.Stat_t, err error) {
	if link, deleted, err = proc.Link(k.Twin.ID(), name); err != nil {
		return link, deleted, st, err
	}
	if err = unix.Stat(fmt.Sprintf("/proc/%d/%s", k.Twin.ID(), name), &st); err != nil {
		err = fmt.Errorf("looking at its %s: %w", what, err)
	}
	return link, deleted, st, err
}

// WorkingDirectory returns the index of that in World.Files.
func (t *Taker) WorkingDirectory(k *Task) (int, error) {
	link, deleted, st, err := k.twinLink("cwd", "working directory")
	if err != nil {
		return world.NoIndex, err
	}
	p, ok := t.locate(link, deleted, &st)
	switch {
	case ok && p.deleted:
		return world.NoIndex, k.refuse("", "its working directory %s has been deleted", link)
	case !ok:
		return world.NoIndex, k.refuse("", "its working directory is not to be found at %s: %s", link, t.whyLost(link, deleted, &st))
	case ofProcess(p.path):
		return world.NoIndex, k.refuse("", "its working directory %s is about a process, which will not be there again", p.path)
	}
	return t.file(p, &st), nil
}

// Executable returns the index of the program's own file.
func (t *Taker) Executable(k *Task) (int, error) {
	link, deleted, st, err := k.twinLink("exe", "executable")
	if err != nil {
		return world.NoIndex, err
	}
	p, ok := t.locate(link, deleted, &st)
	if !ok {
		p = place{path: link, deleted: true} // the image has it
	}
	return t.file(p, &st), nil
}

// seals reads those of memfd_create(2), which must be put back last.
func (t *Taker) seals(o *Found, f *world.File) error {
	if !f.Memfd {
		return nil
	}
	fd, err := t.borrow(o)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	if f.Seals, err = unix.FcntlInt(uintptr(fd), unix.F_GET_SEALS, 0); err != nil {
		return fmt.Errorf("reading the seals of %s: %w", o.object(o.link), err)
	}
	return nil
}

// Written reports whether the program may write to a file: by a descriptor or
// a mapping.
func (t *Taker) Written(file int) bool {
	return t.inodes[file].shared || slices.ContainsFunc(t.w.Open, func(o world.OpenFile) bool {
		return o.File == file && o.Flags&unix.O_ACCMODE != unix.O_RDONLY
	})
}

// Held is what an inode holds that goes into the image, since it can't be opened
// again.
type Held struct {
	*world.File
	Dev, Ino uint64
	// Path leads to it, as long as the process runs, or is "" if only mappings do.
	Path string

	by ref
}

// Is reports whether a mapping is of it.
func (h *Held) Is(m *proc.Map) bool { return m.Shared && mapped(m) == inode{h.Dev, h.Ino} }

// Held returns what there is of that of file i of the World.
func (t *Taker) Held(i int) (Held, bool) {
	f, in := &t.w.Files[i], &t.inodes[i]
	h := Held{File: f, Dev: in.key.dev, Ino: in.key.ino, by: in.by}
	if in.by.task != nil {
		h.Path = fmt.Sprintf("/proc/%d/fd/%d", in.by.task.PID, in.by.fd)
	}
	return h, f.Deleted && f.Mode&unix.S_IFMT == unix.S_IFREG && (h.Path != "" || in.shared)
}

// Borrow gets hold of a descriptor of one that is open.
func (h *Held) Borrow() (*os.File, error) {
	if h.by.task == nil {
		return nil, h.Unreadable()
	}
	fd, err := h.by.borrow(string(h.File.Path))
	return os.NewFile(uintptr(fd), string(h.File.Path)), err
}

// Unreadable refuses one that the program can write to, and nobody of this user's
// rights can read.
func (h *Held) Unreadable() error {
	what := "the deleted file " + string(h.File.Path)
	if h.by.task != nil {
		what = h.by.object(what)
	}
	return kernel.Refuse(what, "take it as root", "its mode %#o lets this user not read it", h.Mode&0o7777)
}

// SizeIsKnown reports whether World.Files has the size of file i: nobody tells that
// of a deleted file which is only mapped.
func (t *Taker) SizeIsKnown(i int) bool {
	return !t.w.Files[i].Deleted || t.inodes[i].by.task != nil || t.w.Files[i].Segment != nil
}
