// The names of unix sockets: whether they still lead to them, how sockets are bound to
// them again, and reached there.

package object

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"snappipe/kernel"
	"snappipe/kernel/process/proc"
	"snappipe/kernel/process/sys"
	"snappipe/kernel/process/world"
)

// bind gives a socket its name, if it had one; file is what is to be at a path,
// which may be one from the working directory of a process.
func (u *unixSockets) bind(by Process, fd int, address []byte, file *world.SocketFile) error {
	path := world.SocketPath(address)
	switch {
	case len(address) == 0:
		return nil
	case path != "":
		return u.bindPath(by, fd, path, file)
	}
	if err := sys.Bind(fd, address); err != nil {
		return taken(address, err)
	}
	return nil
}

// bindPath binds it to a path. The file that the program left there when it
// ended is replaced; if the resume fails, or this process is killed, a file
// that leads to no socket is there again.
func (u *unixSockets) bindPath(by Process, fd int, path string, file *world.SocketFile) error {
	there := absolute(by, path)
	switch st, err := os.Lstat(there); {
	case err != nil: // free
		u.undo = append(u.undo, func() error { return sys.Ignore(os.Remove(there), unix.ENOENT) })
	case file == nil || st.Mode().Type() != os.ModeSocket || inUse(there):
		return kernel.Refuse("unix socket "+path, "remove it, or end the program that has it", "its path is taken")
	default:
		if err := os.Remove(there); err != nil {
			return kernel.Refuse("unix socket "+path, "", "removing what is left of it: %v", err)
		}
	}
	if err := bindIn(by, fd, path); err != nil {
		return kernel.Refuse("unix socket "+path, "", "binding it: %v", err)
	}
	if file == nil {
		u.unnamed = append(u.unnamed, there)
		return nil
	}
	return u.giveAway(path, there, file)
}

// giveAway gives a socket file that was just made the mode and owner that it had.
// Others may write to its directory: what else they have put there by now is left
// alone.
func (u *unixSockets) giveAway(path, there string, file *world.SocketFile) error {
	fd, err := unix.Open(there, unix.O_PATH|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("%s: %w", there, err)
	}
	defer unix.Close(fd)
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return fmt.Errorf("%s: %w", there, err)
	}
	if st.Mode&unix.S_IFMT != unix.S_IFSOCK || int(st.Uid) != os.Geteuid() {
		return kernel.Refuse("unix socket "+path, "", "another file was put in its place")
	}
	if err := unix.Chmod(fmt.Sprintf("/proc/self/fd/%d", fd), file.Mode&0o7777); err != nil {
		return fmt.Errorf("setting the mode of %s: %w", there, err)
	}
	return u.Tolerate("owner of "+path, unix.Fchownat(fd, "", int(file.UID), int(file.GID), unix.AT_EMPTY_PATH))
}

// free reports whether a name can be had: nobody is there.
func (u *unixSockets) free(by Process, address []byte) bool {
	if path := world.SocketPath(address); path != "" {
		st, err := os.Lstat(absolute(by, path))
		return err != nil || st.Mode().Type() == os.ModeSocket && !inUse(absolute(by, path))
	}
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return false
	}
	defer unix.Close(fd)
	return sys.Bind(fd, address) == nil
}

// leftAt is the file that is at a path, and leads to no socket any more.
func (u *unixSockets) leftAt(by Process, address []byte) *world.SocketFile {
	var st unix.Stat_t
	path := world.SocketPath(address)
	if path == "" || unix.Lstat(absolute(by, path), &st) != nil {
		return nil
	}
	return &world.SocketFile{Mode: st.Mode & 0o7777, UID: st.Uid, GID: st.Gid}
}

// unname removes paths that were gone. Until then, they were needed to connect.
func (u *unixSockets) unname() error {
	var all []error
	for _, path := range u.unnamed {
		all = append(all, sys.Ignore(os.Remove(path), unix.ENOENT))
	}
	u.unnamed = nil
	return errors.Join(all...)
}

// absolute is where a path leads that may be one from a process's working directory.
func absolute(by Process, path string) string {
	if filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(by.Directory(), path)
}

