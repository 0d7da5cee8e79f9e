// inotify(7): the kernel tells which inodes are watched, but not by which path
// they were named.

package object

import (
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"snappipe/kernel/process/proc"
	"snappipe/kernel/process/sys"
	"snappipe/kernel/process/world"

	"golang.org/x/sys/unix"
)

func (t *Taker) inotify(o *Found, d *world.OpenFile) error {
	d.Kind = world.KindInotify
	for _, w := range o.info.Inotify {
		p, ok := t.watched(w)
		if !ok {
			return t.lose(o, d, "an inotify set", fmt.Sprintf("no path is found for inode %d, which it watches; root finds all that have one", w.Ino))
		}
		file, err := t.atPlace(p)
		if err != nil {
			return fmt.Errorf("%s: %w", o.object("an inotify set"), err)
		}
		d.Inotify = append(d.Inotify, world.Inotify{WD: w.WD, Mask: w.Mask, File: file})
	}
	fd, err := t.borrow(o)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	if err := t.owner(fd, o, d); err != nil {
		return err
	}
	switch what, err := t.quiet(fd); {
	case err != nil:
		return fmt.Errorf("%s: %w", o.object("an inotify set"), err)
	case what&unix.POLLIN != 0:
		return t.forgo(o, d, "an inotify set with events that it has not read", "they can't be put back")
	}
	return nil
}

// atPlace returns the index of the file at a place.
func (t *Taker) atPlace(p place) (int, error) {
	var st unix.Stat_t
	if err := unix.Lstat(fmt.Sprintf("/proc/%d/root%s", t.root().PID, p.path), &st); err != nil {
		return world.NoIndex, fmt.Errorf("%s: %w", p.path, err)
	}
	return t.file(p, &st), nil
}

// isWatched knows the inode of a watch: by its number and device, which is shown
// as major and minor in 12 and 20 bits, or, where stat(2) shows another device,
// by its handle.
func isWatched(w proc.InotifyWatch) isInode {
	dev := unix.Mkdev(uint32(w.Dev>>20), uint32(w.Dev&0xfffff))
	handle := fmt.Sprintf("%d:%s", w.HandleType, w.Handle)
	return func(fd int, st *unix.Stat_t) bool {
		return st.Ino == w.Ino && (st.Dev == dev || w.Handle != "" && sys.Identify(fd).Handle == handle)
	}
}

// watched returns the place of what is watched.
func (t *Taker) watched(w proc.InotifyWatch) (place, bool) {
	key, is := inode{w.Dev, w.Ino}, isWatched(w)
	if path, ok := t.known.watched[key]; ok {
		if p, ok := t.prove(path, is); ok {
			return p, true
		}
	}
	if !t.o.Dry {
		return place{}, false // the search takes too long for a stopped program
	}
	p, ok := t.byHandle(w, is)
	if !ok {
		p, ok = t.byLikelihood(is)
	}
	if ok {
		t.known.watched[key] = p.path
	}
	return p, ok
}

// byHandle opens it by its handle, for which the privilege to read any
// directory is needed (open_by_handle_at(2)).
func (t *Taker) byHandle(w proc.InotifyWatch, is isInode) (place, bool) {
	raw, err := hex.DecodeString(w.Handle)
	if err != nil || len(raw) == 0 {
		return place{}, false
	}
	mounts, err := proc.Mounts(t.root().PID)
	if err != nil {
		return place{}, false
	}
	for _, m := range mounts {
		if m.Major != uint32(w.Dev>>20) || m.Minor != uint32(w.Dev&0xfffff) {
			continue
		}
		if p, ok := t.prove(openHandle(m.Point, unix.NewFileHandle(int32(w.HandleType), raw)), is); ok {
			return p, true
		}
	}
	return place{}, false
}

// openHandle returns a path of a handle. The mount is told by a working
// directory: opening it would be an event to whoever watches it.
func openHandle(mount string, h unix.FileHandle) string {
	if err := unix.Chdir(mount); err != nil {
		return ""
	}
	defer unix.Chdir("/")
	fd, err := unix.OpenByHandleAt(unix.AT_FDCWD, h, unix.O_PATH|unix.O_CLOEXEC)
	if err != nil {
		return ""
	}
	defer unix.Close(fd)
	path, err := os.Readlink("/proc/self/fd/" + strconv.Itoa(fd))
	if err != nil {
		return ""
	}
	return path
}

// byLikelihood looks at what the program has to do with: where it is, what it
// has open or mapped, the directories of all of that, and what they hold.
func (t *Taker) byLikelihood(is isInode) (place, bool) {
	likely := t.likely()
	for _, path := range likely {
		if p, ok := t.prove(path, is); ok {
			return p, true
		}
	}
	for _, dir := range likely {
		for _, path := range t.entries(dir) {
			if p, ok := t.prove(path, is); ok {
				return p, true
			}
		}
	}
	return place{}, false
}

func (t *Taker) likely() []string {
	var all []string
	seen := map[string]bool{}
	add := func(path string) {
		for ; strings.HasPrefix(path, "/") && !seen[path]; path = filepath.Dir(path) {
			seen[path] = true
			all = append(all, path)
		}
	}
	for _, k := range t.tasks {
		for _, link := range []string{"cwd", "exe"} {
			if path, _, err := proc.Link(k.PID, link); err == nil {
				add(path)
			}
		}
		for _, o := range k.found {
			add(o.link)
		}
		for _, path := range k.Paths {
			add(path)
		}
		args, _ := proc.Cmdline(k.PID)
		for _, a := range args {
			add(filepath.Clean(a))
		}
	}
	for _, dir := range []string{"/tmp", "/var/tmp", "/etc", os.Getenv("HOME")} {
		add(dir)
	}
	return all
}
