// What other processes have too, and no path leads to: they got it when they were
// forked, or by SCM_RIGHTS. What is made of an image has its own, and nobody would
// notice that it is another. This is about what processes share as a whole, and
// about memory and open files; elsewhere is about pipes and sockets.

package capture

import (
	"fmt"
	"os"
	"slices"

	"snappipe/kernel"
	"snappipe/kernel/process/proc"
	"snappipe/kernel/process/sys"
	"snappipe/kernel/process/world"

	"golang.org/x/sys/unix"
)

// others returns the processes besides this one and the one that is taken; twins
// of that aside, which have all that it has.
func (c *capture) others() ([]int, error) {
	pids, err := proc.Processes()
	return slices.DeleteFunc(pids, func(pid int) bool {
		s, err := proc.ReadStat(pid)
		return pid == c.pid || pid == os.Getpid() || err != nil || isTwin(s)
	}), err
}

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

// sharedByProcesses are of what kcmp(2) compares: what clone(2) shares with a
// process that is no thread.
var sharedByProcesses = []struct {
	kind int
	what string
}{
	{sys.KcmpVM, "memory"},
	{sys.KcmpFiles, "open files"},
	{sys.KcmpFS, "working directory, root and umask"},
	{sys.KcmpSighand, "signal actions"},
}

// checkOthers refuses a process that shares these with another.
func (c *capture) checkOthers() error {
	pids, err := c.others()
	if err != nil {
		return err
	}
	for _, pid := range pids {
		for _, s := range sharedByProcesses {
			if same, err := sys.Kcmp(c.pid, pid, s.kind, 0, 0); err != nil {
				break // it has ended, or is another user's
			} else if same == 0 {
				return c.refuse("", "it shares its %s with %s", s.what, title(pid))
			}
		}
	}
	return nil
}

// nameless are open files without a name that hold something, by index in open.
var nameless = map[world.Kind]string{
	world.KindEventFD: "an eventfd", world.KindTimerFD: "a timerfd", world.KindEpoll: "an epoll set", world.KindInotify: "an inotify set",
}

// checkOthersFiles refuses those, and memory and files that are at no path, if
// another process has them as well. With force, what is resumed has copies. Of an
// offset that is shared, as by all that a shell has write to one file, that is only
// said.
func (t *fileTable) checkOthersFiles() error {
	mine, err := t.sharableByLink()
	if err != nil {
		return err
	}
	if len(mine) == 0 && !slices.ContainsFunc(t.inodes, t.isAtNoPath) {
		return nil
	}
	pids, err := t.c.others()
	if err != nil {
		return err
	}
	said := map[string]bool{}
	for _, pid := range pids {
		for _, s := range append(t.openIn(pid, mine), t.mappedIn(pid)...) {
			if !t.c.o.Force && !s.offset {
				return kernel.Refuse(s.object, "--force takes a copy of it", "%s has it too", title(pid))
			}
			what := "it"
			if s.offset {
				what = "its offset"
			}
			if !said[s.object] {
				t.c.o.Warn(fmt.Sprintf("%s: %s has %s too; resumed, the program has its own", s.object, title(pid), what))
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
}

// sharableByLink returns the descriptors of open files that would be others, one of
// each, by what /proc shows of them, in the order of kcmp(2).
func (t *fileTable) sharableByLink() (map[string][]int, error) {
	all := map[string][]int{}
	for _, o := range t.found {
		i := t.opened[o.fd]
		if t.first[i] != o.fd {
			continue
		}
		if _, ok := nameless[t.open[i].Kind]; ok || t.hasOffset(i) {
			all[o.link] = append(all[o.link], o.fd)
		}
	}
	var failed error
	for _, fds := range all {
		slices.SortFunc(fds, func(a, b int) int {
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
func (t *fileTable) hasOffset(i int) bool {
	d := &t.open[i]
	return d.Kind == world.KindFile && d.Flags&unix.O_APPEND == 0 && !t.files[d.File].Deleted
}

// isAtNoPath reports whether an inode is one that goes into the image.
func (t *fileTable) isAtNoPath(in inodeInfo) bool {
	i, ok := t.byKey[in.key]
	return ok && t.files[i].Deleted && (in.fd >= 0 || in.shared)
}

// openIn returns what another process has open of that.
func (t *fileTable) openIn(pid int, mine map[string][]int) (objects []sharedObject) {
	eachOpen(pid, func(fds *proc.FDs, fd int, link string, deleted bool) {
		if at, ok := t.among(mine[link], pid, fd); ok {
			i := t.opened[at]
			what, ok := nameless[t.open[i].Kind]
			if !ok {
				what = string(t.files[t.open[i].File].Path)
			}
			objects = append(objects, sharedObject{fmt.Sprintf("fd %d, %s", at, what), !ok})
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
func (t *fileTable) among(mine []int, pid, fd int) (at int, ok bool) {
	i, found := slices.BinarySearchFunc(mine, fd, func(own, theirs int) int {
		order, err := sys.Kcmp(t.c.pid, pid, sys.KcmpFile, own, theirs)
		if err != nil {
			return -1
		}
		return order
	})
	if !found {
		return 0, false
	}
	return mine[i], true
}

// mappedIn returns what another process has mapped of that.
func (t *fileTable) mappedIn(pid int) (objects []sharedObject) {
	if !slices.ContainsFunc(t.inodes, t.isAtNoPath) {
		return nil
	}
	maps, err := proc.Maps(pid)
	if err != nil {
		return nil
	}
	for i := range maps {
		if m := &maps[i]; m.Shared && m.File() {
			objects = append(objects, t.atNoPath(inode{m.Dev, m.Ino})...)
		}
	}
	return objects
}

// atNoPath names an inode, if it is one that goes into the image.
func (t *fileTable) atNoPath(key inode) []sharedObject {
	i, ok := t.byKey[key]
	if !ok || !t.isAtNoPath(t.inodes[i]) {
		return nil
	}
	f, fd := &t.files[i], t.inodes[i].fd
	what := fmt.Sprintf("the deleted file %s", f.Path)
	switch {
	case f.Anon:
		what = "shared memory"
	case f.Memfd:
		what = fmt.Sprintf("the memfd %q", f.Path)
	}
	if fd < 0 {
		return []sharedObject{{object: t.c.object() + ", " + what}}
	}
	return []sharedObject{{object: fmt.Sprintf("fd %d, %s", fd, what)}}
}
