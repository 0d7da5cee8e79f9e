// How a process is scheduled that can't be kept, or not taken by a fork.

package capture

import (
	"fmt"
	"unsafe"

	"snappipe/kernel/process/proc"

	"golang.org/x/sys/unix"
)

// checkScheduling refuses a process of whose threads one has a cookie for core
// scheduling, unless it is that of this process: it says with whom it shares a
// core, and is of use only together with those. And it refuses a first thread
// with a deadline, which may not fork (sched(7)).
func (c *member) checkScheduling() error {
	tids, err := proc.Tasks(c.pid)
	if err != nil {
		return fmt.Errorf("%s: %w", c.object(), err)
	}
	own, ok := coreCookie(0)
	for _, tid := range tids {
		if !ok {
			break // this kernel or machine has none
		}
		if cookie, ok := coreCookie(tid); ok && cookie != 0 && cookie != own {
			return c.refuse("", "its thread %d shares a processor core with chosen others only (PR_SCHED_CORE)", tid)
		}
	}
	const deadline, resetOnFork = 6, 1 // SCHED_DEADLINE, SCHED_FLAG_RESET_ON_FORK
	if a, err := unix.SchedGetAttr(c.pid, 0); err == nil && a.Policy == deadline && a.Flags&resetOnFork == 0 {
		return c.refuse("", "its scheduling policy is SCHED_DEADLINE, with which it may not fork")
	}
	return nil
}

// coreCookie asks for that of a thread, 0 is this one.
func coreCookie(tid int) (cookie uint64, ok bool) {
	const get, thread = 0, 0 // PR_SCHED_CORE_GET, PR_SCHED_CORE_SCOPE_THREAD
	_, _, e := unix.Syscall6(unix.SYS_PRCTL, unix.PR_SCHED_CORE, get, uintptr(tid), thread, uintptr(unsafe.Pointer(&cookie)), 0)
	return cookie, e == 0
}
