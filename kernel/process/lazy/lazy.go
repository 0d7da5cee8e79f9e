// Package lazy gives processes their memory while they run: each page at its first
// touch, and the rest behind it.
//
// The kernel tells of a touch through a userfaultfd (userfaultfd(2)), and has the
// thread wait until the page is there. A [Server] reads the part of the image that
// it lies in, which is verified before a byte of it is seen, and puts all that the
// process is to have of that part into its memory at once. When no process lacks
// anything any more, they are like all others, and the server is done.
//
// A page that is missing for any other reason than that it has not come is to be
// zeros: one that was given up (madvise(2)), say, or never was in the image. So the
// server follows what becomes of the memory. It is moved, given up, unmapped, or
// inherited by a fork only when the server knows (events of ioctl_userfaultfd(2)).
// While one of these is under way nothing can be put there: the kernel says EAGAIN.
//
// If nobody were left who has the userfaultfd, all missing pages would be zeros. So
// there are two other processes: the holder, which has it too (holder.go), and the guard
// (guard.go), which takes it then and kills the processes. That is also how the server itself ends them when
// the image turns out to be damaged.
package lazy

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"

	"snappipe/kernel"
	"snappipe/kernel/process/sys"
)

// Possible refuses what this process may not do, or this kernel cannot.
func Possible() error {
	const what, advice = "--lazy", "without it, all of the memory is loaded before the program runs"
	fd, err := sys.OpenFaults()
	if err == nil {
		defer unix.Close(fd)
		err = sys.EnableFaults(fd)
	}
	switch {
	case err == nil:
		return nil
	case errors.Is(err, unix.EPERM):
		// fs/userfaultfd.c: userfaultfd_api wants CAP_SYS_PTRACE for the event of
		// a fork, whatever vm.unprivileged_userfaultfd says.
		return kernel.Refuse(what, advice+"; or resume as root", "pages that come later take a userfaultfd(2) that tells of forks, "+
			"which only root (CAP_SYS_PTRACE) gets from the kernel")
	case errors.Is(err, unix.ENOSYS), errors.Is(err, unix.EINVAL):
		return kernel.Refuse(what, advice, "this kernel has no userfaultfd(2) that tells what becomes of the memory")
	}
	return fmt.Errorf("userfaultfd: %w", err)
}
