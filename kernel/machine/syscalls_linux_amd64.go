// The two system calls, where the running kernel has them: linux/README.md.
//
// No forked child is needed for them. The kernel freezes all tasks and thaws
// them again inside of the one call, so that this thread comes back to a
// runtime all of whose threads run. And the image is not copied: it is a
// mapping of the very pages that the kernel made it in.

package machine

import (
	"errors"
	"fmt"
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

// snapshotSystem is snapshot_system(2). It returns the image, or nil in the
// system that was resumed from it.
func snapshotSystem() (*shared, error) {
	var size uint64
	at, _, errno := unix.Syscall(sysSnapshotSystem, uintptr(unsafe.Pointer(&size)), 0, 0)
	switch {
	case errno != 0:
		return nil, errno
	case at == 0:
		return nil, nil
	}
	// The address is of no memory of Go's, so nothing moves it.
	return &shared{at: *(*unsafe.Pointer)(unsafe.Pointer(&at)), size: uintptr(size)}, nil
}

// resumeSnapshot is resume_snapshot(2). It returns only if that fails.
func resumeSnapshot(image *shared) error {
	_, _, errno := unix.Syscall(sysResumeSnapshot, uintptr(image.at), image.size, 0)
	return errno
}

// hasCalls asks for an empty image to be resumed, which only a kernel that has
// the calls, and lets us use them, refuses in this way.
func hasCalls() bool {
	return errors.Is(resumeSnapshot(&shared{}), unix.EINVAL)
}

// takeMapped takes an image by snapshot_system.
func (m *Machine) takeMapped(facts kernel.Facts) (*image, error) {
	began := time.Now()
	mem, err := snapshotSystem()
	switch {
	case err != nil:
		return nil, notMade(err)
	case mem == nil:
		return nil, kernel.ErrResumed
	}
	m.opts.Report(fmt.Sprintf("the machine stood still for less than %.2f s", time.Since(began).Seconds()))
	return &image{mem: mem, size: int64(mem.size), facts: facts}, nil
}

// notMade explains the errors of snapshot_system(2).
func notMade(err error) error {
	switch {
	case errors.Is(err, unix.EPERM):
		return cannotOpen(unix.EPERM)
	case errors.Is(err, unix.EBUSY):
		return notStopped()
	case errors.Is(err, unix.EAGAIN):
		return kernel.Refuse("the machine", "try again, with none in /sys/power/pm_test",
			"no image was made because of a wakeup, or a test of suspending")
	case errors.Is(err, unix.ENOMEM):
		info, readErr := readMeminfo()
		if readErr != nil {
			return readErr
		}
		inUse := info.total - info.available
		return kernel.Refuse(noRoomObject, info.moreRoom(inUse-info.total/2),
			"of %d MiB in all, %d MiB are in use, and no more than half can be in an image", info.total>>20, inUse>>20)
	}
	return fmt.Errorf("make an image of the machine: %w", err)
}

// mapped is an image on its way to resume_snapshot, in memory of this process.
type mapped struct {
	mem   *shared
	check bool // only to be tried
	disks followers
}

// newMapped makes room for an image that comes in pieces.
func (m *Machine) newMapped(size int64) (*mapped, error) {
	mem, err := mapPrivate(-1, uintptr(size))
	if err != nil {
		return nil, err
	}
	return &mapped{mem, m.opts.Check, m.following}, nil
}

// Unordered: each piece has its place.
func (r *mapped) Unordered() bool { return true }

func (r *mapped) WriteAt(p []byte, off int64) (int, error) {
	if err := within(p, off, 0, int64(r.mem.size)); err != nil {
		return 0, err
	}
	return copy(r.mem.bytes(int64(r.mem.size))[off:], p), nil
}

// Commit ends this system and continues the one in the image. It returns only
// if that fails; this system goes on then.
func (r *mapped) Commit() (kernel.Resumed, error) {
	if r.check {
		return kernel.Rehearsed{}, r.Abort()
	}
	if err := r.disks.turnBack(); err != nil {
		return nil, err
	}
	err := resumeSnapshot(r.mem)
	if errors.Is(err, unix.EBUSY) {
		return nil, notStopped()
	}
	return nil, notTaken(err, "resume the image", int64(r.mem.size))
}

// Abort gives the memory back.
func (r *mapped) Abort() error { return r.mem.unmap(0) }
