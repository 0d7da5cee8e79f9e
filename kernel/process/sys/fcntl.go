// Calls of fcntl(2) about who gets the signals of a file, and write hints.

package sys

import "golang.org/x/sys/unix"

// Owner is who gets the signals of a file: struct f_owner_ex of fcntl(2).
type Owner struct{ Type, ID int32 }

// Its types.
const (
	OwnerThread  = 0 // F_OWNER_TID
	OwnerProcess = 1 // F_OWNER_PID
	OwnerGroup   = 2 // F_OWNER_PGRP
)

const setOwnEx, getOwnEx = 15, 16

// GetOwner is F_GETOWN_EX.
func GetOwner(fd int) (o Owner, err error) {
	err = fcntl(fd, getOwnEx, &o)
	return o, err
}

// SetOwner is F_SETOWN_EX.
func SetOwner(fd int, o Owner) error {
	return fcntl(fd, setOwnEx, &o)
}

// WriteHint is F_GET_RW_HINT: how long what is written to an inode is expected to
// live. 0 is unknown, or not to be set.
func WriteHint(fd int) (hint uint64) {
	if fcntl(fd, unix.F_GET_RW_HINT, &hint) != nil {
		return 0 // it has none to tell
	}
	return hint
}

// SetWriteHint is F_SET_RW_HINT.
func SetWriteHint(fd int, hint uint64) error {
	return fcntl(fd, unix.F_SET_RW_HINT, &hint)
}
