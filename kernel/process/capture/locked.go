// mlockall(MCL_FUTURE). Nothing tells whether a program has called it, and its
// twin does not inherit it; but the memory that is mapped in the program's
// name, for the calls it makes, is locked then.

package capture

import (
	"fmt"

	"snappipe/kernel/process/proc"
	"snappipe/kernel/process/ptrace"
	"snappipe/kernel/process/world"

	"golang.org/x/sys/unix"
)

// Of mlockall(2); golang.org/x/sys has no name for the last.
const (
	lockFuture  = unix.MCL_FUTURE
	lockOnFault = 4
)

// lockedBytes is how much of the program's memory is locked.
func (c *member) lockedBytes() (uint64, error) {
	s, err := proc.ReadStatus(c.pid)
	return s.Bytes("VmLck"), err
}

// lockedBeside has another thread read that once more, now that memory is
// mapped.
func (c *member) lockedBeside() <-chan lockedNow {
	answer := make(chan lockedNow, 1)
	go func() {
		n, err := c.lockedBytes()
		answer <- lockedNow{n, err}
	}()
	return answer
}

type lockedNow struct {
	bytes uint64
	err   error
}

// readLockFuture compares it to what it was before. What is locked is there
// from the start, unless that waits until it is used: that is tried out with a page.
func (c *member) readLockFuture(call *ptrace.Caller, page uint64, after <-chan lockedNow) error {
	now := <-after
	if now.err != nil || now.bytes == c.frozen.locked {
		return now.err
	}
	if _, err := call.Call(unix.SYS_MMAP, page, world.Page, unix.PROT_READ|unix.PROT_WRITE,
		unix.MAP_PRIVATE|unix.MAP_ANONYMOUS|unix.MAP_FIXED, ^uint64(0), 0); err != nil {
		return fmt.Errorf("mapping a page in it: %w", err)
	}
	there, err := c.present(page)
	c.task.LockFuture = lockFuture
	if !there {
		c.task.LockFuture |= lockOnFault
	}
	return err
}

func (c *member) present(page uint64) (bool, error) {
	pagemap, err := proc.OpenPagemap(c.pid)
	if err != nil {
		return false, err
	}
	defer pagemap.Close()
	runs, err := pagemap.Runs(page, page+world.Page, proc.Present)
	return len(runs) > 0, err
}
