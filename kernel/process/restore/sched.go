// This file sets how a thread is scheduled. It is done from here, by thread
// ID: what the user may do to it he may do to a process of his.

package restore

import (
	"fmt"
	"unsafe"

	"golang.org/x/sys/unix"
)

// ioprioWhoProcess is IOPRIO_WHO_PROCESS, include/uapi/linux/ioprio.h.
const ioprioWhoProcess = 1

// utilClamp is SCHED_FLAG_UTIL_CLAMP, include/uapi/linux/sched.h: sched_setattr(2)
// is to set the bounds that sched_getattr(2) shows.
const utilClamp = 0x60

func (p *process) setSched(t *thread) error {
	if err := p.setPolicy(t); err != nil {
		return err
	}
	if err := p.setAffinity(t); err != nil {
		return err
	}
	s := &t.saved.Sched
	_, _, errno := unix.Syscall(unix.SYS_IOPRIO_SET, ioprioWhoProcess, uintptr(t.tid), uintptr(s.IOPrio))
	if errno != 0 {
		if err := p.tolerate(fmt.Sprintf("I/O priority %#x", s.IOPrio), errno); err != nil {
			return fmt.Errorf("setting its I/O priority: %w", err)
		}
	}
	return nil
}

func (p *process) setPolicy(t *thread) error {
	s := &t.saved.Sched
	have, err := unix.SchedGetAttr(t.tid, 0)
	if err != nil {
		return fmt.Errorf("reading its scheduling: %w", err)
	}
	want := unix.SchedAttr{
		Size: uint32(unsafe.Sizeof(unix.SchedAttr{})), Policy: s.Policy, Flags: s.Flags, Nice: s.Nice,
		Priority: s.Priority, Runtime: s.Runtime, Deadline: s.Deadline, Period: s.Period,
		Util_min: s.UtilMin, Util_max: s.UtilMax,
	}
	if have.Util_min != want.Util_min || have.Util_max != want.Util_max {
		want.Flags |= utilClamp
	}
	have.Size = want.Size
	if *have == want {
		return nil
	}
	err = p.tolerate(fmt.Sprintf("scheduling of thread %d (policy %d, nice %d)", t.id, s.Policy, s.Nice),
		unix.SchedSetAttr(t.tid, &want, 0))
	if err != nil {
		return fmt.Errorf("setting its scheduling: %w", err)
	}
	return nil
}

func (p *process) setAffinity(t *thread) error {
	var want, have unix.CPUSet
	for _, cpu := range t.saved.Sched.Affinity {
		want.Set(cpu)
	}
	if err := unix.SchedGetaffinity(t.tid, &have); err != nil {
		return fmt.Errorf("reading its processors: %w", err)
	}
	if want == have || want.Count() == 0 {
		return nil
	}
	err := unix.SchedSetaffinity(t.tid, &want)
	if err == unix.EINVAL {
		p.options.Warn(fmt.Sprintf("thread %d runs on any processor: none of those it was bound to is here", t.id))
		return nil
	}
	if err != nil {
		return fmt.Errorf("setting its processors: %w", err)
	}
	return nil
}
