// What is open: file descriptors, the open file descriptions behind them, and
// the inodes behind those and behind mappings.

package capture

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"snappipe/kernel/process/proc"
	"snappipe/kernel/process/world"

	"golang.org/x/sys/unix"
)

// fileTable is what a process has open. It is collected twice: once before the
// program is stopped, to refuse what can't be kept, and once while it is
// stopped, then with what pipes and sockets hold.
type fileTable struct {
	c     *capture
	dry   bool // the first time
	dir   *proc.FDs
	pidfd int

	locked func() lockedInodes
	// found are the descriptors; plain those of them that begin left alone.
	found, plain []*openFile
	sharing      sharing

	files  []world.File
	inodes []inodeInfo // of files, by the same index
	byKey  map[inode]int

	open  []world.OpenFile
	fds   []world.FD
	first []int // a descriptor of each of open
	// By descriptor: the index in open, and the inode as in proc.FDInfo.
	opened map[int]int
	inode  map[int]uint64
	// epolls are the watches of each epoll set, by index in open.
	epolls map[int][]proc.EpollWatch
	// blobs are what pipes and sockets hold. Until addContents, they are what
	// Pipe.Content and Socket.Queue are indices of.
	blobs       [][]byte
	groups      []group       // multicast groups, once they were looked for
	filesystems map[int]int64 // kinds of them, by mount
	// connected are the unix sockets, by inode, that are connected to another.
	connected map[uint64]bool
}

// newFileTable makes an empty one. What an earlier one has found serves it.
func newFileTable(c *capture, earlier *fileTable) *fileTable {
	t := &fileTable{
		c: c, pidfd: -1, byKey: map[inode]int{}, opened: map[int]int{}, inode: map[int]uint64{}, epolls: map[int][]proc.EpollWatch{},
		filesystems: map[int]int64{}, connected: map[uint64]bool{},
	}
	var ranks map[int]int
	if earlier != nil {
		t.filesystems = earlier.filesystems
		ranks = earlier.sharing.ranks()
	}
	t.sharing = newSharing(t.compareFiles, ranks)
	return t
}

// openFile is one descriptor as it is found.
type openFile struct {
	fd      int
	link    string
	deleted bool
	info    proc.FDInfo
	st      unix.Stat_t // of what has a path, and of pipes

	glanced bool // it was looked at before, and its owner now
	owned   bool // it has an owner, or a signal
	hint    uint64
}

// object names it in a refusal.
func (o *openFile) object(what string) string { return fmt.Sprintf("fd %d, %s", o.fd, what) }

// collect does all there is to do while the program runs.
func (t *fileTable) collect() error {
	err := t.begin(nil)
	if err == nil {
		err = t.finish(nil)
	}
	return errors.Join(err, t.close())
}

// begin finds out what is open. Of the plain files that an earlier look has
// found, what there is to know is left to finish.
func (t *fileTable) begin(earlier []*openFile) (err error) {
	if t.pidfd, err = unix.PidfdOpen(t.c.pid, 0); err != nil {
		return fmt.Errorf("%s: %w", t.c.object(), err)
	}
	if t.dir, err = proc.OpenFDs(t.c.pid); err != nil {
		return fmt.Errorf("%s: %w", t.c.object(), err)
	}
	fds, err := t.list(earlier)
	if err != nil {
		return fmt.Errorf("%s: %w", t.c.object(), err)
	}
	known := make(map[int]*openFile, len(earlier))
	for _, o := range earlier {
		known[o.fd] = o
	}
	var all []*openFile
	for _, fd := range fds {
		was := known[fd]
		if was != nil && was.isPlain() {
			t.plain = append(t.plain, was)
			continue
		}
		if all, err = t.look(all, fd, was); err != nil {
			return err
		}
	}
	return t.take(all)
}

// finish is for when the twin was asked about plain files.
func (t *fileTable) finish(glances map[int]glance) error {
	var locked lockedInodes
	if t.locked != nil {
		locked = t.locked()
	}
	var all []*openFile
	for _, was := range t.plain {
		var err error
		if now, same := was.again(glances); !same {
			all, err = t.look(all, was.fd, was)
		} else {
			all, err = append(all, now), t.readLocks(now, locked)
		}
		if err != nil {
			return err
		}
	}
	if err := t.take(all); err != nil {
		return err
	}
	if err := t.checkDropped(); err != nil {
		return err
	}
	slices.SortFunc(t.fds, func(a, b world.FD) int { return cmp.Compare(a.FD, b.FD) })
	return t.relate()
}

// close gives up what was opened for looking.
func (t *fileTable) close() error {
	if t.dir != nil {
		t.dir.Close()
	}
	if t.pidfd < 0 {
		return nil
	}
	return unix.Close(t.pidfd)
}

// errOthers says that other descriptors are open than there were.
var errOthers = errors.New("other descriptors are open by now")

// list returns the descriptors. If there are as many as there were, they are taken
// for the same, which it shows if they are not. To be told all of them takes
// longer.
func (t *fileTable) list(earlier []*openFile) ([]int, error) {
	if len(earlier) == 0 || t.dir.Count() != len(earlier) {
		return t.dir.List()
	}
	fds := make([]int, len(earlier))
	for i, o := range earlier {
		fds[i] = o.fd
	}
	return fds, nil
}

