// Where inodes are. The kernel shows a path of each, which may lead to another
// file: it was removed, and the file has other names; something is mounted over
// it; another process put a file in its place. So each is looked at.

package object

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"snappipe/kernel/process/sys"

	"golang.org/x/sys/unix"
)

// place is a path of an inode, or says that it has none.
type place struct {
	path    string // as the program's own root shows it
	deleted bool   // no path leads to it any more
	sys.Identity

	changed unix.Timespec // of the inode, when this was found out
}

// shown is what the kernel showed of an inode.
type shown struct {
	link    string
	deleted bool // with the mark that it has no name any more
	key     inode
}

// locate returns the place of an inode. There is none if it has names, but none
// was found.
func (t *Taker) locate(link string, deleted bool, st *unix.Stat_t) (p place, ok bool) {
	key := shown{link, deleted, inode{st.Dev, st.Ino}}
	if p, ok := t.known.places[key]; ok && p.changed == st.Ctim {
		return p, true
	}
	p, ok = t.find(key, sameInode(st))
	if !ok && st.Nlink == 0 {
		p, ok = place{path: link, deleted: true}, true
	}
	if ok {
		p.changed = st.Ctim
		t.known.places[key] = p
	}
	return p, ok
}

// isInode reports whether a descriptor leads to the inode that is meant.
type isInode func(fd int, st *unix.Stat_t) bool

func sameInode(st *unix.Stat_t) isInode {
	return func(_ int, s *unix.Stat_t) bool { return s.Dev == st.Dev && s.Ino == st.Ino }
}

// find looks where the kernel says that an inode is, and, if that was removed
// and there is time for it, where it may be besides.
func (t *Taker) find(s shown, is isInode) (place, bool) {
	names := []string{s.link}
	if s.deleted {
		names = []string{s.link + deletedMark, s.link} // a name may end like that
	}
	if strings.Contains(s.link, "\n") {
		// In the list of mappings, one that has these characters looks alike.
		names = append(names, strings.ReplaceAll(s.link, "\n", `\012`))
	}
	for _, name := range names {
		if p, ok := t.prove(name, is); ok {
			return p, true
		}
	}
	if !s.deleted || !t.o.Dry {
		return place{}, false
	}
	for _, name := range t.entries(filepath.Dir(s.link)) {
		if p, ok := t.prove(name, is); ok {
			return p, true
		}
	}
	return place{}, false
}

const deletedMark = " (deleted)"

// whyLost says why an inode has no place.
func (t *Taker) whyLost(link string, deleted bool, st *unix.Stat_t) string {
	if deleted {
		return fmt.Sprintf("its path was removed, and of its %d other names none was found", st.Nlink)
	}
	if _, _, err := sys.OpenInode(t.fromRoot(link)); errors.Is(err, fs.ErrPermission) {
		return "this user may not follow its path"
	}
	return "its path leads to another file: something is mounted over it, or it is on a filesystem that is not mounted any more"
}

// prove reports whether a path leads to the inode that is meant.
func (t *Taker) prove(path string, is isInode) (place, bool) {
	if !strings.HasPrefix(path, "/") {
		return place{}, false
	}
	fd, st, err := sys.OpenInode(t.fromRoot(path))
	if err != nil {
		return place{}, false
	}
	defer unix.Close(fd)
	if !is(fd, &st) {
		return place{}, false
	}
	return place{path: path, Identity: sys.Identify(fd)}, true
}

// fromRoot is where a path leads from the program's root.
func (t *Taker) fromRoot(path string) string {
	return fmt.Sprintf("/proc/%d/root%s", t.root().PID, path)
}

// maxEntries is how much of a directory is searched for another name of a file.
const maxEntries = 100_000

// entries lists a directory, unless the program would hear of that.
func (t *Taker) entries(dir string) (all []string) {
	if t.Listens(dir) || t.Listens(filepath.Dir(dir)) {
		return nil
	}
	d, err := os.Open(dir)
	if err != nil {
		return nil
	}
	defer d.Close()
	names, _ := d.Readdirnames(maxEntries)
	for _, name := range names {
		all = append(all, filepath.Join(dir, name))
	}
	return all
}

// Listens reports whether an inotify set of the program watches a file.
func (t *Taker) Listens(path string) bool {
	var st unix.Stat_t
	if unix.Stat(path, &st) != nil {
		return true
	}
	for _, k := range t.tasks {
		for _, o := range k.found {
			for _, w := range o.info.Inotify {
				if w.Ino == st.Ino {
					return true
				}
			}
		}
	}
	return false
}
