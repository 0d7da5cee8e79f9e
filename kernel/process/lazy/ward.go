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
	w := ward{spaces: map[uint32]int{}}
	if !w.dismissedBy(socket) {
		killAll(w.processes)
		w.killTouching()
	}
	os.Exit(0)
}

// ward is what the guard has.
type ward struct {
	processes []process
	spaces    map[uint32]int // userfaultfds
}

// dismissedBy listens until the server is gone, and reports whether all was done.
func (w *ward) dismissedBy(socket int) bool {
	for {
		m, fd, err := receive(socket)
		if err != nil {
			return false
		}
		switch m.what {
		case watchProcess:
			w.processes = append(w.processes, process{int(m.id), fd})
		case holdSpace:
			w.spaces[m.id] = fd
		case leaveSpace:
			unix.Close(w.spaces[m.id])
			delete(w.spaces, m.id)
		case dismissed:
			return true
		}
	}
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
func (w *ward) killTouching() {
	var all sync.WaitGroup
	for _, fd := range w.spaces {
		all.Go(func() { watchOver(fd) })
	}
	all.Wait()
}

// watchOver does so for one address space. The kernel does not tell of the end of
// that, but when it is asked to do something there.
func watchOver(fd int) {
	for sys.PutZeros(fd, world.Page, world.Page) != unix.ESRCH {
		m, err := sys.ReadFault(fd)
		switch {
		case err != nil:
			time.Sleep(10 * time.Millisecond)
		case m.Event == sys.FaultPage:
			killIfWaiting(int(uint32(m.Args[2])), m.Args[1])
		case m.Event == sys.FaultFork:
			go watchOver(int(uint32(m.Args[0])))
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
