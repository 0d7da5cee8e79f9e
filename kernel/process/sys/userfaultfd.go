// userfaultfd(2) and ioctl_userfaultfd(2): the missing pages of a process are put
// there by another one.

package sys

import (
	"runtime"
	"unsafe"

	"golang.org/x/sys/unix"
)

// The requests and features of include/uapi/linux/userfaultfd.h.
const (
	uffdAPI      = 0xaa
	uffdioAPI    = 0xc018aa3f
	uffdioAdd    = 0xc020aa00 // UFFDIO_REGISTER
	uffdioWake   = 0x8010aa02
	uffdioCopy   = 0xc028aa03
	uffdioZero   = 0xc020aa04 // UFFDIO_ZEROPAGE
	registerMiss = 1          // UFFDIO_REGISTER_MODE_MISSING

	// FaultsOfUser is UFFD_USER_MODE_ONLY, a flag of userfaultfd(2): a page that a system
	// call misses is an error to that, and nobody needs a privilege.
	FaultsOfUser = 1

	uffdEvents    = 1<<1 | 1<<2 | 1<<3 | 1<<6 // UFFD_FEATURE_EVENT_FORK, _REMAP, _REMOVE, _UNMAP
	uffdThreadIDs = 1 << 8                    // UFFD_FEATURE_THREAD_ID
)

// The events of a [FaultMessage].
const (
	FaultPage   = 0x12 // Args: flags, address, ID of the thread
	FaultFork   = 0x13 // Args: descriptor of the child's
	FaultRemap  = 0x14 // Args: from, to, length
	FaultRemove = 0x15 // Args: start, end
	FaultUnmap  = 0x16 // Args: start, end
)

// FaultMessage is struct uffd_msg.
type FaultMessage struct {
	Event uint8
	_     [7]byte
	Args  [3]uint64
}

// ReadFault reads the next message of a userfaultfd.
func ReadFault(fd int) (m FaultMessage, err error) {
	n, err := unix.Read(fd, Bytes(&m))
	if err == nil && n != int(unsafe.Sizeof(m)) {
		err = unix.EIO
	}
	return m, err
}

// OpenFaults makes a userfaultfd of this process.
func OpenFaults() (int, error) {
	fd, _, e := unix.Syscall(unix.SYS_USERFAULTFD, unix.O_CLOEXEC|unix.O_NONBLOCK, 0, 0)
	if e != 0 {
		return -1, e
	}
	return int(fd), nil
}

// EnableFaults makes a new userfaultfd tell of what becomes of the memory, too: that
// it is inherited by a fork, moved, emptied or unmapped.
func EnableFaults(fd int) error {
	return Ioctl(fd, uffdioAPI, &[3]uint64{uffdAPI, uffdEvents | uffdThreadIDs})
}

// EnableFilling makes a new userfaultfd one that pages are put by, and tells of nothing.
func EnableFilling(fd int) error { return Ioctl(fd, uffdioAPI, &[3]uint64{uffdAPI}) }

// CatchFaults has the faults of missing pages in a range wait for somebody to put
// them there.
func CatchFaults(fd int, start, size uint64) error {
	return Ioctl(fd, uffdioAdd, &[4]uint64{start, size, registerMiss})
}

// PutPages makes b the pages at addr, which are missing still, and returns of how many
// bytes that came true.
func PutPages(fd int, addr uint64, b []byte) (int, error) {
	c := [5]uint64{addr, uint64(uintptr(unsafe.Pointer(unsafe.SliceData(b)))), uint64(len(b))}
	err := Ioctl(fd, uffdioCopy, &c)
	runtime.KeepAlive(b)
	return max(0, int(int64(c[4]))), err
}

// PutZeros makes the missing pages of a range pages of zeros.
func PutZeros(fd int, addr, size uint64) error {
	return Ioctl(fd, uffdioZero, &[4]uint64{addr, size})
}

// WakeFaults has threads look again that wait for a page of a range.
func WakeFaults(fd int, addr, size uint64) error {
	return Ioctl(fd, uffdioWake, &[2]uint64{addr, size})
}
