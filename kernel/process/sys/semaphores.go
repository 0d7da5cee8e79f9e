// System V semaphores, of which package unix has nothing, and commands that all of
// System V IPC has.

package sys

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// ControlIPC is msgctl(2), semctl(2) or shmctl(2), as nr says, with an index and a
// command that stores to b.
func ControlIPC(nr, index, command uint64, b []byte) (uint64, error) {
	at := unsafe.Pointer(unsafe.SliceData(b))
	var v uintptr
	var e unix.Errno
	if nr == unix.SYS_SEMCTL {
		v, _, e = unix.Syscall6(uintptr(nr), uintptr(index), 0, uintptr(command), uintptr(at), 0, 0)
	} else {
		v, _, e = unix.Syscall(uintptr(nr), uintptr(index), uintptr(command), uintptr(at))
	}
	if e != 0 {
		return 0, e
	}
	return uint64(v), nil
}

// RemoveSemaphores removes a set (IPC_RMID of semctl(2)).
func RemoveSemaphores(id int) error {
	_, _, e := unix.Syscall6(unix.SYS_SEMCTL, uintptr(id), 0, unix.IPC_RMID, 0, 0, 0)
	if e != 0 {
		return e
	}
	return nil
}

// SemaphorePID is who has changed a semaphore of a set last (GETPID of semctl(2)), or 0.
func SemaphorePID(id, number int) (int, error) {
	const getPID = 11 // include/uapi/linux/sem.h
	pid, _, e := unix.Syscall6(unix.SYS_SEMCTL, uintptr(id), uintptr(number), getPID, 0, 0, 0)
	if e != 0 {
		return 0, e
	}
	return int(pid), nil
}
