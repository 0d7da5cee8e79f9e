// What is open: file descriptors, the open file descriptions behind them, and
// the inodes behind those and behind mappings.

package capture

import (
	"fmt"
	"strconv"
	"strings"

	"snappipe/kernel/process/image"
	"snappipe/kernel/process/proc"

	"golang.org/x/sys/unix"
)

// fileTable is what a process has open. It is collected twice: once before the
// program is stopped, to refuse what can't be kept, and once while it is
// stopped, then with what pipes and sockets hold.
type fileTable struct {
	c     *capture
	dry   bool // the first time
	pidfd int

	files  []image.File
	inodes []inodeInfo // of files, by the same index
	byKey  map[inode]int

	open []image.OpenFile
	fds  []image.FD
	// first is a descriptor of each of open.
	first []int
	// epolls are the watches of each epoll set, by index in open.
	epolls map[int][]proc.EpollWatch
	// blobs are what pipes and sockets hold. Until addContents, they are what
	// Pipe.Content and Socket.Queue are indices of.
	blobs   [][]byte
	watched map[inode]string // paths of inodes that inotify watches
	groups  []group          // multicast groups, once they were looked for
	// connected are the unix sockets, by inode, that are connected to another.
	connected map[uint64]bool
}

func newFileTable(c *capture) *fileTable {
	return &fileTable{c: c, pidfd: -1, byKey: map[inode]int{}, epolls: map[int][]proc.EpollWatch{}, watched: map[inode]string{}, connected: map[uint64]bool{}}
}

// openFile is one descriptor as it is found.
type openFile struct {
	fd      int
	link    string
	deleted bool
	info    proc.FDInfo
}

// object names it in a refusal.
func (o *openFile) object(what string) string { return fmt.Sprintf("fd %d, %s", o.fd, what) }

func (t *fileTable) collect() (err error) {
	if t.pidfd, err = unix.PidfdOpen(t.c.pid, 0); err != nil {
		return fmt.Errorf("%s: %w", t.c.object(), err)
	}
	defer unix.Close(t.pidfd)
	fds, err := proc.FDs(t.c.pid)
	if err != nil {
		return fmt.Errorf("%s: %w", t.c.object(), err)
	}
	candidates := map[string][]int{}
	for _, fd := range fds {
		o := openFile{fd: fd}
		if o.link, o.deleted, err = proc.Link(t.c.pid, "fd/"+strconv.Itoa(fd)); err != nil {
			if t.dry && isNotExist(err) {
				continue // closed since it was listed
			}
			return err
		}
		if o.info, err = proc.ReadFDInfo(t.c.pid, fd); err != nil {
			if t.dry && isNotExist(err) {
				continue
			}
			return err
		}
		if t.chosen(fd) {
			t.refer(&o, t.drop(&o))
			continue
		}
		// Those that share a description agree in all of these.
		key := fmt.Sprint(o.link, o.info.Flags&^unix.O_CLOEXEC, o.info.Pos)
		i, err := t.description(&o, candidates[key])
		if err != nil {
			return err
		}
		if i == len(t.open)-1 && t.first[i] == fd {
			candidates[key] = append(candidates[key], i)
		}
		t.refer(&o, i)
	}
	if err := t.checkDropped(); err != nil {
		return err
	}
	return t.relate()
}

// refer makes o a descriptor of an open file description.
func (t *fileTable) refer(o *openFile, i int) {
	t.fds = append(t.fds, image.FD{FD: o.fd, Open: i, CloseOnExec: o.info.Flags&unix.O_CLOEXEC != 0})
}

// description returns the index of the open file description of o, which may
// be one of those that look like it.
func (t *fileTable) description(o *openFile, alike []int) (int, error) {
	for _, i := range alike {
		const kcmpFile = 0
		r, err := t.c.kcmp(kcmpFile, uintptr(t.first[i]), uintptr(o.fd))
		if err == nil && r == 0 {
			return i, nil
		}
	}
	d := image.OpenFile{
		Flags: o.info.Flags &^ unix.O_CLOEXEC, Pos: o.info.Pos,
		File: image.NoIndex, Inherit: image.NoIndex, Locks: locks(o.info.Locks),
	}
	if o.fd <= 2 {
		d.Inherit = o.fd
	}
	if err := t.describe(o, &d); err != nil {
		return 0, err
	}
	if d.Flags&unix.O_ASYNC != 0 {
		if err := t.owner(o, &d); err != nil {
			return 0, err
		}
	}
	return t.add(o, d), nil
}

// add adds an open file description that o is the first descriptor of.
func (t *fileTable) add(o *openFile, d image.OpenFile) int {
	t.open = append(t.open, d)
	t.first = append(t.first, o.fd)
	return len(t.open) - 1
}

func locks(all []proc.Lock) []image.Lock {
	var out []image.Lock
	for _, l := range all {
		out = append(out, image.Lock{Type: l.Type, Write: l.Write, Start: l.Start, End: l.End})
	}
	return out
}

