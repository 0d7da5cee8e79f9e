// Where a file lies until it is whole.

package file

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// openTemporary makes the file that is to become the one at o.path: without
// a name if the file system can do that, else with one beside it.
func (o *Output) openTemporary() (err error) {
	o.Fresh = true
	fd, err := OpenNameless(dirOf(o.path), unix.O_WRONLY)
	switch {
	case errors.Is(err, unix.EOPNOTSUPP):
		return o.openNamed()
	case err != nil:
		return &fs.PathError{Op: "create", Path: o.path, Err: err}
	}
	o.File = os.NewFile(uintptr(fd), o.path) // the name is for messages
	return nil
}

// Reserve has a file without a name open for writing, where the one at path is
// to be made, until it is closed: so that whoever freezes file systems sees
// beforehand that this one will be written to. Where there is nothing to reserve,
// or it cannot be done, it returns nil; [Create] says what is wrong.
func Reserve(path string) *os.File {
	if _, ok := Handed(path, 1); ok {
		return nil
	}
	path, there, err := resolve(path, true)
	if err != nil || there != nil && !there.Mode().IsRegular() {
		return nil
	}
	fd, err := OpenNameless(dirOf(path), unix.O_WRONLY)
	if err != nil {
		return nil
	}
	return os.NewFile(uintptr(fd), path)
}

// OpenNameless makes a file without a name in dir, for its owner alone. Where
// the file system has none, the error is EOPNOTSUPP.
func OpenNameless(dir string, access int) (fd int, err error) {
	for {
		fd, err = unix.Open(dir, unix.O_TMPFILE|access|unix.O_CLOEXEC, uint32(private))
		if err != unix.EINTR {
			return fd, err
		}
	}
}

func (o *Output) openNamed() (err error) {
	name := o.temporaryName()
	o.File, err = os.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, private)
	if err == nil {
		o.temp = name
	}
	return err
}

func (o *Output) temporaryName() string {
	return fmt.Sprintf("%s.%s.%s.part", dirOf(o.path), filepath.Base(o.path), rand.Text()[:8])
}

// publish gives the file its name. Without force, the kernel itself sees to
// it that this never replaces a file, whenever that appeared.
func (o *Output) publish() error {
	err := o.giveName()
	if !errors.Is(err, fs.ErrExist) {
		return err
	}
	if !o.force {
		return exists(o.path)
	}
	if o.temp == "" {
		name := o.temporaryName()
		if err := o.link(name); err != nil {
			return err
		}
		o.temp = name
	}
	if err := os.Rename(o.temp, o.path); err != nil {
		return err
	}
	o.temp = ""
	return nil
}

// giveName makes o.path a name of the file, or fails with EEXIST.
func (o *Output) giveName() error {
	if o.temp == "" {
		return o.link(o.path)
	}
	err := unix.Renameat2(unix.AT_FDCWD, o.temp, unix.AT_FDCWD, o.path, unix.RENAME_NOREPLACE)
	if err == nil {
		o.temp = ""
		return nil
	}
	if err != unix.EINVAL && err != unix.ENOSYS {
		return &os.LinkError{Op: "rename", Old: o.temp, New: o.path, Err: err}
	}
	// Network file systems know no flags of rename, but hard links. Abort
	// removes the first name.
	return os.Link(o.temp, o.path)
}

// link gives a nameless file a name, in the way that open(2) shows for those
// without CAP_DAC_READ_SEARCH.
func (o *Output) link(name string) error {
	return control(o.File, func(fd int) error {
		self := fmt.Sprintf("/proc/self/fd/%d", fd)
		if err := unix.Linkat(unix.AT_FDCWD, self, unix.AT_FDCWD, name, unix.AT_SYMLINK_FOLLOW); err != nil {
			return &os.LinkError{Op: "link", Old: self, New: name, Err: err}
		}
		return nil
	})
}
