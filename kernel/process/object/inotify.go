// inotify(7): the kernel tells which inodes are watched, but not by which path they were
// named. Sets are made with the watches that they had, under the same watch
// descriptors.

package object

import (
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"snappipe/kernel/process/proc"
	"snappipe/kernel/process/sys"
	"snappipe/kernel/process/world"
)

func (t *Taker) inotify(o *Found, d *world.OpenFile) error {
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
	device := fmt.Sprintf("%d:%d", w.Dev>>20, w.Dev&0xfffff)
	for _, m := range mounts {
		if m.Device != device {
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

// maxWatches bounds how far the numbers of watches go: they come in order, from 1
// in a new set (fs/notify/inotify/inotify_user.c).
const maxWatches = 1 << 20

// unused is how many numbers beyond the last are not given out again. The kernel
// does not tell which was the last that it gave out: the program may remember
// some, of watches that it had after those that it has.
const unused = 256

// In the image: `Inotify`, an array: `WD` `Mask` `File` (index of `Files`).
var inotifies = &kind{
	name: world.KindInotify, check: checkInotify, plan: planInotify, shared: "an inotify set",
	shown: "inotify", take: (*Taker).inotify,
	make: (*Maker).makeInotify, settle: (*Maker).addInotify,
	rouse: (*Maker).rouseInotify, begin: (*Maker).beginInotify,
}

func checkInotify(w *world.World, o *world.OpenFile) error {
	for _, watch := range o.Inotify {
		if watch.File < 0 || watch.File >= len(w.Files) {
			return fmt.Errorf("watches file %d, which is not there", watch.File)
		}
	}
	return nil
}

func planInotify(p *planner, o *world.OpenFile) {
	p.Say("make", "inotify", "")
	for _, w := range o.Inotify {
		p.Say("watch", string(p.world.Files[w.File].Path), fmt.Sprintf("events %#x", w.Mask))
	}
}

func (m *Maker) makeInotify(int) (int, error) {
	fd, err := unix.InotifyInit1(unix.IN_CLOEXEC)
	if err != nil {
		return -1, fmt.Errorf("inotify_init: %w", err)
	}
	return fd, nil
}

// beginInotify leaves nothing of what has happened to files until here.
func (m *Maker) beginInotify(i int) error { return drain(m.made[i].fd) }

// addInotify adds the watches, when all is done to files that they would tell of.
func (m *Maker) addInotify(i int) error {
	o, fd := &m.world.Open[i], m.made[i].fd
	c, err := newCounter(fd)
	if err != nil {
		return err
	}
	defer c.close()
	watches := slices.SortedFunc(slices.Values(o.Inotify), func(a, b world.Inotify) int { return a.WD - b.WD })
	for _, w := range watches {
		if w.WD > maxWatches {
			return fmt.Errorf("%w: watch descriptor %d", world.ErrDamaged, w.WD)
		}
		if err := c.skipTo(w.WD); err != nil {
			return err
		}
		f := &m.world.Files[w.File]
		path, err := m.Where(f)
		if err == nil {
			err = c.watch(path, w)
		}
		if err != nil {
			return Gone(fmt.Sprintf("%s, which watches %s", m.name(i), f.Path), err)
		}
	}
	return c.skipTo(c.next + unused)
}

// rouseInotify has an inotify set tell that a watch of it has ended, of a file
// that is nobody else's. A watch descriptor is used up by that.
func (*Maker) rouseInotify(w watched) (calm func() error, err error) {
	file, err := memfd("")
	if err != nil {
		return nil, err
	}
	defer unix.Close(file)
	wd, err := unix.InotifyAddWatch(w.here, fmt.Sprintf("/proc/self/fd/%d", file), unix.IN_MODIFY)
	if err == nil {
		_, err = unix.InotifyRmWatch(w.here, uint32(wd))
	}
	return func() error { return drain(w.here) }, err
}

// counter is a set that is being filled, and the number of its next watch.
// Numbers are used up by watches of an inode of its own. Another set watches that
// all the time: to make it known to the kernel anew each time takes a thousand
// times as long.
type counter struct {
	fd, next   int
	inode, pin int
}

func newCounter(fd int) (*counter, error) {
	inode, err := memfd("")
	if err != nil {
		return nil, err
	}
	c := &counter{fd: fd, next: 1, inode: inode, pin: -1}
	if c.pin, err = unix.InotifyInit1(unix.IN_CLOEXEC); err == nil {
		_, err = unix.InotifyAddWatch(c.pin, c.path(), unix.IN_ATTRIB)
	}
	if err != nil {
		c.close()
		return nil, fmt.Errorf("inotify: %w", err)
	}
	return c, nil
}

func (c *counter) close() {
	unix.Close(c.inode)
	if c.pin >= 0 {
		unix.Close(c.pin)
	}
}

func (c *counter) path() string { return fmt.Sprintf("/proc/self/fd/%d", c.inode) }

// skipTo uses up numbers, so that the next watch has the one given.
func (c *counter) skipTo(wd int) error {
	const often = 1000 // events that may wait
	for c.next < wd {
		if err := c.add(c.path(), unix.IN_ATTRIB); err != nil {
			return err
		}
		if _, err := unix.InotifyRmWatch(c.fd, uint32(c.next-1)); err != nil {
			return fmt.Errorf("removing an inotify watch: %w", err)
		}
		if c.next%often == 0 {
			if err := drain(c.fd); err != nil {
				return err
			}
		}
	}
	return nil
}

// watch adds one of the program's watches.
func (c *counter) watch(path string, w world.Inotify) error {
	fd, _, err := sys.OpenInode(path)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	if c.next != w.WD {
		return fmt.Errorf("it would get watch descriptor %d in place of %d", c.next, w.WD)
	}
	// The inode itself, of which it is known that it is the right one.
	return c.add(fmt.Sprintf("/proc/self/fd/%d", fd), w.Mask)
}

func (c *counter) add(path string, mask uint32) error {
	wd, err := unix.InotifyAddWatch(c.fd, path, mask)
	if err == nil && wd != c.next {
		err = fmt.Errorf("it got watch descriptor %d in place of %d", wd, c.next)
	}
	if err != nil {
		return err
	}
	c.next++
	return nil
}

// drain reads the events that adding and removing watches made.
func drain(fd int) error {
	var b [64 << 10]byte
	for {
		waiting, err := unix.IoctlGetInt(fd, unix.TIOCINQ)
		if err == nil && waiting > 0 { // or else a blocking one would wait
			_, err = unix.Read(fd, b[:])
		}
		switch {
		case err == nil && waiting == 0:
			return nil
		case err != nil && !errors.Is(err, unix.EINTR):
			return fmt.Errorf("reading inotify events: %w", err)
		}
	}
}
