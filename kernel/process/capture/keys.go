// Protection keys, pkeys(7): which of them are allocated. Which memory has
// which, /proc/PID/smaps says; what a thread may do with it is in a register.

package capture

import (
	"errors"
	"fmt"

	"snappipe/kernel/process/world"

	"golang.org/x/sys/unix"
)

// readKeys allocates in the twin all that are free: the others are the
// program's.
func (c *member) readKeys() error {
	const pkru, keys = 1 << 9, 16 // of XCR0; arch/x86/include/asm/pkeys.h
	if world.XFeatures(c.task.Threads[0].XState)&pkru == 0 {
		return nil
	}
	allocated := world.Hex(1<<keys - 1)
	for {
		key, err := c.twin.call.Call(unix.SYS_PKEY_ALLOC, 0, 0)
		if errors.Is(err, unix.ENOSPC) {
			break
		}
		if err != nil {
			return fmt.Errorf("reading its protection keys: %w", err)
		}
		allocated &^= 1 << key
	}
	const always = 1 // key 0
	c.task.PKeys = allocated &^ always
	return nil
}
