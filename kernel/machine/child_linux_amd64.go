// What runs while the machine stands still.
//
// SNAPSHOT_FREEZE freezes every task but the one that calls it, the other
// threads of its own process included (kernel/power/process.c,
// freeze_processes). The Go runtime cannot live with that: the garbage
// collector or the scheduler waits for a thread that does not run, and the
// machine stands still for ever. So the calls are made by a child, a process
// of its own with one thread, that never enters the runtime:
//
//   - every function here is nosplit, so that none asks for more stack, and
//     none allocates, locks, takes an interface or can panic;
//   - system calls are raw ones, which the scheduler does not see;
//   - all it knows lies in a [job], in memory that its parent sees too, and
//     its stack as well.
//
// Should the child die at any point, the last reference to /dev/snapshot goes
// with it, and the kernel frees the image and thaws the machine
// (kernel/power/user.c, snapshot_release). Nothing here may therefore be
// called while another process, the parent included, has the device open.
//
// While the machine is frozen the child must not write to a pipe or a
// terminal, whose reader does not run, nor touch a page of memory that is not
// there yet: the out-of-memory killer is off, and a page fault from user mode
// would be tried for ever. read(2) into such pages is safe, since a fault in
// the kernel's own copy fails with EFAULT.

package machine

import (
	"syscall"
	"unsafe"
)

// The ioctls of /dev/snapshot: include/uapi/linux/suspend_ioctls.h.
const (
	snapshotFreeze        = 0x3301
	snapshotUnfreeze      = 0x3302
	snapshotAtomicRestore = 0x3304
	snapshotFree          = 0x3305
	snapshotCreateImage   = 0x40043311
	snapshotGetImageSize  = 0x8008330e
)

const clockMonotonic = 1

// step is what the child is about to do.
type step int32

const (
	stepNone step = iota
	stepOpen
	stepFreeze
	stepCreate
	stepSize
	stepRead
	stepRestore
	stepFree
	stepThaw
	stepClose
)

// job is what the child is asked to do and what came of it.
type job struct {
	stack  [16 << 10]byte
	path   [32]byte // of /dev/snapshot, ending in a zero byte
	buf    unsafe.Pointer
	room   uintptr // bytes at buf
	device uintptr // restore: the open /dev/snapshot
	gate   uintptr // restore: a pipe, read before anything is done
	key    uintptr // restore: the end of it that the parent writes to
	dieAt  step    // tests only: exit instead of this step

	step      step // the last one begun, or the one that failed
	errno     syscall.Errno
	finished  int32 // 1 if the child came to its end
	inSuspend int32 // 1 in the system that runs on, 0 in the resumed one
	size      int64 // of the image, as the kernel says
	got       int64 // how much of it has been read

	frozen, thawed syscall.Timespec // CLOCK_MONOTONIC
}

// call makes the system call that is step s, and notes its failure.
//
//go:nosplit
//go:norace
func (j *job) call(s step, trap, a, b, c uintptr) (r uintptr, ok bool) {
	if j.dieAt == s {
		exit()
	}
	j.step = s
	r, _, errno := syscall.RawSyscall(trap, a, b, c)
	if errno != 0 {
		j.errno = errno
	}
	return r, errno == 0
}

// ioctl is call for an ioctl of the device, which another process can make fail
// just by trying to open that: for as long as it takes to turn it away, it holds
// the lock that an ioctl does not wait for (snapshot_ioctl in
// kernel/power/user.c). It does so even while the machine stands still, since
// who waits for that lock is not frozen. What takes long has failed for good.
//
//go:nosplit
//go:norace
func (j *job) ioctl(s step, fd, request, arg uintptr) (ok bool) {
	pause := syscall.Timespec{Nsec: 1e6}
	for tries := 0; ; tries++ {
		var began, ended syscall.Timespec
		now(&began)
		_, ok := j.call(s, syscall.SYS_IOCTL, fd, request, arg)
		now(&ended)
		if ok || j.errno != syscall.EBUSY || tries == 100 || ended.Sec-began.Sec > 1 {
			return ok
		}
		j.errno = 0
		syscall.RawSyscall(syscall.SYS_NANOSLEEP, uintptr(unsafe.Pointer(&pause)), 0, 0)
	}
}

