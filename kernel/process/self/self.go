// Package self starts this executable once more, for a process that has to be another
// one than this: because it traces, or because it is to outlive this one. It is known by
// a name of its own, and shares a socket with this one and nothing else.
package self

import (
	"errors"
	"fmt"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// theirs is the descriptor of its end of the socket.
const theirs = 3

// Start starts one, in a session of its own. What it says on standard error goes to
// stderr, which may be nil. Our end of the socket, of SOCK_SEQPACKET, closes on exec.
func Start(name string, stderr *os.File) (socket int, p *os.Process, err error) {
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		return -1, nil, err
	}
	defer null.Close()
	if stderr == nil {
		stderr = null
	}
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return -1, nil, fmt.Errorf("socketpair: %w", err)
	}
	other := os.NewFile(uintptr(fds[1]), name)
	defer other.Close()
	p, err = os.StartProcess("/proc/self/exe", []string{name}, &os.ProcAttr{
		Dir: "/", Env: os.Environ(), Files: []*os.File{null, null, stderr, theirs: other},
		Sys: &syscall.SysProcAttr{Setsid: true},
	})
	if err != nil {
		return -1, nil, errors.Join(err, unix.Close(fds[0]))
	}
	return fds[0], p, nil
}

// Is reports whether this process was started so under a name, and returns its end of the
// socket. It is to be asked by an init function, so that nothing of the program whose
// executable this is has run.
func Is(name string) (socket int, ok bool) {
	if len(os.Args) == 0 || os.Args[0] != name {
		return -1, false
	}
	unix.CloseOnExec(theirs)
	return theirs, true
}
