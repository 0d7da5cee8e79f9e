// The socket between snapcat and its agent: messages, with file descriptors.

package agent

import (
	"errors"
	"io"
	"os"

	"golang.org/x/sys/unix"
)

// conn is one end of a SOCK_SEQPACKET pair. Its end comes as [io.EOF].
type conn struct {
	fd  int
	buf []byte
}

// maxMessage is less than the smallest send buffer that Linux has by default.
const maxMessage = 128 << 10

func newConn(fd int) *conn { return &conn{fd: fd, buf: make([]byte, maxMessage)} }

func (c *conn) send(b []byte, files ...*os.File) error {
	var rights []byte
	if len(files) > 0 {
		fds := make([]int, len(files))
		for i, f := range files {
			fds[i] = int(f.Fd())
		}
		rights = unix.UnixRights(fds...)
	}
	for {
		err := unix.Sendmsg(c.fd, b, rights, nil, unix.MSG_NOSIGNAL)
		if err != unix.EINTR {
			return err
		}
	}
}

// receive returns the next message, which is valid until it is called again.
func (c *conn) receive() (b []byte, files []*os.File, err error) {
	var control [128]byte
	for {
		n, nc, flags, _, err := unix.Recvmsg(c.fd, c.buf, control[:], unix.MSG_CMSG_CLOEXEC)
		if err == unix.EINTR {
			continue
		}
		if errors.Is(err, unix.ECONNRESET) || err == nil && n == 0 {
			return nil, nil, io.EOF
		}
		if err != nil {
			return nil, nil, err
		}
		files, err = parseRights(control[:nc])
		if err == nil && flags&(unix.MSG_TRUNC|unix.MSG_CTRUNC) != 0 {
			err = errCut
		}
		if err != nil {
			closeAll(files)
			return nil, nil, err
		}
		return c.buf[:n], files, nil
	}
}

// errCut is of a message that did not come whole: what it holds is not known.
var errCut = errors.New("a message was cut short")

func closeAll(files []*os.File) {
	for _, f := range files {
		f.Close()
	}
}

// parseRights returns the files that came, after an error as well.
func parseRights(control []byte) (files []*os.File, err error) {
	messages, err := unix.ParseSocketControlMessage(control)
	if err != nil {
		return nil, err
	}
	for i := range messages {
		fds, err := unix.ParseUnixRights(&messages[i])
		if err != nil {
			return files, err
		}
		for _, fd := range fds {
			files = append(files, os.NewFile(uintptr(fd), "from the agent"))
		}
	}
	return files, nil
}

// ended reports whether the other end is closed.
func (c *conn) ended() bool {
	p := []unix.PollFd{{Fd: int32(c.fd), Events: unix.POLLRDHUP}}
	n, err := unix.Poll(p, 0)
	return err == nil && n > 0 && p[0].Revents&(unix.POLLRDHUP|unix.POLLHUP|unix.POLLERR) != 0
}

func (c *conn) close() { unix.Close(c.fd) }
