// The holder: a process with the same table of descriptors as the server. The kernel
// tells of a fork with a new userfaultfd, which is in that table when the child begins to
// run; if only the server had it, and were killed then, the child would see zeros. From
// the holder the guard takes all that the server has had.

package lazy

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"

	"snappipe/kernel/process/sys"
)

type holder struct {
	process
	gone chan struct{} // closed when it has ended
}

func startHolder() (*holder, error) {
	pid, err := sys.HoldFiles()
	if err != nil {
		return nil, fmt.Errorf("starting the holder of descriptors: %w", err)
	}
	child, err := os.FindProcess(pid)
	if err != nil {
		return nil, err
	}
	h := &holder{process: process{pid: pid}, gone: make(chan struct{})}
	if h.fd, err = unix.PidfdOpen(pid, 0); err != nil {
		return nil, errors.Join(fmt.Errorf("pidfd_open: %w", err), child.Kill())
	}
	go func() {
		_, _ = child.Wait()
		close(h.gone)
	}()
	return h, nil
}

// end has it end, if it has not.
func (h *holder) end() {
	_ = unix.PidfdSendSignal(h.fd, unix.SIGKILL, nil, 0)
	<-h.gone
	unix.Close(h.fd)
}

// newHolder starts one that the guard knows. s.mu is held, or nobody else knows the
// server yet.
func (s *Server) newHolder() error {
	h, err := startHolder()
	if err != nil {
		return err
	}
	s.holder = h
	go s.mind(h.gone, s.newHolder)
	return s.guard.take(h)
}

// userfaultfds takes those that a holder has.
func userfaultfds(h process) (fds []int, err error) {
	dir := fmt.Sprintf("/proc/%d/fd", h.pid)
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		var fd, theirs int
		if to, err := os.Readlink(dir + "/" + e.Name()); err != nil || to != "anon_inode:[userfaultfd]" {
			continue
		}
		if _, err = fmt.Sscan(e.Name(), &theirs); err == nil {
			fd, err = unix.PidfdGetfd(h.fd, theirs, 0)
		}
		if err != nil {
			return fds, err
		}
		fds = append(fds, fd)
	}
	return fds, nil
}
