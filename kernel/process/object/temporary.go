// Files of open(2) with O_TMPFILE. They have no name yet, and may get one by linkat(2),
// in the filesystem that they are on.

package object

import (
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"snappipe/kernel"
	"snappipe/kernel/process/world"
)

// IsTemporary knows one by what /proc shows as its name: the number of its inode
// (fs/dcache.c: d_mark_tmpfile).
func IsTemporary(f *world.File) bool {
	return f.Deleted && !f.Memfd && filepath.Base(string(f.Path)) == fmt.Sprintf("#%d", f.Ino)
}

// makeTemporary makes one, or with force none where that can't be.
func (m *Maker) makeTemporary(f *world.File) (*os.File, error) {
	dir := filepath.Dir(string(f.Path))
	fd, err := unix.Open(m.root+dir, unix.O_TMPFILE|unix.O_RDWR|unix.O_CLOEXEC, 0o600)
	if err == nil {
		return os.NewFile(uintptr(fd), string(f.Path)), nil
	}
	what := fmt.Sprintf("a file of O_TMPFILE in %s", dir)
	if !m.options.Force {
		return nil, kernel.Refuse(what, "put the directory back as it was, or --force makes one that can't be given a name", "%v", err)
	}
	m.options.Warn(what + " is one in memory, which can't be given a name there")
	return nil, nil
}
