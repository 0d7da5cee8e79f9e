package ptrace

// This file has a thread put memory of its own into a pipe, as long as there is
// room or a reader makes some, and without a stop for each part: stops are what
// takes the time.

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// Splicer is code that goes through a list of struct iovec at rbx, up to one
// that is empty, with vmsplice(2) into the pipe r12. It keeps the list up to
// date, and ends in a breakpoint: the SIGTRAP of that stops a traced thread, and
// here it is one that has no use for its signals any more.
var Splicer = []byte{
	// again:
	0xb8, 0x16, 0x01, 0x00, 0x00, // mov eax, 278  vmsplice
	0x4c, 0x89, 0xe7, //             mov rdi, r12
	0x48, 0x89, 0xde, //             mov rsi, rbx
	0xba, 0x01, 0x00, 0x00, 0x00, // mov edx, 1
	0x45, 0x31, 0xd2, //             xor r10d, r10d
	0x0f, 0x05, //                   syscall
	0x48, 0x85, 0xc0, //             test rax, rax
	0x7e, 0x14, //                   jle end
	0x48, 0x01, 0x03, //             add [rbx], rax
	0x48, 0x29, 0x43, 0x08, //       sub [rbx+8], rax
	0x75, 0xdd, //                   jnz again
	0x48, 0x83, 0xc3, 0x10, //       add rbx, 16
	0x48, 0x83, 0x7b, 0x08, 0x00, // cmp qword [rbx+8], 0
	0x75, 0xd2, //                   jne again
	// end:
	0xcc, // int3
}

// Splice runs a Splicer that lies at code.
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
		return &StopError{c.Thread, stop}
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
