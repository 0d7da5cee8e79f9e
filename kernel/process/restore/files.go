// This file opens again what the program had open, and puts it at its numbers
// in the stub. What kinds there are, and how each is made, is in the files
// named after them.

package restore

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"

	"snappipe/kernel"
	"snappipe/kernel/process/sys"
	"snappipe/kernel/process/world"
)

// openFile is an open file description of the image, made again here.
type openFile struct {
	fd      int  // ours; -1 if nothing in the process refers to it
	lent    bool // shared with others here: not to be closed, nor changed
	follows bool // one of our descriptors 0 to 2
}

func (f *openFile) close() {
	if f.fd >= 0 && !f.lent {
		unix.Close(f.fd)
	}
	f.fd = -1
}

// settable are the flags that F_SETFL changes; those of open(2) besides are
// given when opening.
const settable = unix.O_APPEND | unix.O_NONBLOCK | unix.O_DIRECT | unix.O_NOATIME

// openable are the flags of F_GETFL that open(2) takes again.
const openable = unix.O_ACCMODE | unix.O_APPEND | unix.O_DIRECT | unix.O_NOATIME | unix.O_SYNC | unix.O_DSYNC | unix.O_PATH |
	unix.O_NOFOLLOW | unix.O_DIRECTORY

// restoreFiles makes every description, and then has the stub receive each
// and duplicate it to its numbers.
func (p *process) restoreFiles() error {
	p.files = make([]openFile, len(p.img.Open))
	for i := range p.files {
		p.files[i].fd = -1
	}
	if err := p.followStandard(); err != nil {
		return err
	}
	if err := p.openPipes(); err != nil {
		return err
	}
	if err := p.openSockets(); err != nil {
		return err
	}
	for i := range p.img.Open {
		if p.files[i].fd >= 0 {
			continue
		}
		fd, err := p.open(&p.img.Open[i])
		if err != nil {
			return err
		}
		p.files[i].fd = fd
	}
	for i := range p.img.Open {
		if err := p.settle(i); err != nil {
			return err
		}
	}
	if err := p.seal(); err != nil {
		return err
	}
	p.findScreen()
	return p.place()
}

// name is how an open file is spoken of: by its first number and its path.
func (p *process) name(o *world.OpenFile) string {
	what := string(o.Kind)
	switch {
	case o.Lost != nil:
		what = o.Lost.What
	case o.Socket != nil && o.Socket.Family == unix.AF_UNIX && world.IsBound(o.Socket.Local):
		what = "a unix socket at " + world.AddressText(o.Socket.Local)
	case o.Socket != nil && o.Socket.Family == unix.AF_UNIX:
		what = "a unix socket"
	case o.Socket != nil && world.IsBound(o.Socket.Local):
		what = "a socket at " + world.AddressText(o.Socket.Local)
	case o.File != world.NoIndex:
		what = string(p.img.Files[o.File].Path)
	}
	for _, f := range p.table.FDs {
		if &p.img.Open[f.Open] == o {
			return fmt.Sprintf("fd %d, %s", f.FD, what)
		}
	}
	return what
}

// open makes one that stands for itself.
func (p *process) open(o *world.OpenFile) (int, error) {
	switch o.Kind {
	case world.KindFile:
		return p.openRegular(o)
	case world.KindDir, world.KindPath, world.KindDevice:
		return p.openNamed(o)
	case world.KindTerminal:
		return p.openTerminal(o)
	case world.KindEventFD:
		return openEventFD(o.EventFD)
	case world.KindTimerFD:
		return p.openTimerFD(o.TimerFD)
	case world.KindSignalFD:
		return openSignalFD(o.SignalFD)
	case world.KindEpoll:
		return unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	case world.KindInotify:
		return p.openInotify(o)
	case world.KindLost:
		return openLost(o)
	}
	return -1, kernel.Refuse(p.name(o), "", "an open file of kind %q cannot be made again", o.Kind)
}

// openRegular opens a regular file: by its path, or the copy of a deleted one
// that came in the image.
func (p *process) openRegular(o *world.OpenFile) (int, error) {
	f := &p.img.Files[o.File]
	var file *os.File
	var err error
	if f.Content != world.NoIndex {
		c := p.contents[f.Content]
		if err := p.ownAs(int(c.Fd()), string(f.Path), f.UID, f.GID, f.Mode); err != nil {
			return -1, err
		}
		if err := setModified(c, f.Mtime); err != nil {
			return -1, fmt.Errorf("%s: setting its time: %w", p.name(o), err)
		}
		file, err = reopen(c, o.Flags&openable&^(unix.O_NOFOLLOW|unix.O_DIRECTORY)) // bits of O_TMPFILE
	} else {
		file, err = p.openPath(f, o.Flags&openable)
	}
	if err != nil {
		return -1, gone(p.name(o), err)
	}
	defer file.Close()
	st, err := file.Stat()
	if err != nil {
		return -1, err
	}
	if st.Size() < f.Size {
		return -1, kernel.Refuse(p.name(o), "put the file back as it was",
			"it had %d bytes, and now has only %d", f.Size, st.Size())
	}
	if f.WriteHint != 0 {
		if err := p.tolerate(fmt.Sprintf("F_SET_RW_HINT of %s", f.Path), sys.SetWriteHint(int(file.Fd()), f.WriteHint)); err != nil {
			return -1, fmt.Errorf("%s: setting its hint: %w", p.name(o), err)
		}
	}
	return takeDescriptor(file, o.Pos)
}

