// Unix sockets: where they are bound, and who made them. To whom they are
// connected is in peers.go, what they hold in queue.go.

package object

import (
	"errors"
	"fmt"
	"strings"

	"snappipe/kernel/process/sys"
	"snappipe/kernel/process/world"

	"golang.org/x/sys/unix"
)

// unixSocket describes one by what can be said without the others.
func (t *Taker) unixSocket(fd int, o *Found, d *world.OpenFile) error {
	s := d.Socket
	if !s.Listening {
		if remote, err := sys.Getpeername(fd); err == nil {
			t.connected[s.Ino] = true // to whom is found when all are known
			if world.IsBound(remote) {
				s.Remote = remote
			}
		}
	}
	if err := creator(fd, s); err != nil {
		return fmt.Errorf("%s: %w", o.object("a unix socket"), err)
	}
	return nil
}

// unixState reads what else belongs to one that is kept, once that is known.
func (t *Taker) unixState(o *Found, d *world.OpenFile) error {
	fd, err := t.borrow(o)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	if what, err := readiness(fd); err == nil && d.Socket.Type == unix.SOCK_STREAM && what&unix.POLLPRI != 0 {
		return t.lose(o, d, "a unix socket", "it holds a byte that was sent out of band (MSG_OOB)")
	}
	if err := t.owner(fd, o, d); err != nil {
		return err
	}
	if err := t.socketOptions(fd, o, d); err != nil || t.o.Dry || d.Kind == world.KindLost || d.Socket.Listening {
		return err
	}
	return t.queue(fd, o, d)
}

// creator reads who made a connection, or has it listen.
func creator(fd int, s *world.Socket) error {
	cred, err := unix.GetsockoptUcred(fd, unix.SOL_SOCKET, unix.SO_PEERCRED)
	if err != nil {
		return err
	}
	if cred.Pid != 0 || cred.Uid != ^uint32(0) { // it has one
		s.Creator = &world.Creator{UID: cred.Uid, GID: cred.Gid}
	}
	return nil
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
	err := unix.Lstat(fmt.Sprintf("/proc/%d/%s%s", o.task.PID, from, path), &st)
	switch there := err == nil && st.Mode&unix.S_IFMT == unix.S_IFSOCK && (!info.HasFile || uint32(st.Ino) == info.FileIno); {
	case there:
		s.File = &world.SocketFile{Mode: st.Mode & 0o7777, UID: st.Uid, GID: st.Gid}
	case from != "root":
		return t.lose(o, d, "a unix socket at "+path, "that path does not lead to it from the program's working directory")
	case err != nil && !isNotExist(err) && !errors.Is(err, unix.ENOTDIR):
		return fmt.Errorf("%s: %w", o.object("a unix socket at "+path), err)
	}
	return nil
}
