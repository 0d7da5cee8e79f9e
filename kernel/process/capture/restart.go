// Calls that were interrupted before: by SIGSTOP, or an earlier snapshot. The
// kernel goes on with a sleep by restart_syscall(2), and from then on says that
// this is the call the thread is in; its arguments are in the registers still.
// Which call it really is, is in the code that made it.

package capture

import (
	"slices"

	"snappipe/kernel/process/ptrace"
	"snappipe/kernel/process/world"

	"golang.org/x/sys/unix"
)

// restartable are the calls that the kernel goes on with in this way
// (include/linux/restart_block.h).
var restartable = []uint32{unix.SYS_NANOSLEEP, unix.SYS_CLOCK_NANOSLEEP, unix.SYS_POLL, unix.SYS_FUTEX}

// uncoverCall puts the number of the call into the registers of a thread, if it
// was loaded right before: by "mov eax, NUMBER; syscall", which is what C
// libraries and Go have for them.
func (c *member) uncoverCall(t *world.Thread) {
	nr, in := (*ptrace.Regs)(&t.Regs).InSyscall()
	if !in || nr != unix.SYS_RESTART_SYSCALL {
		return
	}
	const movEAX = 0xb8
	code := make([]byte, 7)
	if err := c.mem.Read(code, t.Regs.Rip-uint64(len(code))); err != nil || code[0] != movEAX {
		return
	}
	if code[5] != 0x0f || code[6] != 0x05 {
		return
	}
	if nr := le.Uint32(code[1:]); slices.Contains(restartable, nr) {
		t.Regs.Orig_rax = uint64(nr)
	}
}
