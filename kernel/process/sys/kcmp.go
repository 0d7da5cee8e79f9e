// kcmp(2), which tells whether two processes, or one, have the same of something.

package sys

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// What it compares: include/uapi/linux/kcmp.h.
const (
	KcmpFile     = 0 // the open file descriptions of two descriptors
	KcmpVM       = 1 // memory
	KcmpFiles    = 2 // the table of descriptors
	KcmpFS       = 3 // working directory, root and umask
	KcmpSighand  = 4 // signal actions
	KcmpSysVSem  = 6 // the list of what SEM_UNDO undoes
	kcmpEpollTFD = 7
)

// Kcmp compares something of pid to that of other, by its kind; a and b are
// descriptors for KcmpFile, and 0 for the others. It returns 0 for the same, and
// otherwise less or more than that, in an order that holds until the next boot.
// A process that may not be looked at is EPERM, and a kernel may lack the call.
func Kcmp(pid, other, kind, a, b int) (order int, err error) {
	r, _, e := unix.Syscall6(unix.SYS_KCMP, uintptr(pid), uintptr(other), uintptr(kind), uintptr(a), uintptr(b), 0)
	const less = 1
	switch {
	case e != 0:
		return 0, e
	case r == less:
		return -1, nil
	}
	return int(r), nil
}

// KcmpEpollTarget reports whether descriptor fd of pid is the file that was the
// nth to be added, as descriptor number target, to the epoll set that is
// descriptor set of owner.
func KcmpEpollTarget(pid, fd, owner, set, target int, nth uint32) (bool, error) {
	// struct kcmp_epoll_slot
	slot := struct{ efd, tfd, toff uint32 }{uint32(set), uint32(target), nth}
	r, _, e := unix.Syscall6(unix.SYS_KCMP, uintptr(pid), uintptr(owner), kcmpEpollTFD, uintptr(fd), uintptr(unsafe.Pointer(&slot)), 0)
	if e != 0 {
		return false, e
	}
	return r == 0, nil
}
