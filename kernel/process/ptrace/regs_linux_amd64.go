// This file is what is particular to x86-64: registers, the convention of
// system calls, and how one that was interrupted is made again.

package ptrace

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// Regs are the general registers, in the layout of the register set
// NT_PRSTATUS (struct user_regs_struct, arch/x86/include/asm/user_64.h).
type Regs unix.PtraceRegs

const (
	regsSize = int(unsafe.Sizeof(Regs{}))
	// maxXstate bounds what is read of the register set NT_X86_XSTATE. With
	// AMX, the largest extension so far, it is 11008 bytes.
	maxXstate = 64 << 10

	noSyscall = ^uint64(0) // orig_rax outside of system calls
)

// Regs reads the general registers.
func (t Thread) Regs() (Regs, error) {
	var r Regs
	_, err := t.moveRegisterSet(unix.PTRACE_GETREGSET, unix.NT_PRSTATUS, r.bytes())
	return r, err
}

// SetRegs sets them.
func (t Thread) SetRegs(r *Regs) error {
	return t.setRegisterSet(unix.NT_PRSTATUS, r.bytes())
}

// bytes is the registers themselves, not a copy.
func (r *Regs) bytes() []byte {
	return unsafe.Slice((*byte)(unsafe.Pointer(r)), regsSize)
}

// Xstate reads the whole extended state (x87, SSE, AVX and so on) in the
// standard format of XSAVE.
func (t Thread) Xstate() ([]byte, error) {
	return t.RegisterSet(unix.NT_X86_XSTATE, maxXstate)
}

// SetXstate sets it. The kernel refuses what this CPU does not have
// (arch/x86/kernel/fpu/xstate.c: copy_uabi_to_xstate).
func (t Thread) SetXstate(b []byte) error {
	return t.setRegisterSet(unix.NT_X86_XSTATE, b)
}

// idle is 1 for a thread that was in a system call, and else 0.
func (r *Regs) idle() int {
	if r.Orig_rax == noSyscall {
		return 0
	}
	return 1
}

// PrepareCall sets the registers for one system call at site. That orig_rax
// says "no system call" keeps the kernel from restarting the one that the
// thread was in (arch/x86/kernel/signal.c: arch_do_signal_or_restart).
func (r *Regs) PrepareCall(site uint64, nr uintptr, args ...uint64) {
	var a [6]uint64
	copy(a[:], args)
	r.Rip, r.Rax, r.Orig_rax = site, uint64(nr), noSyscall
	r.Rdi, r.Rsi, r.Rdx, r.R10, r.R8, r.R9 = a[0], a[1], a[2], a[3], a[4], a[5]
}

// CallAndWait is code that makes the system call which the registers are prepared
// for, waits until the process has no children, if it ignores SIGCHLD (wait(2)),
// and then ends it.
var CallAndWait = []byte{
	0x0f, 0x05, //                                syscall
	0xb8, 0x3d, 0x00, 0x00, 0x00, //             mov eax, 61    wait4
	0x48, 0xc7, 0xc7, 0xff, 0xff, 0xff, 0xff, // mov rdi, -1
	0x31, 0xf6, //                               xor esi, esi
	0xba, 0x00, 0x00, 0x00, 0x40, //             mov edx, __WALL
	0x4d, 0x31, 0xd2, //                         xor r10, r10
	0x0f, 0x05, //                               syscall
	0xb8, 0xe7, 0x00, 0x00, 0x00, //             mov eax, 231   exit_group
	0x31, 0xff, //                               xor edi, edi
	0x0f, 0x05, //                               syscall
}

// CallAndKill is code that makes the system call which the registers are prepared
// for and, unless that returns 1, kills the processes of the pidfds from r12 up to,
// and not with, r13 (pidfd_send_signal(2)). Then it ends the process.
var CallAndKill = []byte{
	0x0f, 0x05, //                         syscall
	0x48, 0x83, 0xf8, 0x01, //             cmp rax, 1
	0x74, 0x1e, //                         je  end
	// next:
	0x4d, 0x39, 0xec, //                   cmp r12, r13
	0x73, 0x19, //                         jae end
	0xb8, 0xa8, 0x01, 0x00, 0x00, //       mov eax, 424   pidfd_send_signal
	0x44, 0x89, 0xe7, //                   mov edi, r12d
	0xbe, 0x09, 0x00, 0x00, 0x00, //       mov esi, SIGKILL
	0x31, 0xd2, //                         xor edx, edx
	0x45, 0x31, 0xd2, //                   xor r10d, r10d
	0x0f, 0x05, //                         syscall
	0x49, 0xff, 0xc4, //                   inc r12
	0xeb, 0xe2, //                         jmp next
	// end:
	0xb8, 0xe7, 0x00, 0x00, 0x00, //       mov eax, 231   exit_group
	0x31, 0xff, //                         xor edi, edi
	0x0f, 0x05, //                         syscall
}

// result is what the system call that the thread just left returned.
func (r *Regs) result() (uint64, unix.Errno) {
	// include/linux/err.h: MAX_ERRNO
	if v := int64(r.Rax); v < 0 && v >= -4095 {
		return 0, unix.Errno(-v)
	}
	return r.Rax, 0
}

// Returns of an interrupted system call that only the kernel's own signal
// code sees (include/linux/errno.h).
const (
	erestartSys          = 512
	erestartNoIntr       = 513
	erestartNoHand       = 514
	erestartRestartBlock = 516
)

// InSyscall reports whether the registers are those of a thread stopped
// inside a system call, and which.
func (r *Regs) InSyscall() (nr uint64, ok bool) {
	return r.Orig_rax, int64(r.Orig_rax) >= 0
}

// Restart does to the registers of an interrupted system call what the
// kernel does when no handler runs (arch/x86/kernel/signal.c), for a thread
// that the kernel does not know to be in one: the call is made again. Where
// the kernel would have gone on with the time that is left (nanosleep, poll,
// futex: what uses a restart block), the whole time starts anew. If that had
// happened to it before, what call it was is not known any more, and it
// returns EINTR, as for a handled signal.
func (r *Regs) Restart() {
	nr, in := r.InSyscall()
	if !in {
		return
	}
	switch -int64(r.Rax) {
	case erestartRestartBlock:
		if nr == unix.SYS_RESTART_SYSCALL {
			r.Rax = ^uint64(unix.EINTR) + 1
			break
		}
		fallthrough
	case erestartSys, erestartNoIntr, erestartNoHand:
		r.Rax = nr
		r.Rip -= 2 // the length of the instruction
	}
	r.Orig_rax = noSyscall
}
