// Messages with descriptors, and what becomes of these.

package agent

import (
	"errors"
	"os"
	"testing"

	"golang.org/x/sys/unix"
)

// Files that came with a message that is of no use are closed: here with one that
// is longer than any.
func TestUselessFilesAreClosed(t *testing.T) {
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	c, theirs := newConn(pair[0]), newConn(pair[1])
	defer c.close()
	defer theirs.close()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	long := make([]byte, maxMessage+1)
	if err := theirs.send(long, w); err != nil {
		t.Fatal(err)
	}
	w.Close()
	if _, files, err := c.receive(); !errors.Is(err, errCut) || files != nil {
		t.Errorf("a message that is too long: %v, with %d files", err, len(files))
	}
	hangUp := []unix.PollFd{{Fd: int32(r.Fd())}}
	if _, err := unix.Poll(hangUp, 0); err != nil || hangUp[0].Revents&unix.POLLHUP == 0 {
		t.Errorf("the end of a pipe that came with it is open, %v", err)
	}
}
