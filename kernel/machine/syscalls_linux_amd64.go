package machine

// The two system calls, where the running kernel has them: linux/README.md.
//
// No forked child is needed to take an image by them. The kernel freezes all
// tasks and thaws them again inside of the one call, so that this thread comes
// back to a runtime all of whose threads run. And the image is not copied: it
// is a mapping of the very pages that the kernel made it in.

import (
	"errors"
	"fmt"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"snappipe/kernel"
)

// The numbers of linux/patches, arch/x86/entry/syscalls/syscall_64.tbl.
const (
	sysSnapshotSystem = 548
	sysResumeSnapshot = 549
)

// hasCalls asks for an empty image to be resumed, which only a kernel that has
// the calls refuses in this way.
func hasCalls() bool {
	_, _, errno := unix.Syscall(sysResumeSnapshot, 0, 0, 0)
	return errno == unix.EINVAL
}

// takeMapped takes an image by snapshot_system.
func (m *Machine) takeMapped(facts kernel.Facts) (*image, error) {
	var size int64
	began := time.Now()
	at, _, errno := unix.Syscall(sysSnapshotSystem, uintptr(unsafe.Pointer(&size)), 0, 0)
	switch {
	case errno != 0:
		return nil, callFailed(errno)
	case at == 0:
		return nil, kernel.ErrResumed
	}
	m.opts.Report(fmt.Sprintf("the machine stood still for less than %.2f s", time.Since(began).Seconds()))
	// The address is of no memory of Go's, so nothing moves it.
	mem := &shared{at: *(*unsafe.Pointer)(unsafe.Pointer(&at)), size: uintptr(size)}
	return &image{mem: mem, size: size, facts: facts}, nil
}

// callFailed explains the errors of snapshot_system(2).
func callFailed(errno syscall.Errno) error {
	switch {
	case errors.Is(errno, unix.EPERM):
		return cannotOpen(errno)
	case errors.Is(errno, unix.EBUSY):
		return kernel.Refuse("the machine", "end or wake what they wait for, or wait until that is done",
			"not all of its processes could be stopped, or it is being suspended, resumed or snapshotted%s", stuck())
	case errors.Is(errno, unix.EAGAIN):
		return kernel.Refuse("the machine", "try again, with none in /sys/power/pm_test",
			"no image was made because of a wakeup, or a test of suspending")
	case errors.Is(errno, unix.ENOMEM):
		info, err := readMeminfo()
		if err != nil {
			return err
		}
		return kernel.Refuse("memory", "end programs that need much memory; page cache goes by itself",
			"of %d MiB in all, %d MiB are in use, and no more than half can be in an image",
			info.total>>20, (info.total-info.available)>>20)
	}
	return fmt.Errorf("make an image of the machine: %w", errno)
}