// bindIn binds to a path as it was given, which may be one from the program's
// working directory: getsockname(2) shows it like that.
func bindIn(by Process, fd int, path string) error {
	if filepath.IsAbs(path) {
		return sys.Bind(fd, pathAddress(path))
	}
	// Only this thread's working directory: that is not shared after unshare(2),
	// and the tracing thread runs nothing else.
	if err := unix.Unshare(unix.CLONE_FS); err != nil {
		return err
	}
	before, err := os.Open(".")
	if err != nil {
		return err
	}
	defer before.Close()
	if err := unix.Chdir(by.Directory()); err != nil {
		return err
	}
	return errors.Join(sys.Bind(fd, pathAddress(path)), unix.Fchdir(int(before.Fd())))
}

// pathAddress is the struct sockaddr_un of a path. One that fills it up has no
// NUL at its end, of which getsockname(2) then shows one beyond.
func pathAddress(path string) []byte {
	b := binary.NativeEndian.AppendUint16(nil, unix.AF_UNIX)
	b = append(append(b, path...), 0)
	return b[:min(len(b), unix.SizeofSockaddrUnix)]
}

// inUse reports whether a program has a socket open at a path.
func inUse(path string) bool {
	for _, kind := range []int{unix.SOCK_STREAM, unix.SOCK_DGRAM, unix.SOCK_SEQPACKET} {
		fd, err := unix.Socket(unix.AF_UNIX, kind|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
		if err != nil {
			return true
		}
		err = unix.Connect(fd, &unix.SockaddrUnix{Name: path})
		unix.Close(fd)
		if err != unix.EPROTOTYPE { // of another type
			return err != unix.ECONNREFUSED
		}
	}
	return true
}

// reach calls f with an address by which a process reaches the socket at one: a
// path may be too long, or from another directory.
func reach(by Process, address []byte, f func([]byte) error) error {
	return reachFrom(by, address, f, by.Lend)
}

// reachHere does so for this process.
func reachHere(by Process, address []byte, f func([]byte) error) error {
	return reachFrom(by, address, f, func(fd int, f func(uint64) error) error { return f(uint64(fd)) })
}

// reachFrom opens the file at a path, and has lend give it a number where it is to
// be reached.
func reachFrom(by Process, address []byte, f func([]byte) error, lend func(int, func(uint64) error) error) error {
	path := world.SocketPath(address)
	if path == "" {
		return f(address)
	}
	fd, err := unix.Open(absolute(by, path), unix.O_PATH|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	defer unix.Close(fd)
	return lend(fd, func(n uint64) error { return f(pathAddress(fmt.Sprintf("/proc/self/fd/%d", n))) })
}

// socketFile looks at the file that a unix socket is bound to, and whether that
// still leads there: another program may have put its own socket in its place.
func (t *Taker) socketFile(o *Found, d *world.OpenFile, info sys.UnixInfo) error {
	s := d.Socket
	path := world.SocketPath(s.Local)
	if path == "" {
		return nil
	}
	from := "root"
	if !strings.HasPrefix(path, "/") {
		from = "cwd/" // most likely it was that when it was bound
	}
	var st unix.Stat_t
	seenBy := o.task
	if seenBy.inFlight {
		seenBy = t.root()
	}
	err := unix.Lstat(fmt.Sprintf("/proc/%d/%s%s", seenBy.PID, from, path), &st)
	switch there := err == nil && st.Mode&unix.S_IFMT == unix.S_IFSOCK && (!info.HasFile || uint32(st.Ino) == info.FileIno); {
	case there:
		s.File = &world.SocketFile{Mode: st.Mode & 0o7777, UID: st.Uid, GID: st.Gid}
	case from != "root":
		return t.lose(o, d, "a unix socket at "+path, "that path does not lead to it from the program's working directory")
	case err != nil && !proc.IsGone(err) && !errors.Is(err, unix.ENOTDIR):
		return fmt.Errorf("%s: %w", o.object("a unix socket at "+path), err)
	}
	return nil
}
