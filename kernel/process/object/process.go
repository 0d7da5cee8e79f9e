// This file is what a process in the making does for its open files: the kernel
// ties some of them to who makes a call.

package object

import (
	"fmt"

	"golang.org/x/sys/unix"

	"snappipe/kernel/process/world"
)

// Process is a process in the making, which makes system calls when it is told to.
type Process interface {
	// PID is its ID as this process knows it, and Thread that of the thread whose
	// ID is tid in the image, once there are threads.
	PID() int
	Thread(tid int) (int, bool)
	// Directory is where its working directory is now.
	Directory() string

	// Call makes a system call; what says what for.
	Call(what string, nr uintptr, args ...uint64) (uint64, error)
	// Lay puts arguments of calls into its memory, where they stay until it is
	// called again, and returns the address of each.
	Lay(args ...[]byte) ([]uint64, error)
	Read(b []byte, at uint64) error
	Write(b []byte, at uint64) error

	// Hand gives it descriptors of ours, which close on exec, and returns their
	// numbers there: the lowest that are free, in the same order.
	Hand(fds ...int) ([]int, error)
	// Lend calls f with the number that a descriptor of ours has in it meanwhile.
	Lend(fd int, f func(n uint64) error) error
	// CloseAll closes all of its descriptors but the one that Hand needs, which it
	// moves to number n, and CloseChannel closes that.
	CloseAll(n int) error
	CloseChannel() error

	// As calls f while it runs as another user, where this one may have it do so.
	As(user *world.Creator, f func() error) error
}

// callWith makes a system call whose pointer argument number i is to arg: args has
// 0 in its place.
func callWith(p Process, what string, nr uintptr, i int, arg []byte, args ...uint64) (uint64, error) {
	at, err := p.Lay(arg)
	if err != nil {
		return 0, fmt.Errorf("%s in the new process: %w", what, err)
	}
	args[i] = at[0]
	return p.Call(what, nr, args...)
}

// TakeOver gets a descriptor that a process has made, and closes it there.
func TakeOver(p Process, n int) (int, error) {
	pidfd, err := unix.PidfdOpen(p.PID(), 0)
	if err != nil {
		return -1, fmt.Errorf("pidfd_open: %w", err)
	}
	defer unix.Close(pidfd)
	fd, err := unix.PidfdGetfd(pidfd, n, 0)
	if err != nil {
		return -1, fmt.Errorf("taking over a descriptor: %w", err)
	}
	if _, err := p.Call("close", unix.SYS_CLOSE, uint64(n)); err != nil {
		unix.Close(fd)
		return -1, err
	}
	return fd, nil
}
