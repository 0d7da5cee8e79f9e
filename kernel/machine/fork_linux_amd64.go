// Starting the child, and waiting for it.

package machine

import (
	"errors"
	"fmt"
	"runtime"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// device is the way into the kernel: Documentation/power/userland-swsusp.rst.
const device = "/dev/snapshot"

// task is what a child is for.
type task int

const (
	taskTake task = iota
	taskRestore
	taskGuard
)

// newJob returns a job in memory that a child shares. free unmaps it.
func newJob() (j *job, free func(), err error) {
	mem, err := mapShared(unsafe.Sizeof(job{}))
	if err != nil {
		return nil, nil, err
	}
	j = (*job)(mem.at)
	clear(j.stack[:]) // every page has to be there: see child_linux_amd64.go
	copy(j.path[:], device)
	return j, func() { mem.unmap(0) }, nil
}

// fork starts the child that does t, with what lies at p.
//
// It is a plain clone(2), not the runtime's: the child never comes back into
// Go. No signal reaches it, since a handler would be the runtime's; SIGKILL
// does, and is safe. The thread is locked since signals are held off by thread.
// The checks of pointers that the race detector comes with are functions that
// look after the stack, so that a child whose parent was to be preempted would
// be, for ever.
//
//go:noinline
//go:norace
//go:nocheckptr
func fork(t task, p unsafe.Pointer) (pid int, err error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	all, old := ^uint64(0), uint64(0)
	syscall.RawSyscall6(syscall.SYS_RT_SIGPROCMASK, unix.SIG_SETMASK,
		uintptr(unsafe.Pointer(&all)), uintptr(unsafe.Pointer(&old)), 8, 0, 0)
	var r uintptr
	var errno syscall.Errno
	if t == taskTake {
		r, errno = clone((*job)(p))
	} else {
		r, _, errno = syscall.RawSyscall6(syscall.SYS_CLONE, uintptr(syscall.SIGCHLD), 0, 0, 0, 0, 0)
	}
	if errno == 0 && r == 0 {
		switch t {
		case taskRestore:
			(*job)(p).restore()
		case taskGuard:
			(*guard)(p).watch()
		}
		exit()
	}
	syscall.RawSyscall6(syscall.SYS_RT_SIGPROCMASK, unix.SIG_SETMASK,
		uintptr(unsafe.Pointer(&old)), 0, 8, 0, 0)
	if errno != 0 {
		return 0, fmt.Errorf("fork: %w", errno)
	}
	return int(r), nil
}

// clone starts the child that makes the image. It has the very memory of its
// parent, so that the image can be read into private pages: those that a fork
// shares are files in memory to the kernel, and half as expensive again to
// fill. So it needs a stack of its own, where its parent does not write.
//
//go:norace
func clone(j *job) (pid uintptr, errno syscall.Errno) {
	const argument = 16 // what the stack has at its top, which stays aligned
	top := unsafe.Add(unsafe.Pointer(&j.stack), unsafe.Sizeof(j.stack)-argument)
	*(*unsafe.Pointer)(top) = unsafe.Pointer(j)
	r := cloneTake(unix.CLONE_VM|uintptr(syscall.SIGCHLD), top)
	if failed := -int(r); failed > 0 && failed < 4096 {
		return 0, syscall.Errno(failed)
	}
	return r, 0
}

// cloneTake is clone(2) with a child that calls takeAndExit. It returns what
// the kernel does.
//
//go:noescape
func cloneTake(flags uintptr, stack unsafe.Pointer) (r uintptr)

// takeAndExit is the child.
//
//lint:ignore U1000 cloneTake calls it
//go:nosplit
//go:norace
func takeAndExit(j *job) {
	j.take()
	exit()
}

// waitFor returns when a child has ended.
func waitFor(pid int) (status unix.WaitStatus, err error) {
	_, err = unix.Wait4(pid, &status, 0, nil)
	for errors.Is(err, unix.EINTR) {
		_, err = unix.Wait4(pid, &status, 0, nil)
	}
	if err != nil {
		err = fmt.Errorf("wait for process %d: %w", pid, err)
	}
	return status, err
}

// wait returns when the child that does j has ended. In a resumed system it
// is the saved child that ends.
func (j *job) wait(pid int) error {
	status, err := waitFor(pid)
	switch {
	case j.finished == 1:
		return nil // ECHILD: whoever started us ignores SIGCHLD
	case err != nil:
		return err
	case status.Signaled():
		return fmt.Errorf("process %d was killed (%v) about to %v; the machine goes on", pid, status.Signal(), j.step)
	}
	return fmt.Errorf("process %d ended early, about to %v; the machine goes on", pid, j.step)
}

func (s step) String() string {
	switch s {
	case stepOpen:
		return "open " + device
	case stepFreeze:
		return "freeze all processes"
	case stepCreate:
		return "make the image"
	case stepSize:
		return "ask for the size of the image"
	case stepRead:
		return "read the image"
	case stepRestore:
		return "restore the image"
	case stepFree:
		return "free the image"
	case stepThaw:
		return "thaw all processes"
	case stepClose:
		return "close " + device
	}
	return "begin"
}
