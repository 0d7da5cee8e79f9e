// What other processes have too, and no path leads to: they got it when they were
// forked, or by SCM_RIGHTS. What is made of an image has its own, and nobody would
// notice that it is another. This is about memory and open files; elsewhere is about
// pipes and sockets.

package object

import (
	"fmt"
	"slices"

	"snappipe/kernel"
	"snappipe/kernel/process/proc"
	"snappipe/kernel/process/sys"
	"snappipe/kernel/process/world"

	"golang.org/x/sys/unix"
)

// eachOpen visits what another process has open, as far as it is there to see,
// and where that leads.
func eachOpen(pid int, visit func(fds *proc.FDs, fd int, link string, deleted bool)) {
	fds, err := proc.OpenFDs(pid)
	if err != nil {
		return // ended, or hidden
	}
	defer fds.Close()
	list, err := fds.List()
	if err != nil {
		return
	}
	for _, fd := range list {
		if link, deleted, err := fds.Link(fd); err == nil {
			visit(fds, fd, link, deleted)
		}
	}
}

// CheckOthers refuses those, and memory and files that are at no path, if
// another process has them as well. With force, what is resumed has copies. Of an
// offset that is shared, as by all that a shell has write to one file, that is only
// said.
func (t *Taker) CheckOthers() error {
	mine, err := t.sharableByLink()
	if err != nil {
		return err
	}
	if len(mine) == 0 && !slices.ContainsFunc(t.inodes, t.isAtNoPath) {
		return nil
	}
	pids, err := t.o.Others()
	if err != nil {
		return err
	}
	said := map[string]bool{}
	for _, pid := range pids {
		for _, s := range append(t.openIn(pid, mine), t.mappedIn(pid)...) {
			if s.only {
				return kernel.Refuse(s.object, withAll, "%s has it too", proc.Title(pid))
			}
			if !t.o.Force && !s.offset {
				return kernel.Refuse(s.object, "--force takes a copy of it", "%s has it too", proc.Title(pid))
			}
			what := "it"
			if s.offset {
				what = "its offset"
			}
			if !said[s.object] {
				t.o.Warn(fmt.Sprintf("%s: %s has %s too; resumed, the program has its own", s.object, proc.Title(pid), what))
			}
			said[s.object] = true
		}
	}
	return nil
}

// sharedObject is what another process has too: an object or, of an open file that has a
// path, the offset.
type sharedObject struct {
	object string
	offset bool
	only   bool // there can't be a copy of it
}

// sharableByLink returns the descriptors of open files that would be others, one of
// each, by what /proc shows of them, in the order of kcmp(2).
func (t *Taker) sharableByLink() (map[string][]ref, error) {
	all := map[string][]ref{}
	for i, r := range t.first {
		if byName[t.w.Open[i].Kind].shared != "" || t.hasOffset(i) {
			all[t.links[i]] = append(all[t.links[i]], r)
		}
	}
	var failed error
	for _, refs := range all {
		slices.SortFunc(refs, func(a, b ref) int {
			order, err := t.compareFiles(a, b)
			if err != nil {
				failed = err
			}
			return order
		})
	}
	return all, failed
}

// hasOffset reports whether it matters where in a file with a path the next
// reads and writes go.
func (t *Taker) hasOffset(i int) bool {
	d := &t.w.Open[i]
	return d.Kind == world.KindFile && d.Flags&unix.O_APPEND == 0 && !t.w.Files[d.File].Deleted
}

// isAtNoPath reports whether an inode is one that goes into the image.
func (t *Taker) isAtNoPath(in inodeInfo) bool {
	i, ok := t.byKey[in.key]
	return ok && t.w.Files[i].Deleted && (in.by.task != nil || in.shared)
}

// openIn returns what another process has open of that.
func (t *Taker) openIn(pid int, mine map[string][]ref) (objects []sharedObject) {
	eachOpen(pid, func(fds *proc.FDs, fd int, link string, deleted bool) {
		if at, ok := t.among(mine[link], pid, fd); ok {
			i, _ := at.opened()
			what := byName[t.w.Open[i].Kind].shared
			offset := what == ""
			if offset {
				what = string(t.w.Files[t.w.Open[i].File].Path)
			}
			objects = append(objects, sharedObject{object: at.object(what), offset: offset})
		}
		var st unix.Stat_t
		if deleted && fds.Stat(fd, &st) == nil {
			objects = append(objects, t.atNoPath(inode{st.Dev, st.Ino})...)
		}
	})
	return objects
}

// among finds the one of our descriptors that is the same open file as one of
// another process.
func (t *Taker) among(mine []ref, pid, fd int) (at ref, ok bool) {
	i, found := slices.BinarySearchFunc(mine, fd, func(own ref, theirs int) int {
		order, err := sys.Kcmp(own.task.PID, pid, sys.KcmpFile, own.fd, theirs)
		if err != nil {
			return -1
		}
		return order
	})
	if !found {
		return at, false
	}
	return mine[i], true
}

// mappedIn returns what another process has mapped of that.
func (t *Taker) mappedIn(pid int) (objects []sharedObject) {
	if !slices.ContainsFunc(t.inodes, t.isAtNoPath) {
		return nil
	}
	maps, err := proc.Maps(pid)
	if err != nil {
		return nil
	}
	for i := range maps {
		if m := &maps[i]; m.Shared && m.File() {
			objects = append(objects, t.atNoPath(mapped(m))...)
		}
	}
	return objects
}

// atNoPath names an inode, if it is one that goes into the image.
func (t *Taker) atNoPath(key inode) []sharedObject {
	i, ok := t.byKey[key]
	if !ok || !t.isAtNoPath(t.inodes[i]) {
		return nil
	}
	f, by := &t.w.Files[i], t.inodes[i].by
	what := fmt.Sprintf("the deleted file %s", f.Path)
	switch {
	case f.Anon:
		what = "shared memory"
	case f.Memfd:
		what = fmt.Sprintf("the memfd %q", f.Path)
	case f.Segment != nil:
		return []sharedObject{{object: segmentName(f.Segment.ID), only: true}}
	}
	if by.task == nil {
		return []sharedObject{{object: t.root().Title() + ", " + what}}
	}
	return []sharedObject{{object: by.object(what)}}
}
