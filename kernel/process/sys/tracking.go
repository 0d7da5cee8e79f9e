// userfaultfd(2) as a way to learn which pages are written to, with nobody who has to
// answer a fault: UFFD_FEATURE_WP_ASYNC, of Linux 6.7. Which they are is told by the
// pagemap: see package proc.

package sys

import "golang.org/x/sys/unix"

// Requests and features of include/uapi/linux/userfaultfd.h.
const (
	uffdioRemove = 0x8010aa01 // UFFDIO_UNREGISTER
	registerWP   = 2          // UFFDIO_REGISTER_MODE_WP

	// UFFD_FEATURE_PAGEFAULT_FLAG_WP, _WP_UNPOPULATED, _WP_ASYNC
	uffdTracking = 1<<0 | 1<<13 | 1<<15
)

// TrackerFlags are those of userfaultfd(2) for one that only tracks. No fault of the
// kernel's is ever told to it, so that it needs no privilege (UFFD_USER_MODE_ONLY).
const TrackerFlags = unix.O_CLOEXEC | unix.O_NONBLOCK | 1

// EnableTracking makes a new userfaultfd one that tracks.
func EnableTracking(fd int) error {
	return Ioctl(fd, uffdioAPI, &[3]uint64{uffdAPI, uffdTracking})
}

// Track begins with a range, which is that of one mapping.
func Track(fd int, start, size uint64) error {
	return Ioctl(fd, uffdioAdd, &[4]uint64{start, size, registerWP})
}

// Untrack ends it in a range.
func Untrack(fd int, start, size uint64) error {
	return Ioctl(fd, uffdioRemove, &[2]uint64{start, size})
}

// CanTrack tells why this kernel has no such thing, by trying it in this process.
func CanTrack() error {
	fd, _, e := unix.Syscall(unix.SYS_USERFAULTFD, TrackerFlags, 0, 0)
	if e != 0 {
		return e
	}
	defer unix.Close(int(fd))
	return EnableTracking(int(fd))
}