// describe fills in what kind of file it is, and what belongs to that.
func (t *fileTable) describe(o *openFile, d *image.OpenFile) error {
	switch {
	case strings.HasPrefix(o.link, "socket:"):
		return t.socket(o, d)
	case strings.HasPrefix(o.link, "pipe:"):
		return t.pipe(o, d)
	case strings.HasPrefix(o.link, "/"):
		return t.named(o, d)
	}
	return t.anonymous(o, d)
}

// named describes a file that has a path, or had one.
func (t *fileTable) named(o *openFile, d *image.OpenFile) error {
	var st unix.Stat_t
	if err := unix.Stat(fmt.Sprintf("/proc/%d/fd/%d", t.c.pid, o.fd), &st); err != nil {
		return fmt.Errorf("%s: %w", o.object(o.link), err)
	}
	d.File = t.file(o.link, o.deleted, &st)
	if in := &t.inodes[d.File]; in.fd < 0 {
		in.fd = o.fd
	}
	if err := t.seals(o, &t.files[d.File]); err != nil {
		return err
	}
	if d.Flags&unix.O_PATH != 0 {
		d.Kind = image.KindPath
		if t.files[d.File].Deleted {
			return t.lose(o, d, "an O_PATH reference to the deleted "+o.link, "it could not be found again")
		}
		return nil
	}
	switch st.Mode & unix.S_IFMT {
	case unix.S_IFREG:
		return t.regular(o, d)
	case unix.S_IFDIR:
		d.Kind = image.KindDir
		if t.files[d.File].Deleted {
			return t.lose(o, d, "the directory "+o.link, "it has been deleted")
		}
	case unix.S_IFIFO:
		return t.pipe(o, d)
	case unix.S_IFCHR:
		return t.device(o, d, st.Rdev)
	default:
		return t.lose(o, d, o.link, "it is a device whose state is not in the program")
	}
	return nil
}

// regular describes what stat(2) calls a regular file, which some filesystems
// have for other things.
func (t *fileTable) regular(o *openFile, d *image.OpenFile) error {
	d.Kind = image.KindFile
	var fs unix.Statfs_t
	if err := unix.Statfs(fmt.Sprintf("/proc/%d/fd/%d", t.c.pid, o.fd), &fs); err != nil {
		return fmt.Errorf("%s: %w", o.object(o.link), err)
	}
	const mqueue = 0x19800202 // MQUEUE_MAGIC, ipc/mqueue.c
	f, in := &t.files[d.File], &t.inodes[d.File]
	switch {
	case fs.Type == unix.PROC_SUPER_MAGIC && ofProcess(o.link):
		return t.lose(o, d, o.link, "it is a file of /proc about a process, which will not be there again")
	case fs.Type == mqueue:
		in.fd = -1
		return t.lose(o, d, "the message queue "+o.link, "what it holds is not in the program")
	case f.Deleted && !f.Memfd && f.Size > deletedLimit:
		in.fd = -1
		return t.lose(o, d, "the deleted file "+o.link,
			fmt.Sprintf("it holds %d bytes, more than the %d that are kept of a deleted file", f.Size, int64(deletedLimit)))
	}
	return nil
}

// ofProcess tells /proc/123/stat from /proc/stat, which is of the system, and
// is opened again like any other file.
func ofProcess(path string) bool {
	rest, ok := strings.CutPrefix(path, "/proc/")
	return ok && rest != "" && rest[0] >= '0' && rest[0] <= '9'
}

// borrow gets a descriptor for what the process has open.
func (t *fileTable) borrow(o *openFile) (int, error) {
	fd, err := unix.PidfdGetfd(t.pidfd, o.fd, 0)
	if err != nil {
		return -1, fmt.Errorf("getting hold of %s: %w", o.object(o.link), err)
	}
	return fd, nil
}

// owner is who gets SIGIO.
func (t *fileTable) owner(o *openFile, d *image.OpenFile) error {
	fd, err := t.borrow(o)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	d.Owner, err = fileOwner(fd)
	return err
}

// addContents moves what pipes and sockets hold to the contents of the image,
// and finds the build IDs of what is mapped.
func (t *fileTable) addContents(c *capture) error {
	base := len(c.img.Contents)
	for _, b := range t.blobs {
		at, err := c.store.Add(b)
		if err != nil {
			return err
		}
		c.img.Contents = append(c.img.Contents, image.Content{Size: int64(len(b))})
		c.contents = append(c.contents, content{[]piece{{0, uint64(len(b)), true, at}}})
	}
	for i := range t.open {
		if p := t.open[i].Pipe; p != nil && p.Content != image.NoIndex {
			p.Content += base
		}
		if s := t.open[i].Socket; s != nil {
			for j := range s.Queue {
				if m := &s.Queue[j]; m.Content != image.NoIndex {
					m.Content += base
				}
			}
		}
	}
	return nil
}
