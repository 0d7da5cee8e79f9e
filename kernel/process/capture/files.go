// What is open: file descriptors, the open file descriptions behind them, and
// the inodes behind those and behind mappings.

package capture

import (
	"bytes"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unsafe"

	"snappipe/kernel"
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
}

// inode is how the kernel tells files apart.
type inode struct{ dev, ino uint64 }

type inodeInfo struct {
	key    inode
	fd     int  // a descriptor to read it by, or -1
	shared bool // it is mapped shared
}

func newFileTable(c *capture) *fileTable {
	return &fileTable{c: c, pidfd: -1, byKey: map[inode]int{}, epolls: map[int][]proc.EpollWatch{}, watched: map[inode]string{}}
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
		// Those that share a description agree in all of these.
		key := fmt.Sprint(o.link, o.info.Flags&^unix.O_CLOEXEC, o.info.Pos)
		i, err := t.description(&o, candidates[key])
		if err != nil {
			return err
		}
		if i == len(t.open)-1 && t.first[i] == fd {
			candidates[key] = append(candidates[key], i)
		}
		t.fds = append(t.fds, image.FD{FD: fd, Open: i, CloseOnExec: o.info.Flags&unix.O_CLOEXEC != 0})
	}
	return t.relate()
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
	t.open = append(t.open, d)
	t.first = append(t.first, o.fd)
	return len(t.open) - 1, nil
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

// lose drops what can't be kept, if that is wanted, and refuses it otherwise.
func (t *fileTable) lose(o *openFile, d *image.OpenFile, what, reason string) error {
	if d.Inherit != image.NoIndex {
		return nil // it will be what snapresume has there
	}
	if !t.c.o.Force {
		return kernel.Refuse(o.object(what), "--force takes the program without it", "%s", reason)
	}
	if !t.dry {
		t.c.o.Report("dropped: " + o.object(what))
	}
	*d = image.OpenFile{Kind: image.KindLost, Lost: what, Flags: d.Flags, File: image.NoIndex, Inherit: image.NoIndex}
	return nil
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
	case fs.Type == unix.PROC_SUPER_MAGIC:
		return t.lose(o, d, o.link, "it is a file of /proc, which is about this boot and these processes")
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
func (t *fileTable) mapped(m *proc.Map) (int, error) {
	i, ok := t.byKey[inode{m.Dev, m.Ino}]
	if !ok {
		i = t.newMapped(m)
	}
	if m.Shared {
		t.inodes[i].shared = true
	}
	return i, nil
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

// device describes a character device: a terminal, or one that has no state.
func (t *fileTable) device(o *openFile, d *image.OpenFile, rdev uint64) error {
	major, minor := unix.Major(rdev), unix.Minor(rdev)
	const memory, tty, ptmx = 1, 5, 2 // Documentation/admin-guide/devices.txt
	if major == tty && minor == ptmx {
		return t.lose(o, d, "the master side of a pseudo-terminal", "the programs on the other side can't come along")
	}
	// null, zero, full, random, urandom, kmsg
	if major == memory && slices.Contains([]uint32{3, 5, 7, 8, 9, 11}, minor) {
		d.Kind = image.KindDevice
		return nil
	}
	ok, err := t.terminal(o, d, rdev)
	if ok || err != nil {
		return err
	}
	d.Kind = image.KindDevice
	return t.lose(o, d, "the device "+o.link, "its state is not in the program")
}

// borrow gets a descriptor for what the process has open.
func (t *fileTable) borrow(o *openFile) (int, error) {
	fd, err := unix.PidfdGetfd(t.pidfd, o.fd, 0)
	if err != nil {
		return -1, fmt.Errorf("getting hold of %s: %w", o.object(o.link), err)
	}
	return fd, nil
}

func (t *fileTable) terminal(o *openFile, d *image.OpenFile, rdev uint64) (bool, error) {
	fd, err := t.borrow(o)
	if err != nil {
		return false, err
	}
	defer unix.Close(fd)
	termios, err := unix.IoctlGetTermios(fd, unix.TCGETS2)
	if err != nil {
		return false, nil // ENOTTY: another kind of device
	}
	size, err := unix.IoctlGetWinsize(fd, unix.TIOCGWINSZ)
	if err != nil {
		size = &unix.Winsize{}
	}
	tty := uint64(t.c.before.stat.Field(7))
	const controlling = 5 << 8 // /dev/tty
	d.Kind = image.KindTerminal
	d.Terminal = &image.Terminal{
		Termios: termiosBytes(termios), Rows: size.Row, Cols: size.Col,
		Controlling: tty != 0 && (ttyNumber(rdev) == tty || ttyNumber(rdev) == controlling),
	}
	return true, nil
}

// termiosBytes is struct termios2, as which package unix lays it out.
func termiosBytes(t *unix.Termios) image.Bytes {
	return bytes.Clone(unsafe.Slice((*byte)(unsafe.Pointer(t)), unsafe.Sizeof(*t)))
}

// ttyNumber encodes a device as proc_pid_stat(5) does.
func ttyNumber(rdev uint64) uint64 {
	major, minor := uint64(unix.Major(rdev)), uint64(unix.Minor(rdev))
	return minor&0xff | major<<8 | minor&^0xff<<12
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
				s.Queue[j] += base
			}
		}
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
