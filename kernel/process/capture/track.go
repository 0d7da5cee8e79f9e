// Tracking which pages a program writes to while it runs on: by a userfaultfd(2) of its
// memory, in the mode in which the kernel resolves each first write by itself and only
// notes it (Linux 6.7).
//
// It has to be the program that opens it, since it is of the memory of whoever does. So
// one of its threads is made to, and to close it again when this process has it too.
// What keeps the tracking up is this process alone: when it ends, however it does, the
// kernel takes all of it away.

package capture

import (
	"errors"
	"fmt"
	"slices"

	"snappipe/kernel/process/proc"
	"snappipe/kernel/process/ptrace"
	"snappipe/kernel/process/sys"

	"golang.org/x/sys/unix"
)

// openTracker returns a userfaultfd of the process's memory.
func (c *member) openTracker() (fd int, err error) {
	tid, err := interruptible(c.pid)
	if err != nil {
		return -1, err
	}
	pidfd, err := unix.PidfdOpen(c.pid, 0)
	if err != nil {
		return -1, err
	}
	defer unix.Close(pidfd)
	c.o.Tracking(c.pid, true)
	fd = -1
	err = callIn(tid, only(tid), nil, func(call *ptrace.Caller) error {
		theirs, err := call.Call(unix.SYS_USERFAULTFD, sys.TrackerFlags)
		if err != nil {
			return fmt.Errorf("userfaultfd(2) in its name: %w", err)
		}
		fd, err = unix.PidfdGetfd(pidfd, int(theirs), 0)
		_, e := call.Call(unix.SYS_CLOSE, theirs)
		return errors.Join(err, e)
	})
	c.o.Tracking(c.pid, false)
	if err == nil {
		err = sys.EnableTracking(fd)
	}
	if err != nil && fd >= 0 {
		unix.Close(fd)
	}
	return fd, err
}

// interruptible is a thread of a process that is likely to stop when it is told to: one
// that was told to and does not stays traced until this process ends.
func interruptible(pid int) (tid int, err error) {
	tids, err := proc.Tasks(pid)
	if err != nil {
		return 0, err
	}
	i := slices.IndexFunc(tids, func(tid int) bool { return !proc.Uninterruptible(pid, tid) })
	if i < 0 {
		return 0, errors.New("all of its threads are in system calls that can't be interrupted")
	}
	return tids[i], nil
}

// CloseTracker closes in a process the userfaultfd that an agent has had it open, if
// the agent was killed before that was closed: one of which nothing was asked yet.
func CloseTracker(pid int) error {
	open, err := proc.OpenFDs(pid)
	if err != nil {
		return nil // it has ended
	}
	defer open.Close()
	fds, err := open.List()
	if err != nil {
		return nil
	}
	for _, fd := range fds {
		link, _, e := open.Link(fd)
		if e != nil || link != "anon_inode:[userfaultfd]" {
			continue
		}
		if info, e := open.Info(fd); e != nil || !info.NewFaults {
			continue
		}
		e = patiently(func() error {
			return callInAny(pid, func(call *ptrace.Caller) error {
				_, err := call.Call(unix.SYS_CLOSE, uint64(fd))
				return err
			})
		})
		if e != nil {
			err = errors.Join(err, fmt.Errorf("closing a userfaultfd of the snapshot in process %d: %w", pid, e))
		}
	}
	return err
}
