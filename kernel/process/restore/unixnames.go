// This file binds unix sockets to the names that they had, and reaches them
// there.

package restore

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"snappipe/kernel"
	"snappipe/kernel/process/sys"
	"snappipe/kernel/process/world"
)

// bind gives a socket its name, if it had one; file is what is to be at a path.
func (u *unixSockets) bind(fd int, address []byte, file *world.SocketFile) error {
	path := world.SocketPath(address)
	switch {
	case len(address) == 0:
		return nil
	case path != "":
		return u.bindPath(fd, path, file)
	}
	if err := sys.Bind(fd, address); err != nil {
		return taken(address, err)
	}
	return nil
}

// bindPath binds it to a path. The file that the program left there when it
// ended is replaced; if the resume fails, or this process is killed, a file
// that leads to no socket is there again.
func (u *unixSockets) bindPath(fd int, path string, file *world.SocketFile) error {
	there := u.absolute(path)
	switch st, err := os.Lstat(there); {
	case err != nil: // free
		u.onAbort(func() error { return ignore(os.Remove(there), unix.ENOENT) })
	case file == nil || st.Mode().Type() != os.ModeSocket || inUse(there):
		return kernel.Refuse("unix socket "+path, "remove it, or end the program that has it", "its path is taken")
	default:
		if err := os.Remove(there); err != nil {
			return kernel.Refuse("unix socket "+path, "", "removing what is left of it: %v", err)
		}
	}
	if err := u.bindIn(fd, path); err != nil {
		return kernel.Refuse("unix socket "+path, "", "binding it: %v", err)
	}
	if file == nil {
		u.unnamed = append(u.unnamed, there)
		return nil
	}
	if err := os.Chmod(there, os.FileMode(file.Mode)); err != nil {
		return err
	}
	return u.tolerate("owner of "+path, os.Lchown(there, int(file.UID), int(file.GID)))
}

// free reports whether a name can be had: nobody is there.
func (u *unixSockets) free(address []byte) bool {
	if path := world.SocketPath(address); path != "" {
		st, err := os.Lstat(u.absolute(path))
		return err != nil || st.Mode().Type() == os.ModeSocket && !inUse(u.absolute(path))
	}
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return false
	}
	defer unix.Close(fd)
	return sys.Bind(fd, address) == nil
}

// leftAt is the file that is at a path, and leads to no socket any more.
func (u *unixSockets) leftAt(address []byte) *world.SocketFile {
	var st unix.Stat_t
	path := world.SocketPath(address)
	if path == "" || unix.Lstat(u.absolute(path), &st) != nil {
		return nil
	}
	return &world.SocketFile{Mode: st.Mode & 0o7777, UID: st.Uid, GID: st.Gid}
}

// unname removes paths that were gone. Until then, they were needed to connect.
func (u *unixSockets) unname() error {
	var all []error
	for _, path := range u.unnamed {
		all = append(all, ignore(os.Remove(path), unix.ENOENT))
	}
	u.unnamed = nil
	return errors.Join(all...)
}

// absolute is where a path leads that may be one from the program's working
// directory.
func (p *process) absolute(path string) string {
	if filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(p.cwd, path)
}

// bindIn binds to a path as it was given, which may be one from the program's
// working directory: getsockname(2) shows it like that.
func (u *unixSockets) bindIn(fd int, path string) error {
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
	if err := unix.Chdir(u.cwd); err != nil {
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

// reach calls f with an address by which the stub reaches the socket at one: a
// path may be too long, or from another directory.
func (u *unixSockets) reach(address []byte, f func([]byte) error) error {
	return u.reachBy(address, f, u.stub.lend)
}

// reachHere does so for this process.
func (u *unixSockets) reachHere(address []byte, f func([]byte) error) error {
	return u.reachBy(address, f, func(fd int, f func(uint64) error) error { return f(uint64(fd)) })
}

// reachBy opens the file at a path, and has lend give it a number where it is
// to be reached.
func (u *unixSockets) reachBy(address []byte, f func([]byte) error, lend func(int, func(uint64) error) error) error {
	path := world.SocketPath(address)
	if path == "" {
		return f(address)
	}
	fd, err := unix.Open(u.absolute(path), unix.O_PATH|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	defer unix.Close(fd)
	return lend(fd, func(n uint64) error { return f(pathAddress(fmt.Sprintf("/proc/self/fd/%d", n))) })
}
