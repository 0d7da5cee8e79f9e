// The guard's own side. It waits for the end of the server, and reads no
// userfaultfd before: then all who wait for a page do so for ever, and see nothing.

package lazy

import (
	"errors"
	"io"
	"os"
	"os/signal"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"snappipe/kernel/process/proc"
	"snappipe/kernel/process/self"
	"snappipe/kernel/process/sys"
	"snappipe/kernel/process/world"
)

// Main makes this process a guard, and never returns, if it was started as one;
// otherwise it does nothing. It has to be called from an init function.
func Main() {
	socket, ok := self.Is(name)
	if !ok {
		return
	}
	signal.Ignore(unix.SIGHUP, unix.SIGINT, unix.SIGQUIT, unix.SIGTERM, unix.SIGUSR1, unix.SIGUSR2, unix.SIGTSTP)
	_ = os.WriteFile("/proc/self/comm", []byte(name), 0) // for ps(1), which shows another where it fails
	var w ward
	if !w.dismissedBy(socket) {
		spaces := w.takeSpaces()
		killAll(w.processes)
		killTouching(spaces)
	}
	os.Exit(0)
}

// ward is what the guard knows.
type ward struct {
	processes []process
	holder    *process
}

// dismissedBy listens until the server says that it is at its end, or is gone, and
// reports whether all was done. The holder has the server's end of the socket open, too.
func (w *ward) dismissedBy(socket int) bool {
	server := parent(socket)
	for said(socket, server) {
		m, fd, err := receive(socket)
		switch {
		case err != nil, m.what == failed:
			return false
		case m.what == dismissed:
			return true
		case m.what == watchProcess:
			w.processes = append(w.processes, process{int(m.id), fd})
		case m.what == takeFrom:
			w.holder = &process{int(m.id), fd}
		}
	}
	return false
}

// parent returns a pidfd of the server, which has made the socket, or -1 if it is gone.
func parent(socket int) int {
	made, err := unix.GetsockoptUcred(socket, unix.SOL_SOCKET, unix.SO_PEERCRED)
	if err != nil {
		return -1
	}
	fd, err := unix.PidfdOpen(int(made.Pid), 0)
	if err != nil || os.Getppid() != int(made.Pid) {
		return -1
	}
	return fd
}

// said waits until the server has said something, and is false if it is gone.
func said(socket, server int) bool {
	fds := []unix.PollFd{{Fd: int32(socket), Events: unix.POLLIN}, {Fd: int32(server), Events: unix.POLLIN}}
	timeout := -1
	if server < 0 {
		timeout = 0
	}
	for {
		_, err := unix.Poll(fds, timeout)
		if err != unix.EINTR {
			return err == nil && fds[0].Revents != 0
		}
	}
}

// takeSpaces takes the userfaultfds that the server has had, and has the holder end.
func (w *ward) takeSpaces() []int {
	if w.holder == nil {
		return nil
	}
	fds, _ := userfaultfds(*w.holder)
	unix.PidfdSendSignal(w.holder.fd, unix.SIGKILL, nil, 0)
	return fds
}

func receive(socket int) (m message, fd int, err error) {
	b, control := make([]byte, messageSize), make([]byte, unix.CmsgSpace(4))
	n, nc, _, _, err := unix.Recvmsg(socket, b, control, unix.MSG_CMSG_CLOEXEC)
	switch {
	case err == unix.EINTR:
		return receive(socket)
	case err == nil && n != messageSize:
		err = io.EOF
	}
	if err != nil {
		return m, -1, err
	}
	m, fd = message{b[0], uint32(b[1]) | uint32(b[2])<<8 | uint32(b[3])<<16 | uint32(b[4])<<24}, -1
	rights, err := unix.ParseSocketControlMessage(control[:nc])
	if err == nil && len(rights) > 0 {
		fds, err := unix.ParseUnixRights(&rights[0])
		if err != nil || len(fds) != 1 {
			return m, -1, errors.Join(err, io.ErrUnexpectedEOF)
		}
		fd = fds[0]
	}
	return m, fd, err
}

// killAll kills processes and all that descends from them. Each is stopped before
// its children are looked for, so that none is missed.
func killAll(all []process) {
	for _, p := range all {
		if unix.PidfdSendSignal(p.fd, unix.SIGSTOP, nil, 0) != nil {
			continue
		}
		killAll(children(p.pid))
		unix.PidfdSendSignal(p.fd, unix.SIGKILL, nil, 0)
	}
}

func children(pid int) (all []process) {
	pids, _ := proc.Children(pid)
	for _, child := range pids {
		if fd, err := unix.PidfdOpen(child, 0); err == nil {
			all = append(all, process{child, fd})
		}
	}
	return all
}

// killTouching kills who is not among those, and not a child of one any more, as
// soon as he touches what he lacks, and returns when nobody lacks anything.
func killTouching(spaces []int) {
	var all sync.WaitGroup
	for _, fd := range spaces {
		all.Go(func() { watchOver(fd, &all) })
	}
	all.Wait()
}

// watchOver does so for one address space, and has all wait for those that inherit it.
// The kernel does not tell of the end of one, but when it is asked to do something there.
func watchOver(fd int, all *sync.WaitGroup) {
	for sys.PutZeros(fd, world.Page, world.Page) != unix.ESRCH {
		m, err := sys.ReadFault(fd)
		switch {
		case err != nil:
			time.Sleep(10 * time.Millisecond)
		case m.Event == sys.FaultPage:
			killIfWaiting(int(uint32(m.Args[2])), m.Args[1])
		case m.Event == sys.FaultFork:
			all.Go(func() { watchOver(int(uint32(m.Args[0])), all) })
		}
	}
}

// killIfWaiting kills the process of a thread if memory at addr is missing to it: in
// a PID namespace of which nothing is known here the ID is another's.
func killIfWaiting(tid int, addr uint64) {
	status, err := proc.ReadStatus(tid)
	if err != nil {
		return
	}
	fd, err := unix.PidfdOpen(status.Int("Tgid"), 0)
	if err != nil {
		return
	}
	defer unix.Close(fd)
	maps, _ := proc.Smaps(tid)
	for i := range maps {
		if m := &maps[i]; m.Start <= addr && addr < m.End && m.Has("um") {
			unix.PidfdSendSignal(fd, unix.SIGKILL, nil, 0)
		}
	}
}
