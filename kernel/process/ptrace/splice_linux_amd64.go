// This file has a thread put memory of its own into a pipe, as long as there is
// room or a reader makes some, and without a stop for each part: stops are what
// takes the time.

package ptrace

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// Splice runs the splicer, which lies at code.
func (c *Caller) Splice(code, pipe, list uint64) error {
	regs := c.Base
	regs.Rip, regs.Orig_rax = code, noSyscall
	regs.R12, regs.Rbx = pipe, list
	if err := c.Thread.SetRegs(&regs); err != nil {
		return err
	}
	if err := c.Thread.Cont(0); err != nil {
		return err
	}
	stop, err := c.Thread.Wait()
	if err != nil {
		return err
	}
	if stop.Kind != Signalled || stop.Signal != unix.SIGTRAP {
		return &stopError{c.Thread, stop}
	}
	after, err := c.Thread.Regs()
	if err != nil {
		return err
	}
	if moved, errno := after.result(); moved == 0 {
		return fmt.Errorf("vmsplice: %w", errno)
	}
	return nil
}
