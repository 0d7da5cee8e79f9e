package restore

// This file finds the files of the image again: by path, and then by what is
// known of them, since a path may lead to another file by now.

import (
	"fmt"
	"io/fs"
	"os"
	"strings"

	"golang.org/x/sys/unix"

	"snappipe/kernel"
	"snappipe/kernel/process/image"
)

// openPath opens what is at the path of f if it is of the same type. It never
// blocks, as opening a FIFO would.
func openPath(f *image.File, flags int) (*os.File, error) {
	path := string(f.Path)
	if f.Deleted || !strings.HasPrefix(path, "/") {
		return nil, &fs.PathError{Op: "open", Path: path, Err: unix.ENOENT}
	}
	fd, err := unix.Open(path, flags|unix.O_CLOEXEC|unix.O_NOCTTY|unix.O_NONBLOCK, 0)
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: path, Err: err}
	}
	file := os.NewFile(uintptr(fd), path)
	var st unix.Stat_t
	err = unix.Fstat(fd, &st)
	switch {
	case err != nil:
	case st.Mode&unix.S_IFMT != f.Mode&unix.S_IFMT:
		err = fmt.Errorf("it is no longer the same type of file")
	case st.Mode&unix.S_IFMT == unix.S_IFCHR && st.Rdev != uint64(f.Rdev):
		err = fmt.Errorf("it is no longer the same device")
	}
	if err != nil {
		file.Close()
		return nil, &fs.PathError{Op: "open", Path: path, Err: err}
	}
	return file, nil
}

// unchanged reports whether the bytes of file are those that f had: the same
// inode with the same size and modification time or, on another machine, a
// program or library with the same build ID.
func unchanged(file *os.File, f *image.File) bool {
	var st unix.Stat_t
	if err := unix.Fstat(int(file.Fd()), &st); err != nil || st.Size != f.Size {
		return false
	}
	if st.Dev == uint64(f.Dev) && st.Ino == f.Ino && st.Mtim.Nano() == f.Mtime {
		return true
	}
	return f.BuildID != "" && image.BuildID(fmt.Sprintf("/proc/self/fd/%d", file.Fd())) == f.BuildID
}

// gone is the refusal of a file that is needed and not there.
func gone(what string, err error) error {
	if pe, ok := err.(*fs.PathError); ok {
		err = pe.Err
	}
	return kernel.Refuse(what, "put the file back as it was", "%v", err)
}
