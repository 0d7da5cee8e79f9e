// Writing a file that appears only when it is whole.

package file

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"snappipe/kernel"
)

// Output is a file that is being written.
//
// A regular file appears under its name, whole, when it is committed; until
// then nothing has changed. It is for its owner alone, unless it takes the
// place of another. Where the file system can make a file that has no
// name (open(2), O_TMPFILE), not even a kill leaves anything behind. Devices,
// pipes and what was open before are written in place.
type Output struct {
	*os.File
	// Fresh says that the file is new and empty, so that what is not written
	// reads as zeros.
	Fresh bool

	path   string  // with the symbolic links of its last element followed
	temp   string  // the temporary name, while the file has one
	rights *rights // of the file that it replaces, nil if there is none
	force  bool
	handed bool    // it was open before
	direct *direct // what goes to a block device that was not, as a stream
	closed bool
}

// Check returns what [Create] would refuse, without touching anything.
func Check(path string, force bool) error {
	if fd, ok := Handed(path, 1); ok {
		return fitOutput(fd, path)
	}
	_, _, err := resolve(path, force)
	return err
}

// Create begins to write the file at path, which may be one of the names that
// [Handed] knows: "-" is standard output. An existing regular file is only
// replaced if force is set, and a block device that is in use only written
// then; else they give a [*kernel.Refusal].
func Create(path string, force bool) (*Output, error) {
	if fd, ok := Handed(path, 1); ok {
		return take(fd, path)
	}
	path, there, err := resolve(path, force)
	if err != nil {
		return nil, err
	}
	o := &Output{path: path, force: force}
	if there != nil && !there.Mode().IsRegular() {
		err = o.openInPlace(there.Mode())
	} else {
		err = o.begin(there)
	}
	if err != nil {
		return nil, err
	}
	return o, nil
}

// take makes an Output of a descriptor that is open already.
func take(fd int, path string) (*Output, error) {
	if err := fitOutput(fd, path); err != nil {
		return nil, err
	}
	f := Take(fd, path)
	return &Output{File: f, path: f.Name(), handed: true}, nil
}

// begin opens a new file, to take the place of the one that is there, or of
// none.
func (o *Output) begin(there fs.FileInfo) (err error) {
	if there != nil {
		if o.rights, err = rightsOf(o.path, there); err != nil {
			return err
		}
	}
	if err := o.openTemporary(); err != nil {
		return err
	}
	if o.rights != nil {
		err = o.rights.claim(o.File)
	} else {
		err = o.keepPrivate()
	}
	if err != nil {
		return errors.Join(err, o.Abort())
	}
	return nil
}

// keepPrivate gives the file the mode that the umask may have taken bits of.
func (o *Output) keepPrivate() error {
	st, err := o.Stat()
	if err != nil || st.Mode().Perm() == private {
		return err
	}
	err = o.Chmod(private)
	if errors.Is(err, errors.ErrUnsupported) {
		return nil // a file system without modes
	}
	return err
}

// resolve follows the symbolic links that the last element of path may be, to
// a name that need not exist, and returns what is there, nil if nothing is.
func resolve(path string, force bool) (string, fs.FileInfo, error) {
	if st, err := os.Stat(path); err == nil && !st.Mode().IsRegular() {
		// To be opened as it is: /dev/stdout and the like cannot be followed
		// by name.
		return path, st, refuse(path, st.Mode(), force)
	}
	asked := path
	for range 40 { // as many as the kernel follows: path_resolution(7)
		st, err := os.Lstat(path)
		if errors.Is(err, fs.ErrNotExist) {
			return path, nil, refusePseudo(asked, dirOf(path))
		}
		if err != nil {
			return "", nil, err
		}
		if st.Mode()&fs.ModeSymlink == 0 {
			if err := refuse(asked, st.Mode(), force); err != nil {
				return "", nil, err
			}
			return path, st, refusePseudo(asked, dirOf(path))
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
	case mode&fs.ModeSocket != 0:
		return kernel.Refuse(path, "socat connects to it: | socat -u - UNIX-CONNECT:"+path, "it is a socket, which cannot be opened")
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
	flags := os.O_WRONLY | unix.O_NOCTTY
	if isBlock(mode) && !o.force {
		// Without O_CREAT, this is the kernel's own test for a device that
		// is mounted or otherwise in use: open(2).
		flags |= os.O_EXCL
	}
	o.File, err = os.OpenFile(o.path, flags, 0)
	if errors.Is(err, unix.EBUSY) {
		return kernel.Refuse(o.path, "unmount it; --force writes to it all the same", "the device is in use")
	}
	if err != nil {
		return err
	}
	if err := fitTerminal(int(o.Fd())); err != nil {
		return errors.Join(err, o.Abort())
	}
	return nil
}

// Stream is what to write a stream to, and nothing else: the file itself, or what
// gathers it for a device until Commit or Abort.
func (o *Output) Stream() io.Writer {
	if o.direct != nil {
		return o.direct
	}
	st, err := o.Stat()
	if err != nil || o.handed || !isBlock(st.Mode()) {
		return o.File
	}
	if o.direct = newDirect(o.File); o.direct == nil {
		return o.File
	}
	return o.direct
}

// Commit gives a regular file its name, and makes sure that what was written
// has reached the disk. The Output is closed, whatever Commit returns.
func (o *Output) Commit() error {
	err := o.direct.end()
	if err == nil {
		err = o.commit()
	}
	if o.handed {
		err = errors.Join(err, o.Close())
	}
	if err := errors.Join(err, o.Abort()); err != nil {
		return fmt.Errorf("write %s: %w", o.path, err)
	}
	return nil
}

func (o *Output) commit() error {
	if !o.Fresh {
		st, err := o.Stat()
		if err == nil && isBlock(st.Mode()) {
			err = o.Sync()
		}
		return err
	}
	if err := o.Sync(); err != nil {
		return err
	}
	if o.rights != nil {
		if err := o.rights.grant(o.File); err != nil {
			return err
		}
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

// Abort gives up the file. What was written to a device stays there, and what
// was open before stays open. After Commit or Abort, it does nothing.
func (o *Output) Abort() error {
	if o.closed {
		return nil
	}
	o.closed = true
	if o.handed {
		return nil
	}
	err := errors.Join(o.direct.end(), o.File.Close())
	if o.temp != "" {
		err = errors.Join(err, os.Remove(o.temp))
	}
	return err
}
