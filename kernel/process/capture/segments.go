// Segments that a program made itself: in its local descriptor table, by
// modify_ldt(2), and for threads, by set_thread_area(2). 64-bit programs have
// them to run 32-bit code.

package capture

import (
	"bytes"
	"fmt"

	"snappipe/kernel/process/ptrace"
	"snappipe/kernel/process/world"

	"golang.org/x/sys/unix"
)

// readLDT reads the table in the twin, up to its last entry in use.
func (c *member) readLDT() error {
	table := make([]byte, c.twin.batch.Size)
	n, err := c.twin.call.Call(unix.SYS_MODIFY_LDT, 0, c.twin.batch.At, uint64(len(table)))
	if err == unix.ENOSYS || err == nil && n == 0 {
		return nil
	}
	if err == nil {
		err = c.twin.Memory.Read(table, c.twin.batch.At)
	}
	if err != nil {
		return fmt.Errorf("reading its local descriptor table: %w", err)
	}
	table = table[:min(int(n), len(table))]
	used := bytes.TrimRight(table, "\x00")
	c.task.LDT = table[:(len(used)+world.SegmentSize-1)/world.SegmentSize*world.SegmentSize]
	return nil
}

// threadSegments reads those of a thread.
func threadSegments(t ptrace.Thread) (all [ptrace.ThreadAreas]world.Bytes, err error) {
	for i := range all {
		if all[i], err = t.ThreadArea(i); err != nil {
			return all, fmt.Errorf("reading the segments of thread %d: %w", int(t), err)
		}
	}
	return all, nil
}
