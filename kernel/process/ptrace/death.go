// This file ends a process that is traced, without its parent seeing it yet.

package ptrace

import "golang.org/x/sys/unix"

// KillUnseen ends the process whose first thread t is, and returns when it has
// given back all that it had. Until the tracer waits for it (Reap does)
// its parent can't (kernel/exit.c: wait_consider_task).
func (t Thread) KillUnseen() error {
	if err := unix.Kill(int(t), unix.SIGKILL); err != nil && err != unix.ESRCH {
		return err
	}
	for {
		err := unix.Waitid(unix.P_PID, int(t), nil, unix.WEXITED|unix.WNOWAIT|unix.WALL, nil)
		switch err {
		case unix.EINTR:
		case unix.ECHILD:
			return nil
		default:
			return err
		}
	}
}
