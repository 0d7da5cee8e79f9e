package restore

// This file makes what stands for a connection that was dropped by force: one
// whose other end has gone away.

import (
	"fmt"
	"net"
	"strings"

	"golang.org/x/sys/unix"

	"snappipe/kernel/process/image"
)

// openLost makes a TCP connection that was reset if it was one, so that socket
// options still work on it, and else one end of a pair whose other end is
// closed: it reads as at its end, and writing to it is EPIPE.
func openLost(o *image.OpenFile) (int, error) {
	if strings.Contains(o.Lost, "TCP") {
		if fd, err := resetConnection(); err == nil {
			return fd, nil
		}
		// No loopback interface here: the pair will do.
	}
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return -1, fmt.Errorf("in place of %s: %w", o.Lost, err)
	}
	unix.Close(pair[1])
	return pair[0], nil
}

func resetConnection() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return -1, err
	}
	defer l.Close()
	ours, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		return -1, err
	}
	defer ours.Close()
	theirs, err := l.Accept()
	if err != nil {
		return -1, err
	}
	f, err := ours.(*net.TCPConn).File()
	if err != nil {
		theirs.Close()
		return -1, err
	}
	defer f.Close()
	// Without lingering, closing sends a reset.
	if err := theirs.(*net.TCPConn).SetLinger(0); err != nil {
		theirs.Close()
		return -1, err
	}
	if err := theirs.Close(); err != nil {
		return -1, err
	}
	return unix.FcntlInt(f.Fd(), unix.F_DUPFD_CLOEXEC, 3)
}
