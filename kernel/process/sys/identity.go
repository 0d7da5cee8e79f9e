// By what an inode is known again.

package sys

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// Identity is what an inode is known by on the same filesystem, after a reboot
// too, and though its number may have been another's before: that of the
// filesystem, and a handle (name_to_handle_at(2)). Either may be missing.
type Identity struct {
	FS     uint64
	Handle string
}

// Known reports whether two of them can be compared.
func (i Identity) Known() bool { return i.FS != 0 && i.Handle != "" }

// OpenInode opens what is at a path for nothing but to look at it, which nobody
// is told of, and does not follow it if it is a symbolic link.
func OpenInode(path string) (fd int, st unix.Stat_t, err error) {
	fd, err = unix.Open(path, unix.O_PATH|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return -1, st, err
	}
	if err := unix.Fstat(fd, &st); err != nil {
		unix.Close(fd)
		return -1, st, err
	}
	return fd, st, nil
}

// handleFID is AT_HANDLE_FID of include/uapi/linux/fcntl.h: a handle to know a
// file by, on filesystems that have none to open it by.
const handleFID = 0x200

// Identify returns the identity of what a descriptor leads to.
func Identify(fd int) (i Identity) {
	var fs unix.Statfs_t
	if unix.Fstatfs(fd, &fs) == nil {
		i.FS = uint64(uint32(fs.Fsid.Val[0])) | uint64(uint32(fs.Fsid.Val[1]))<<32
	}
	h, _, err := unix.NameToHandleAt(fd, "", unix.AT_EMPTY_PATH)
	if err != nil {
		h, _, err = unix.NameToHandleAt(fd, "", unix.AT_EMPTY_PATH|handleFID)
	}
	if err == nil {
		i.Handle = fmt.Sprintf("%d:%x", h.Type(), h.Bytes())
	}
	return i
}
