// A process that keeps descriptors open for another one that may be killed at any time.

package sys

import (
	"runtime"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// HoldFiles starts a child that has the very table of descriptors of this process
// (CLONE_FILES of clone(2)), and does nothing: what either opens or closes, the other has
// or has not in the same moment, and what is open stays so until both are gone. It is to
// be killed, and waited for. No other signal reaches it, nor does a terminal.
//
// It is a plain clone(2), not the runtime's: the child never comes back into Go. So
// signals are held off, by thread, before it is there.
//
//go:noinline
//go:norace
func HoldFiles() (pid int, err error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	all, old := ^uint64(0), uint64(0)
	syscall.RawSyscall6(unix.SYS_RT_SIGPROCMASK, unix.SIG_SETMASK,
		uintptr(unsafe.Pointer(&all)), uintptr(unsafe.Pointer(&old)), unsafe.Sizeof(all), 0, 0)
	child, _, e := syscall.RawSyscall6(unix.SYS_CLONE, unix.CLONE_FILES|uintptr(unix.SIGCHLD), 0, 0, 0, 0, 0)
	if e == 0 && child == 0 {
		holdFiles()
	}
	syscall.RawSyscall6(unix.SYS_RT_SIGPROCMASK, unix.SIG_SETMASK,
		uintptr(unsafe.Pointer(&old)), 0, unsafe.Sizeof(old), 0, 0)
	if e != 0 {
		return 0, e
	}
	return int(child), nil
}

// holderName is what ps(1) shows of the child.
var holderName = [...]byte{'s', 'n', 'a', 'p', '-', 'h', 'o', 'l', 'd', 'e', 'r', 0}

// holdFiles is the child.
//
//go:nosplit
//go:norace
func holdFiles() {
	syscall.RawSyscall(unix.SYS_SETSID, 0, 0, 0)
	syscall.RawSyscall(unix.SYS_PRCTL, unix.PR_SET_NAME, uintptr(unsafe.Pointer(&holderName)), 0)
	for {
		syscall.RawSyscall6(unix.SYS_PPOLL, 0, 0, 0, 0, 0, 0)
	}
}
