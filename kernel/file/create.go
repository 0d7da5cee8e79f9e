package file

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"snappipe/kernel"
)

// Output is a file that is being written.
//
// A regular file appears under its name, whole, when it is committed; until
// then nothing has changed. Where the file system can make a file that has no
// name (open(2), O_TMPFILE), not even a kill leaves anything behind. Devices
// and pipes are written in place.
type Output struct {
	*os.File
	// Fresh says that the file is new and empty, so that what is not written
	// reads as zeros.
	Fresh bool

	path   string // with the symbolic links of its last element followed
	temp   string // the temporary name, while the file has one
	force  bool
	closed bool
}

// Check returns what [Create] would refuse, without touching anything.
func Check(path string, force bool) error {
	_, _, err := resolve(path, force)
	return err
}

// Create begins to write the file at path. An existing regular file is only
// replaced if force is set, and a block device that is in use only written
// then; else they give a [*kernel.Refusal].
func Create(path string, force bool) (*Output, error) {
	path, mode, err := resolve(path, force)
	if err != nil {
		return nil, err
	}
	o := &Output{path: path, force: force}
	if mode != nil && !mode.IsRegular() {
		err = o.openInPlace(*mode)
	} else {
		err = o.openTemporary()
	}
	if err != nil {
		return nil, err
	}
	if mode != nil && o.Fresh {
		if err := o.Chmod(mode.Perm()); err != nil {
			return nil, errors.Join(err, o.Abort())
		}
	}
	return o, nil
}

// resolve follows the symbolic links that the last element of path may be, to
// a name that need not exist, and returns what is there, nil if nothing is.
func resolve(path string, force bool) (string, *fs.FileMode, error) {
	if st, err := os.Stat(path); err == nil && !st.Mode().IsRegular() {
		// To be opened as it is: /dev/stdout and the like cannot be followed
		// by name.
		mode := st.Mode()
		return path, &mode, refuse(path, mode, force)
	}
	asked := path
	for range 40 { // as many as the kernel follows: path_resolution(7)
		st, err := os.Lstat(path)
		if errors.Is(err, fs.ErrNotExist) {
			return path, nil, nil
		}
		if err != nil {
			return "", nil, err
		}
		mode := st.Mode()
		if mode&fs.ModeSymlink == 0 {
			return path, &mode, refuse(asked, mode, force)
		}
		to, err := os.Readlink(path)
		if err != nil {
			return "", nil, err
		}
		if !filepath.IsAbs(to) {
			to = dirOf(path) + to
		}
		path = to
	}
	return "", nil, &fs.PathError{Op: "follow", Path: asked, Err: unix.ELOOP}
}

// dirOf returns the directory of path as the kernel finds it, with a slash at
// the end: not shortened, since what comes before ".." may be a symbolic link.
func dirOf(path string) string {
	if dir, _ := filepath.Split(path); dir != "" {
		return dir
	}
	return "./"
}

func refuse(path string, mode fs.FileMode, force bool) error {
	switch {
	case mode.IsDir():
		return kernel.Refuse(path, "name a file in it", "it is a directory")
	case mode.IsRegular() && !force:
		return exists(path)
	}
	return nil
}

func exists(path string) error {
	return kernel.Refuse(path, "--force replaces it", "the file is there already")
}

// openInPlace opens what is not a regular file.
func (o *Output) openInPlace(mode fs.FileMode) (err error) {
	flags := os.O_WRONLY
	if isBlock(mode) && !o.force {
		// Without O_CREAT, this is the kernel's own test for a device that
		// is mounted or otherwise in use: open(2).
		flags |= os.O_EXCL
	}
	o.File, err = os.OpenFile(o.path, flags, 0)
	if errors.Is(err, unix.EBUSY) {
		return kernel.Refuse(o.path, "unmount it; --force writes to it all the same", "the device is in use")
	}
	return err
}

// Commit gives a regular file its name, and makes sure that what was written
// has reached the disk. The Output is closed, whatever Commit returns.
func (o *Output) Commit() error {
	err := o.commit()
	if err := errors.Join(err, o.Abort()); err != nil {
		return fmt.Errorf("write %s: %w", o.path, err)
	}
	return nil
}

func (o *Output) commit() error {
	st, err := o.Stat()
	if err != nil {
		return err
	}
	if !st.Mode().IsRegular() && !isBlock(st.Mode()) {
		return nil
	}
	if err := o.Sync(); err != nil {
		return err
	}
	if !o.Fresh {
		return nil
	}
	if err := o.publish(); err != nil {
		return err
	}
	return syncDir(dirOf(o.path))
}

func syncDir(path string) error {
	dir, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}

// Abort gives up the file. What was written to a device stays there. After
// Commit or Abort, it does nothing.
func (o *Output) Abort() error {
	if o.closed {
		return nil
	}
	o.closed = true
	err := o.File.Close()
	if o.temp != "" {
		err = errors.Join(err, os.Remove(o.temp))
	}
	return err
}
