// This file is about what registers say of a thread: above all whether it is in
// a system call that shows the program that it was stopped.
//
// Most calls that a stop interrupts return one of the -ERESTART codes, on
// which the kernel makes them again. Some return a bare EINTR "after being
// stopped", as signal(7) lists; written as -ERESTARTNOHAND they are made again
// too, unless a signal handler runs, and then return EINTR as they would have.
// What a timeout had left is not known any more: it starts anew.

package ptrace

import "golang.org/x/sys/unix"

// bareEINTR are the calls that signal(7) names under "Interruption of system
// calls and library functions by stop signals", with their relatives, and
// those that socket timeouts make behave like them.
var bareEINTR = map[uint64]bool{
	unix.SYS_EPOLL_WAIT: true, unix.SYS_EPOLL_PWAIT: true, unix.SYS_EPOLL_PWAIT2: true,
	unix.SYS_RT_SIGTIMEDWAIT: true,
	unix.SYS_SEMOP:           true, unix.SYS_SEMTIMEDOP: true,
	unix.SYS_MSGRCV: true, unix.SYS_MSGSND: true,
	unix.SYS_IO_GETEVENTS: true, unix.SYS_IO_PGETEVENTS: true,
	unix.SYS_READ: true, unix.SYS_READV: true, unix.SYS_WRITE: true, unix.SYS_WRITEV: true,
	unix.SYS_RECVFROM: true, unix.SYS_RECVMSG: true, unix.SYS_RECVMMSG: true,
	unix.SYS_SENDTO: true, unix.SYS_SENDMSG: true, unix.SYS_SENDMMSG: true,
	unix.SYS_ACCEPT: true, unix.SYS_ACCEPT4: true,
}

// hideStop makes a call that the stop ended with EINTR one that the kernel
// makes again. It reports whether the registers changed.
func (r *Regs) hideStop() bool {
	nr, in := r.InSyscall()
	if !in || r.Rax != ^uint64(unix.EINTR)+1 || !bareEINTR[nr] {
		return false
	}
	r.Rax = ^uint64(erestartNoHand) + 1
	return true
}

// restartWithBlock is Restart for a thread whose restart block is still its
// own: an interrupted sleep goes on, for what was left of it, by
// restart_syscall(2).
func (r *Regs) restartWithBlock() {
	if _, in := r.InSyscall(); !in || r.Rax != ^uint64(erestartRestartBlock)+1 {
		r.Restart()
		return
	}
	r.Rax, r.Orig_rax = unix.SYS_RESTART_SYSCALL, noSyscall
	r.Rip -= 2 // the length of the instruction
}

// Is64Bit reports whether the thread runs 64-bit code (arch/x86/include/asm/
// segment.h: __USER_CS; 32-bit code has __USER32_CS).
func (r *Regs) Is64Bit() bool { return r.Cs&0xfff == 0x33 } // 0xe033 under Xen
