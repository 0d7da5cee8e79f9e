// System V semaphores, of which package unix has nothing.

package sys

import "golang.org/x/sys/unix"

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
