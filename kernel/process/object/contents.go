// This file makes what holds the bytes of the image that are no process's memory:
// of deleted files and those of memfd_create(2), and of pipes and sockets until
// they are there to take them.

package object

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"

	"snappipe/kernel/process/world"
)

// MakeContents makes an empty file for each content, but for those that the caller
// has another place for.
func (m *Maker) MakeContents(elsewhere map[int]bool) error {
	of := make(map[int]*world.File)
	for i := range m.world.Files {
		if f := &m.world.Files[i]; f.Content != world.NoIndex {
			of[f.Content] = f
		}
	}
	for i, c := range m.world.Contents {
		if elsewhere[i] {
			m.contents = append(m.contents, nil)
			continue
		}
		file, err := m.makeContent(of[i])
		if err != nil {
			return err
		}
		m.contents = append(m.contents, file)
		if err := file.Truncate(c.Size); err != nil {
			return fmt.Errorf("a file of %d bytes in memory: %w", c.Size, err)
		}
	}
	return nil
}

// Content is the file of a content, or nil. It stays the Maker's.
func (m *Maker) Content(i int) *os.File { return m.contents[i] }

// makeContent makes what holds the content of a file, or of what is none.
func (m *Maker) makeContent(f *world.File) (*os.File, error) {
	if f != nil && IsTemporary(f) {
		if file, err := m.makeTemporary(f); file != nil || err != nil {
			return file, err
		}
	}
	name := ""
	if f != nil {
		name = string(f.Path)
	}
	fd, err := memfd(name)
	if err != nil {
		return nil, err
	}
	return os.NewFile(uintptr(fd), "memfd:"+name), nil
}

// seal seals files of memfd_create(2), which by now hold what they held, are
// mapped, and are open for all that they were.
func (m *Maker) seal() error {
	for _, f := range m.world.Files {
		if f.Content == world.NoIndex || f.Seals == 0 {
			continue
		}
		fd := m.contents[f.Content].Fd()
		if _, err := unix.FcntlInt(fd, unix.F_ADD_SEALS, f.Seals); err != nil {
			return fmt.Errorf("sealing %s: %w", f.Path, err)
		}
		if seals, err := unix.FcntlInt(fd, unix.F_GET_SEALS, 0); err != nil || seals != f.Seals {
			return fmt.Errorf("sealing %s: it has the seals %#x, not %#x (%v)", f.Path, seals, f.Seals, err)
		}
	}
	return nil
}

// memfd takes a name of at most 249 bytes (memfd_create(2)).
func memfd(name string) (int, error) {
	const flags = unix.MFD_CLOEXEC | unix.MFD_ALLOW_SEALING
	name = name[:min(len(name), 249)]
	// One that may be executed, as far as its mode says, and not sealed against
	// that yet. Kernels before 6.3 have no others; and some systems want none.
	fd, err := unix.MemfdCreate(name, flags|unix.MFD_EXEC)
	if err == unix.EINVAL || err == unix.EACCES {
		fd, err = unix.MemfdCreate(name, flags)
	}
	if err != nil {
		return 0, fmt.Errorf("making a file in memory: %w", err)
	}
	return fd, nil
}