// ownAs gives what was made anew the owner and mode that it had. Programs open
// what they have open again, as /dev/stdin and /proc/self/fd, and of a socket it
// is whose traffic that is.
func (p *process) ownAs(fd int, what string, uid, gid, mode uint32) error {
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return err
	}
	if uid != st.Uid || gid != st.Gid {
		if err := p.tolerate("owner of "+what, unix.Fchown(fd, int(uid), int(gid))); err != nil {
			return err
		}
	}
	if mode &= 0o7777; mode == st.Mode&0o7777 {
		return nil
	}
	return unix.Fchmod(fd, mode)
}

// setModified sets when a file was last written to.
func setModified(f *os.File, at int64) error {
	times := []unix.Timespec{{Nsec: unix.UTIME_OMIT}, unix.NsecToTimespec(at)}
	return unix.UtimesNanoAt(unix.AT_FDCWD, fmt.Sprintf("/proc/self/fd/%d", f.Fd()), times, 0)
}

// takeDescriptor is a descriptor of file at the given offset, which outlives
// it.
func takeDescriptor(file *os.File, pos int64) (int, error) {
	fd, err := unix.FcntlInt(file.Fd(), unix.F_DUPFD_CLOEXEC, 3)
	if err != nil {
		return -1, fmt.Errorf("%s: %w", file.Name(), err)
	}
	if pos == 0 {
		return fd, nil
	}
	if _, err := unix.Seek(fd, pos, unix.SEEK_SET); ignore(err, unix.ESPIPE, unix.EBADF) != nil {
		unix.Close(fd)
		return -1, fmt.Errorf("%s: seeking to %d: %w", file.Name(), pos, err)
	}
	return fd, nil
}

// openNamed opens a directory, a device, or only the path.
func (p *process) openNamed(o *world.OpenFile) (int, error) {
	file, err := p.openPath(&p.img.Files[o.File], o.Flags&openable)
	if err != nil {
		return -1, gone(p.name(o), err)
	}
	defer file.Close()
	return takeDescriptor(file, o.Pos)
}

// settle gives a description its flags, owner and locks, as far as they are
// not those of the process.
func (p *process) settle(i int) error {
	o, f := &p.img.Open[i], &p.files[i]
	if f.lent || o.Flags&unix.O_PATH != 0 {
		return nil
	}
	if err := p.setOwner(f.fd, o.Owner); err != nil {
		return fmt.Errorf("%s: %w", p.name(o), err)
	}
	if _, err := unix.FcntlInt(uintptr(f.fd), unix.F_SETFL, o.Flags&settable); err != nil {
		return fmt.Errorf("%s: setting its flags to %#o: %w", p.name(o), o.Flags, err)
	}
	return p.lock(o, f.fd)
}

// place has the stub receive the descriptions one by one. Each comes at the
// lowest free number, which may be one that a later one is to have; so it is
// moved on before the next comes.
func (p *process) place() error {
	numbers := make([][]world.FD, len(p.img.Open))
	taken := map[int]bool{}
	for _, f := range p.table.FDs {
		numbers[f.Open] = append(numbers[f.Open], f)
		taken[f.FD] = true
	}
	free := 0
	for taken[free] {
		free++
	}
	if err := p.stub.closeAll(free); err != nil {
		return err
	}
	for i, all := range numbers {
		if len(all) == 0 {
			continue
		}
		if err := p.stub.placeOne(p.files[i].fd, all); err != nil {
			return fmt.Errorf("%s: %w", p.name(&p.img.Open[i]), err)
		}
	}
	if _, err := p.stub.call("close", unix.SYS_CLOSE, uint64(p.stub.channel.theirs)); err != nil {
		return err
	}
	return p.setAsync(numbers)
}

func (s *stub) placeOne(fd int, numbers []world.FD) error {
	n, err := s.hand(fd)
	if err != nil {
		return err
	}
	stays := false
	for _, to := range numbers {
		flags := uint64(0)
		if to.CloseOnExec {
			flags = unix.O_CLOEXEC
		}
		if to.FD == n {
			stays = true
			if !to.CloseOnExec { // as which it came
				if _, err := s.call("fcntl", unix.SYS_FCNTL, uint64(n), unix.F_SETFD, 0); err != nil {
					return err
				}
			}
			continue
		}
		if _, err := s.call(fmt.Sprintf("dup3 to %d", to.FD), unix.SYS_DUP3, uint64(n), uint64(to.FD), flags); err != nil {
			return err
		}
	}
	if stays {
		return nil
	}
	_, err = s.call("close", unix.SYS_CLOSE, uint64(n))
	return err
}
