// The inodes behind open files and mappings.

package capture

import (
	"fmt"
	"slices"
	"strings"

	"snappipe/kernel/process/image"
	"snappipe/kernel/process/proc"

	"golang.org/x/sys/unix"
)

// inode is how the kernel tells files apart.
type inode struct{ dev, ino uint64 }

type inodeInfo struct {
	key    inode
	fd     int  // a descriptor to read it by, or -1
	shared bool // it is mapped shared
}

// file returns the index of an inode, whose path is as the kernel shows it.
func (t *fileTable) file(path string, deleted bool, st *unix.Stat_t) int {
	key := inode{st.Dev, st.Ino}
	if i, ok := t.byKey[key]; ok {
		return i
	}
	f := image.File{
		Path: image.Text(path), Deleted: deleted || st.Nlink == 0,
		Dev: image.Hex(st.Dev), Rdev: image.Hex(st.Rdev), Ino: st.Ino,
		Mode: st.Mode, Size: st.Size, Mtime: st.Mtim.Nano(), Content: image.NoIndex,
	}
	if name, ok := strings.CutPrefix(path, memfdPrefix); ok && st.Nlink == 0 {
		f.Memfd, f.Path = true, image.Text(name)
	}
	t.byKey[key] = len(t.files)
	t.files = append(t.files, f)
	t.inodes = append(t.inodes, inodeInfo{key: key, fd: -1})
	return len(t.files) - 1
}

// memfdPrefix is what the kernel puts before the name of memfd_create(2).
const memfdPrefix = "/memfd:"

// mapped returns the index of the file that a mapping is of.
func (t *fileTable) mapped(m *proc.Map) int {
	i, ok := t.byKey[inode{m.Dev, m.Ino}]
	if !ok {
		i = t.newMapped(m)
	}
	if m.Shared {
		t.inodes[i].shared = true
	}
	return i
}

func (t *fileTable) newMapped(m *proc.Map) int {
	var st unix.Stat_t
	err := unix.Stat(fmt.Sprintf("/proc/%d/root%s", t.c.pid, m.Path), &st)
	if err == nil && !m.Deleted && st.Ino == m.Ino {
		// The device may be another than in maps: overlayfs and btrfs show
		// different ones there and here.
		i := t.file(m.Path, false, &st)
		t.byKey[inode{m.Dev, m.Ino}] = i
		t.inodes[i].key = inode{m.Dev, m.Ino}
		return i
	}
	st = unix.Stat_t{Dev: m.Dev, Ino: m.Ino, Mode: unix.S_IFREG}
	i := t.file(m.Path, true, &st)
	t.files[i].Anon = m.Shared && m.Path == "/dev/zero"
	return i
}

// executable returns the index of the program's own file.
func (t *fileTable) executable() (int, error) {
	path, deleted, err := proc.Link(t.c.twin.PID, "exe")
	if err != nil {
		return image.NoIndex, err
	}
	var st unix.Stat_t
	if err := unix.Stat(fmt.Sprintf("/proc/%d/exe", t.c.twin.PID), &st); err != nil {
		return image.NoIndex, fmt.Errorf("looking at its executable: %w", err)
	}
	return t.file(path, deleted, &st), nil
}

// seals reads those of memfd_create(2), which must be put back last.
func (t *fileTable) seals(o *openFile, f *image.File) error {
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
// their other marks are.
func (c *capture) addBuildIDs() {
	for i := range c.img.VMAs {
		v := &c.img.VMAs[i]
		if v.File == image.NoIndex || v.Prot&unix.PROT_EXEC == 0 {
			continue
		}
		f := &c.img.Files[v.File]
		if !f.Deleted && f.BuildID == "" {
			f.BuildID = image.BuildID(fmt.Sprintf("/proc/%d/root%s", c.twin.PID, f.Path))
		}
	}
}

// written reports whether the program may write to a file: by a descriptor or
// a mapping.
func (t *fileTable) written(file int) bool {
	return t.inodes[file].shared || slices.ContainsFunc(t.open, func(o image.OpenFile) bool {
		return o.File == file && o.Flags&unix.O_ACCMODE != unix.O_RDONLY
	})
}
