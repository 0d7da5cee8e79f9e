// Stopping everyone who might write.
//
// A process that writes to a frozen file system sleeps where no signal wakes
// it (sb_start_write in include/linux/fs.h), and then the kernel cannot
// freeze it: the snapshot would fail. So all processes are stopped first, and
// run again as soon as the image is made. Those that then write wait until
// the file system is thawed.

package machine

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"golang.org/x/sys/unix"

	"snappipe/kernel"
)

// stopping is how long processes may take to stop: some wait for a disk.
const stopping = 10 * time.Second

// stopped are the PIDs of those that this process has stopped.
type stopped []int

// stopAll stops every process but those in spare, process 1, and what is
// stopped already.
func stopAll(spare []int, g *guardian) (stopped, error) {
	var all stopped
	for deadline := time.Now().Add(stopping); ; time.Sleep(10 * time.Millisecond) {
		ps, err := processes()
		if err != nil {
			return nil, errors.Join(err, all.run(nil))
		}
		var still []process
		for _, p := range ps {
			switch {
			case p.pid == 1, p.flags&kernelThread != 0, slices.Contains(spare, p.pid), gone(p):
			case slices.Contains(all, p.pid):
				if !halted(p.pid) {
					still = append(still, p)
				}
			case p.state == 'T':
			default:
				if err := g.add(p.pid); err != nil {
					return nil, errors.Join(err, all.run(nil))
				}
				if unix.Kill(p.pid, unix.SIGSTOP) == nil { // else it has ended
					all = append(all, p.pid)
					still = append(still, p)
				}
			}
		}
		if len(still) == 0 {
			return all, nil
		}
		if time.Now().After(deadline) {
			return nil, errors.Join(kernel.Refuse(fmt.Sprint(still), "", "does not stop, so the file systems cannot be frozen"), all.run(nil))
		}
	}
}

func gone(p process) bool { return p.state == 'Z' || p.state == 'X' }

// halted reports whether every thread of a process stands still.
func halted(pid int) bool {
	ts, err := threads(pid)
	if err != nil {
		return false
	}
	return !slices.ContainsFunc(ts, func(t process) bool { return t.state != 'T' && t.state != 't' && !gone(t) })
}

// run lets them go on, all but those in keep.
func (s stopped) run(keep []int) error {
	var errs []error
	for _, pid := range s {
		if slices.Contains(keep, pid) {
			continue
		}
		if err := unix.Kill(pid, unix.SIGCONT); err != nil && !errors.Is(err, unix.ESRCH) {
			errs = append(errs, fmt.Errorf("let process %d go on: %w", pid, err))
		}
	}
	return errors.Join(errs...)
}

// keepOnly forgets all but those in keep.
func (s stopped) keepOnly(keep []int) stopped {
	return slices.DeleteFunc(slices.Clone(s), func(pid int) bool { return !slices.Contains(keep, pid) })
}
