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
