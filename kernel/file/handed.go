// What a program was handed open already has names of its own: "-", and those
// below /dev/fd. It is used as it is, from where its offset stands: to open it
// by its name would begin at the start of a file again, and cannot be done
// with a socket.

package file

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
	"golang.org/x/term"

	"snappipe/kernel"
)

// Handed returns the descriptor that path stands for, and whether it stands
// for any; "-" is the one that the caller says.
func Handed(path string, standard int) (fd int, ok bool) {
	switch path {
	case "-":
		return standard, true
	case "/dev/stdin":
		return 0, true
	case "/dev/stdout":
		return 1, true
	case "/dev/stderr":
		return 2, true
	}
	dir, number := filepath.Split(path)
	if dir != "/dev/fd/" && dir != "/proc/self/fd/" {
		return 0, false
	}
	fd, err := strconv.Atoi(number)
	return fd, err == nil && fd >= 0 && !strings.ContainsAny(number, "+")
}

// Take returns the file that was handed to this program as descriptor fd,
// which [FitInput] was content with. path is for messages.
func Take(fd int, path string) *os.File {
	switch fd {
	case 0:
		return os.Stdin
	case 1:
		return os.Stdout
	case 2:
		return os.Stderr
	}
	return os.NewFile(uintptr(fd), path)
}

// UnfitError is that of a descriptor that can take no image, or has none. The
// user meant another.
type UnfitError struct{ Reason, Advice string }

func (e *UnfitError) Error() string { return e.Reason }

// Hint is what to do instead.
func (e *UnfitError) Hint() string { return e.Advice }

const elsewhere = "send it into a pipe, or name a file"

// fitOutput refuses a descriptor into which an image would vanish.
func fitOutput(fd int, path string) error {
	name := "standard output"
	if fd != 1 {
		name = path
	}
	if !opened(fd, unix.O_WRONLY) {
		return &UnfitError{name + " is closed, or open for reading only", elsewhere}
	}
	return fitTerminal(fd)
}

func fitTerminal(fd int) error {
	if term.IsTerminal(fd) {
		return &UnfitError{"the output is binary, and does not go to a terminal", elsewhere}
	}
	return nil
}

// FitInput refuses a descriptor from which no stream will come.
func FitInput(fd int, path string) error {
	name := "standard input"
	if fd != 0 {
		name = path
	}
	switch {
	case !opened(fd, unix.O_RDONLY):
		return &UnfitError{name + " is closed, or open for writing only", "give it a stream, as with < img"}
	case term.IsTerminal(fd):
		return &UnfitError{name + " is a terminal", "give it a stream, as with < img"}
	}
	return nil
}

// opened reports whether fd was handed to this program open for way, or for
// both reading and writing. What the program opens itself, and Go's runtime, is
// closed by execve(2): so nothing else is taken for it.
func opened(fd, way int) bool {
	if has, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0); err != nil || fd > 2 && has&unix.FD_CLOEXEC != 0 {
		return false
	}
	flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFL, 0)
	mode := flags & unix.O_ACCMODE
	return err == nil && (mode == way || mode == unix.O_RDWR)
}

// Overwrites refuses an output at path that would be written over the input
// while that is read.
func Overwrites(path string, input *os.File) error {
	if fd, ok := Handed(path, 1); ok {
		path = fmt.Sprintf("/proc/self/fd/%d", fd)
	} else if st, err := os.Stat(path); err != nil || st.Mode().IsRegular() {
		return nil // a new file takes its place
	}
	var out, in unix.Stat_t
	if unix.Stat(path, &out) != nil || unix.Fstat(int(input.Fd()), &in) != nil || out.Mode&unix.S_IFMT != in.Mode&unix.S_IFMT {
		return nil
	}
	switch out.Mode & unix.S_IFMT {
	case unix.S_IFREG:
		if out.Dev != in.Dev || out.Ino != in.Ino {
			return nil
		}
	case unix.S_IFBLK:
		if out.Rdev != in.Rdev {
			return nil
		}
	default:
		return nil
	}
	return kernel.Refuse(input.Name(), "write to another file or device", "it is what is read as well, and would be overwritten")
}