// undo makes a system call on the way back. It leaves what the job says of
// the way there alone.
//
//go:nosplit
//go:norace
func (j *job) undo(s step, trap, a, b uintptr) {
	if j.dieAt == s {
		exit()
	}
	syscall.RawSyscall(trap, a, b, 0)
}

// take makes the image and copies it to the memory at j.buf.
//
//go:nosplit
//go:norace
func (j *job) take() {
	fd, ok := j.call(stepOpen, syscall.SYS_OPEN, uintptr(unsafe.Pointer(&j.path[0])), syscall.O_RDONLY, 0)
	if !ok {
		j.finished = 1
		return
	}
	now(&j.frozen)
	if j.ioctl(stepFreeze, fd, snapshotFreeze, 0) {
		j.capture(fd)
		j.thaw(fd)
		now(&j.thawed)
	}
	j.undo(stepClose, syscall.SYS_CLOSE, fd, 0)
	j.finished = 1
}

// capture makes the image and, in the system that runs on, reads it.
//
// SNAPSHOT_CREATE_IMAGE returns twice. What it stores in inSuspend is all
// that tells the two apart.
//
//go:nosplit
//go:norace
func (j *job) capture(fd uintptr) {
	ok := j.ioctl(stepCreate, fd, snapshotCreateImage, uintptr(unsafe.Pointer(&j.inSuspend)))
	if !ok || j.inSuspend == 0 {
		return
	}
	if !j.ioctl(stepSize, fd, snapshotGetImageSize, uintptr(unsafe.Pointer(&j.size))) {
		return
	}
	for uintptr(j.got) < j.room {
		// One call moves one page, whatever it is asked for.
		n, ok := j.call(stepRead, syscall.SYS_READ, fd, uintptr(j.buf)+uintptr(j.got), j.room-uintptr(j.got))
		if !ok || n == 0 {
			return
		}
		j.got += int64(n)
	}
}

// restore replaces the system by the image that was written to j.device. If
// that succeeds, it does not return.
//
//go:nosplit
//go:norace
func (j *job) restore() {
	var b [1]byte
	syscall.RawSyscall(syscall.SYS_CLOSE, j.key, 0, 0) // else we would wait for ourselves
	n, _, _ := syscall.RawSyscall(syscall.SYS_READ, j.gate, uintptr(unsafe.Pointer(&b[0])), 1)
	if n != 1 {
		return // the parent is gone
	}
	if j.ioctl(stepFreeze, j.device, snapshotFreeze, 0) {
		j.ioctl(stepRestore, j.device, snapshotAtomicRestore, 0)
		j.thaw(j.device)
	}
	j.undo(stepClose, syscall.SYS_CLOSE, j.device, 0)
	j.finished = 1
}

// thaw lets the machine run again. SNAPSHOT_UNFREEZE does nothing as long as
// there is an image, so that has to go first.
//
//go:nosplit
//go:norace
func (j *job) thaw(fd uintptr) {
	j.undo(stepFree, syscall.SYS_IOCTL, fd, snapshotFree)
	j.undo(stepThaw, syscall.SYS_IOCTL, fd, snapshotUnfreeze)
}

//go:nosplit
//go:norace
func now(t *syscall.Timespec) {
	syscall.RawSyscall(syscall.SYS_CLOCK_GETTIME, clockMonotonic, uintptr(unsafe.Pointer(t)), 0)
}

//go:nosplit
//go:norace
func exit() {
	for {
		syscall.RawSyscall(syscall.SYS_EXIT_GROUP, 0, 0, 0)
	}
}
