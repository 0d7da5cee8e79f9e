// Unix sockets: where they are bound, and what they have received.

package capture

import (
	"bytes"
	"errors"
	"fmt"

	"snappipe/kernel/process/image"
	"snappipe/kernel/process/sys"

	"golang.org/x/sys/unix"
)

func (t *fileTable) unixSocket(fd int, o *openFile, d *image.OpenFile) error {
	s := d.Socket
	s.Backlog = 128 // unless sock_diag(7) says something else
	if !s.Listening {
		_, err := sys.Getpeername(fd)
		t.connected[s.Ino] = err == nil // to whom is found when all are known
	}
	if err := t.socketFile(o, s); err != nil {
		return err
	}
	if err := t.options(fd, o, d); err != nil || d.Kind == image.KindLost {
		return err
	}
	if t.dry || s.Listening {
		return nil
	}
	return t.queue(fd, o, d)
}

// socketFile looks at the file that a unix socket is bound to.
func (t *fileTable) socketFile(o *openFile, s *image.Socket) error {
	path := image.SocketPath(s.Local)
	if path == "" {
		return nil
	}
	var st unix.Stat_t
	err := unix.Lstat(fmt.Sprintf("/proc/%d/root%s", t.c.pid, path), &st)
	if path[0] != '/' {
		err = unix.Lstat(fmt.Sprintf("/proc/%d/cwd/%s", t.c.pid, path), &st)
	}
	s.Unlinked = err != nil || st.Mode&unix.S_IFMT != unix.S_IFSOCK
	s.Mode, s.UID, s.GID = st.Mode&0o7777, st.Uid, st.Gid
	return nil
}

// queue reads what a unix socket has received, and leaves it there.
func (t *fileTable) queue(fd int, o *openFile, d *image.OpenFile) error {
	s := d.Socket
	waiting, err := unix.IoctlGetInt(fd, unix.TIOCINQ)
	if err != nil || waiting == 0 && s.Type == unix.SOCK_STREAM {
		return nil // EINVAL: it was never connected
	}
	// Peeking goes on from where it ended, so that messages come one by one.
	was, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_PEEK_OFF)
	if err == nil {
		err = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_PEEK_OFF, 0)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", o.object("a unix socket"), err)
	}
	defer unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_PEEK_OFF, was)
	buf, control := make([]byte, max(waiting, 256<<10)), make([]byte, 4096)
	for {
		n, nc, flags, _, err := unix.Recvmsg(fd, buf, control, unix.MSG_PEEK|unix.MSG_DONTWAIT)
		if errors.Is(err, unix.EAGAIN) || errors.Is(err, unix.ENOTCONN) || err == nil && n == 0 {
			return nil
		}
		if err != nil {
			return fmt.Errorf("reading what %s holds: %w", o.object("a unix socket"), err)
		}
		if nc > 0 && hasRights(control[:nc]) {
			return t.lose(o, d, "a unix socket", "it holds file descriptors that were sent and not yet received")
		}
		if flags&unix.MSG_TRUNC != 0 {
			return t.lose(o, d, "a unix socket", "it holds a message that is too long")
		}
		s.Queue = append(s.Queue, t.addBlob(bytes.Clone(buf[:n])))
	}
}

// hasRights looks for SCM_RIGHTS, and closes what peeking got of them.
func hasRights(control []byte) bool {
	messages, err := unix.ParseSocketControlMessage(control)
	if err != nil {
		return true
	}
	found := false
	for i := range messages {
		fds, err := unix.ParseUnixRights(&messages[i])
		if err != nil {
			continue
		}
		found = true
		for _, fd := range fds {
			unix.Close(fd)
		}
	}
	return found
}