// look appends one descriptor, unless it was closed since it was listed.
func (t *fileTable) look(all []*openFile, fd int, was *openFile) ([]*openFile, error) {
	o := &openFile{fd: fd}
	err := t.read(o, was)
	switch {
	case isNotExist(err) && t.dry:
		return all, nil
	case isNotExist(err):
		return all, errOthers
	case err != nil:
		return all, err
	}
	t.found = append(t.found, o)
	return append(all, o), nil
}

func (t *fileTable) read(o, was *openFile) (err error) {
	if o.info, err = t.dir.Info(o.fd); err != nil {
		return err
	}
	if was != nil && was.isStill(&o.info) {
		o.link = was.link
	} else if o.link, o.deleted, err = t.dir.Link(o.fd); err != nil {
		return err
	}
	if o.hasPath() || o.isPlain() {
		err = t.dir.Stat(o.fd, &o.st)
	}
	return err
}

// isStill reports whether a descriptor must lead to the same file as before, one
// that has no path: no other has its number.
func (o *openFile) isStill(now *proc.FDInfo) bool {
	was := &o.info
	numbered := was.EventID != 0 || strings.HasPrefix(o.link, "socket:") || strings.HasPrefix(o.link, "pipe:")
	return numbered && was.Ino != 0 && was.Ino == now.Ino && was.Mount == now.Mount && was.EventID == now.EventID
}

// take adds descriptors, and what they lead to.
func (t *fileTable) take(all []*openFile) error {
	var kept []*openFile
	for _, o := range all {
		if t.chosen(o.fd) {
			t.refer(o, t.drop(o))
			continue
		}
		kept = append(kept, o)
	}
	same, err := t.sharing.add(kept)
	if err != nil {
		return err
	}
	for _, o := range kept {
		i, ok := t.opened[same[o.fd]]
		if !ok {
			if i, err = t.description(o); err != nil {
				return err
			}
		}
		t.refer(o, i)
	}
	return nil
}

// refer makes o a descriptor of an open file description.
func (t *fileTable) refer(o *openFile, i int) {
	t.opened[o.fd], t.inode[o.fd] = i, o.info.Ino
	t.fds = append(t.fds, world.FD{FD: o.fd, Open: i, CloseOnExec: o.info.Flags&unix.O_CLOEXEC != 0})
}

// description adds the open file description of o.
func (t *fileTable) description(o *openFile) (int, error) {
	d := world.OpenFile{
		Flags: o.info.Flags &^ unix.O_CLOEXEC, Pos: o.info.Pos,
		File: world.NoIndex, Locks: locks(o.info.Locks),
	}
	if err := t.describe(o, &d); err != nil {
		return 0, err
	}
	return t.add(o, d), nil
}

// add adds an open file description that o is the first descriptor of.
func (t *fileTable) add(o *openFile, d world.OpenFile) int {
	t.open = append(t.open, d)
	t.first = append(t.first, o.fd)
	return len(t.open) - 1
}

func locks(all []proc.Lock) []world.Lock {
	var out []world.Lock
	for _, l := range all {
		out = append(out, world.Lock{Type: l.Type, Write: l.Write, Start: l.Start, End: l.End})
	}
	return out
}

// describe fills in what kind of file it is, and what belongs to that.
func (t *fileTable) describe(o *openFile, d *world.OpenFile) error {
	switch {
	case d.Flags&unix.O_PATH != 0 && !o.hasPath():
		return t.lose(o, d, "an O_PATH reference to "+o.link, "it has no path by which it could be found again")
	case strings.HasPrefix(o.link, "socket:"):
		return t.socket(o, d)
	case strings.HasPrefix(o.link, "pipe:"):
		return t.pipe(o, d)
	case strings.HasPrefix(o.link, "/"):
		return t.named(o, d)
	}
	return t.anonymous(o, d)
}

// borrow gets a descriptor for what the process has open.
func (t *fileTable) borrow(o *openFile) (int, error) {
	fd, err := unix.PidfdGetfd(t.pidfd, o.fd, 0)
	if err != nil {
		return -1, fmt.Errorf("getting hold of %s: %w", o.object(o.link), err)
	}
	return fd, nil
}

// addContents moves what pipes and sockets hold to the contents of the image.
func (t *fileTable) addContents(c *capture) error {
	base := len(c.img.Contents)
	for _, b := range t.blobs {
		at, err := c.store.Add(b)
		if err != nil {
			return err
		}
		c.img.Contents = append(c.img.Contents, world.Content{Size: int64(len(b))})
		c.contents = append(c.contents, content{[]piece{{0, uint64(len(b)), true, at}}})
	}
	for i := range t.open {
		if p := t.open[i].Pipe; p != nil && p.Content != world.NoIndex {
			p.Content += base
		}
		if s := t.open[i].Socket; s != nil {
			for j := range s.Queue {
				if m := &s.Queue[j]; m.Content != world.NoIndex {
					m.Content += base
				}
			}
		}
	}
	return nil
}
