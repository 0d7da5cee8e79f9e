// The inodes behind open files and mappings.

package capture

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"snappipe/kernel"
	"snappipe/kernel/elfnote"
	"snappipe/kernel/process/proc"
	"snappipe/kernel/process/world"

	"golang.org/x/sys/unix"
)

// inode is how the kernel tells files apart.
type inode struct{ dev, ino uint64 }

type inodeInfo struct {
	key    inode
	fd     int  // a descriptor to read it by, or -1
	shared bool // it is mapped shared
}

// file returns the index of an inode at a place.
func (t *fileTable) file(p place, st *unix.Stat_t) int {
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
	t.byKey[key] = len(t.files)
	t.files = append(t.files, f)
	t.inodes = append(t.inodes, inodeInfo{key: key, fd: -1})
	return len(t.files) - 1
}

// memfdPrefix is what the kernel puts before the name of memfd_create(2).
const memfdPrefix = "/memfd:"

// mapped returns the index of the file that a mapping is of.
func (t *fileTable) mapped(m *proc.Map) (i int, err error) {
	i, ok := t.byKey[inode{m.Dev, m.Ino}]
	if !ok {
		if i, err = t.newMapped(m); err != nil {
			return 0, err
		}
	}
	if m.Shared {
		t.inodes[i].shared = true
	}
	return i, nil
}

// mappedBy adds the files of mappings.
func (t *fileTable) mappedBy(maps []proc.Map) error {
	for i := range maps {
		if m := &maps[i]; m.File() && !m.Kernel() {
			if _, err := t.mapped(m); err != nil {
				return err
			}
		}
	}
	return nil
}

func (t *fileTable) newMapped(m *proc.Map) (int, error) {
	// What a mapping is of is told to who may take checkpoints, as root.
	var st unix.Stat_t
	if err := unix.Stat(fmt.Sprintf("/proc/%d/map_files/%x-%x", t.c.pid, m.Start, m.End), &st); err == nil {
		p, ok := t.locate(m.Path, m.Deleted, &st)
		if !ok && m.Shared {
			return 0, kernel.Refuse(fmt.Sprintf("%s, mapping %x-%x %s", t.c.object(), m.Start, m.End, m.Path), "", "%s", t.whyLost(m.Path, m.Deleted, &st))
		}
		if !ok {
			p = place{path: m.Path, deleted: true} // its pages will do
		}
		return t.alias(m, t.file(p, &st)), nil
	}
	key := shown{m.Path, m.Deleted, inode{m.Dev, m.Ino}}
	p, ok := t.prove(t.c.places[key].path, isMapped(m))
	if !ok {
		p, ok = t.find(key, isMapped(m))
		t.c.places[key] = p
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
func (t *fileTable) alias(m *proc.Map, i int) int {
	t.byKey[inode{m.Dev, m.Ino}] = i
	if t.inodes[i].fd < 0 {
		t.inodes[i].key = inode{m.Dev, m.Ino}
	}
	t.files[i].Anon = t.files[i].Deleted && m.Shared && m.Path == "/dev/zero"
	return i
}

// twinLink returns where a link in the twin's directory of /proc leads, and what
// is there.
func (c *capture) twinLink(name, what string) (link string, deleted bool, st unix.Stat_t, err error) {
	if link, deleted, err = proc.Link(c.twin.PID, name); err != nil {
		return link, deleted, st, err
	}
	if err = unix.Stat(fmt.Sprintf("/proc/%d/%s", c.twin.PID, name), &st); err != nil {
		err = fmt.Errorf("looking at its %s: %w", what, err)
	}
	return link, deleted, st, err
}

// workingDirectory returns the index of that.
func (t *fileTable) workingDirectory() (int, error) {
	link, deleted, st, err := t.c.twinLink("cwd", "working directory")
	if err != nil {
		return world.NoIndex, err
	}
	p, ok := t.locate(link, deleted, &st)
	switch {
	case ok && p.deleted:
		return world.NoIndex, t.c.refuse("", "its working directory %s has been deleted", link)
	case !ok:
		return world.NoIndex, t.c.refuse("", "its working directory is not to be found at %s: %s", link, t.whyLost(link, deleted, &st))
	case ofProcess(p.path):
		return world.NoIndex, t.c.refuse("", "its working directory %s is about a process, which will not be there again", p.path)
	}
	return t.file(p, &st), nil
}

// executable returns the index of the program's own file.
func (t *fileTable) executable() (int, error) {
	link, deleted, st, err := t.c.twinLink("exe", "executable")
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
func (t *fileTable) seals(o *openFile, f *world.File) error {
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

// addBuildIDs reads them from the files, which are still what they were if
// their other marks are; but for those of which the program would hear that they
// are read.
func (c *capture) addBuildIDs() {
	for i := range c.space.VMAs {
		v := &c.space.VMAs[i]
		if v.File == world.NoIndex || v.Prot&unix.PROT_EXEC == 0 {
			continue
		}
		f := &c.img.Files[v.File]
		path := string(f.Path)
		if !f.Deleted && f.BuildID == "" && !c.files.listens(path) && !c.files.listens(filepath.Dir(path)) {
			f.BuildID = elfnote.BuildIDOf(fmt.Sprintf("/proc/%d/root%s", c.twin.PID, f.Path))
		}
	}
}

// written reports whether the program may write to a file: by a descriptor or
// a mapping.
func (t *fileTable) written(file int) bool {
	return t.inodes[file].shared || slices.ContainsFunc(t.open, func(o world.OpenFile) bool {
		return o.File == file && o.Flags&unix.O_ACCMODE != unix.O_RDONLY
	})
}
