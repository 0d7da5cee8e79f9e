// This file opens again what has a path: files, directories, devices, and what is no
// more than a path (O_PATH).

package object

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"

	"snappipe/kernel"
	"snappipe/kernel/process/sys"
	"snappipe/kernel/process/world"
)

var (
	regulars    = &kind{name: world.KindFile, check: hasFile, ends: always, make: (*Maker).openRegular}
	directories = &kind{name: world.KindDir, check: hasFile, ends: always, make: (*Maker).openNamed}
	paths       = &kind{name: world.KindPath, check: hasFile, ends: always, make: (*Maker).openNamed}
	devices     = &kind{name: world.KindDevice, check: hasFile, ends: always, make: (*Maker).openNamed}
)

func always(*Maker, *world.OpenFile) bool { return true }

// settable are the flags that F_SETFL changes; those of open(2) besides are
// given when opening.
const settable = unix.O_APPEND | unix.O_NONBLOCK | unix.O_DIRECT | unix.O_NOATIME

// openable are the flags of F_GETFL that open(2) takes again.
const openable = unix.O_ACCMODE | unix.O_APPEND | unix.O_DIRECT | unix.O_NOATIME | unix.O_SYNC | unix.O_DSYNC | unix.O_PATH |
	unix.O_NOFOLLOW | unix.O_DIRECTORY

// openRegular opens a regular file: by its path, or the copy of a deleted one
// that came in the image.
func (m *Maker) openRegular(i int) (int, error) {
	o := &m.world.Open[i]
	f := &m.world.Files[o.File]
	var file *os.File
	var err error
	if f.Content != world.NoIndex {
		c := m.contents[f.Content]
		if err := m.ownAs(int(c.Fd()), string(f.Path), f.UID, f.GID, f.Mode); err != nil {
			return -1, err
		}
		if err := setModified(c, f.Mtime); err != nil {
			return -1, fmt.Errorf("setting its time: %w", err)
		}
		file, err = Reopen(c, o.Flags&openable&^(unix.O_NOFOLLOW|unix.O_DIRECTORY)) // bits of O_TMPFILE
	} else {
		file, err = m.OpenPath(f, o.Flags&openable)
	}
	if err != nil {
		return -1, Gone(m.name(i), err)
	}
	defer file.Close()
	st, err := file.Stat()
	if err != nil {
		return -1, err
	}
	if st.Size() < f.Size {
		return -1, kernel.Refuse(m.name(i), "put the file back as it was",
			"it had %d bytes, and now has only %d", f.Size, st.Size())
	}
	if f.WriteHint != 0 {
		if err := m.Tolerate(fmt.Sprintf("F_SET_RW_HINT of %s", f.Path), sys.SetWriteHint(int(file.Fd()), f.WriteHint)); err != nil {
			return -1, fmt.Errorf("setting its hint: %w", err)
		}
	}
	return takeDescriptor(file, o.Pos)
}

// ownAs gives what was made anew the owner and mode that it had. Programs open
// what they have open again, as /dev/stdin and /proc/self/fd, and of a socket it
// is whose traffic that is.
func (m *Maker) ownAs(fd int, what string, uid, gid, mode uint32) error {
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return err
	}
	if uid != st.Uid || gid != st.Gid {
		if err := m.Tolerate("owner of "+what, unix.Fchown(fd, int(uid), int(gid))); err != nil {
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
func (m *Maker) openNamed(i int) (int, error) {
	o := &m.world.Open[i]
	file, err := m.OpenPath(&m.world.Files[o.File], o.Flags&openable)
	if err != nil {
		return -1, Gone(m.name(i), err)
	}
	defer file.Close()
	return takeDescriptor(file, o.Pos)
}
