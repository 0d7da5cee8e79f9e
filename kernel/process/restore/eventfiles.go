// This file makes eventfd(2) and signalfd(2).

package restore

import (
	"encoding/binary"
	"fmt"

	"golang.org/x/sys/unix"

	"snappipe/kernel/process/world"
)

func openEventFD(e *world.EventFD) (int, error) {
	flags := unix.EFD_CLOEXEC
	if e.Semaphore {
		flags |= unix.EFD_SEMAPHORE
	}
	fd, err := unix.Eventfd(0, flags)
	if err != nil {
		return -1, fmt.Errorf("eventfd: %w", err)
	}
	if e.Count == 0 {
		return fd, nil
	}
	var b [8]byte
	binary.NativeEndian.PutUint64(b[:], e.Count)
	if _, err := unix.Write(fd, b[:]); err != nil {
		unix.Close(fd)
		return -1, fmt.Errorf("setting an eventfd to %d: %w", e.Count, err)
	}
	return fd, nil
}

func openSignalFD(s *world.SignalFD) (int, error) {
	mask := unix.Sigset_t{Val: [16]uint64{uint64(s.Mask)}}
	fd, err := unix.Signalfd(-1, &mask, unix.SFD_CLOEXEC)
	if err != nil {
		return -1, fmt.Errorf("signalfd: %w", err)
	}
	return fd, nil
}
