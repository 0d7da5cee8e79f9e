package restore

// This file makes eventfd(2), timerfd_create(2), signalfd(2), and a file in
// place of one that could not be saved.

import (
	"encoding/binary"
	"fmt"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"snappipe/kernel/process/image"
)

func openEventFD(e *image.EventFD) (int, error) {
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

// tfdIOCSetTicks is TFD_IOC_SET_TICKS, include/uapi/linux/timerfd.h.
const tfdIOCSetTicks = 0x40085400

func openTimerFD(t *image.TimerFD) (int, error) {
	fd, err := unix.TimerfdCreate(t.Clock, unix.TFD_CLOEXEC)
	if err != nil {
		return -1, fmt.Errorf("timerfd_create for clock %d: %w", t.Clock, err)
	}
	if err := setTimerFD(fd, t); err != nil {
		unix.Close(fd)
		return -1, err
	}
	return fd, nil
}

func setTimerFD(fd int, t *image.TimerFD) error {
	value := t.Value
	if value == 0 && t.Ticks > 0 {
		// One that ticks has expired and not been read: it stands still until
		// then, and shows nothing left (fs/timerfd.c: timerfd_tmrproc).
		value = t.Interval
	}
	if value != 0 {
		flags := t.SettimeFlags & (unix.TFD_TIMER_ABSTIME | unix.TFD_TIMER_CANCEL_ON_SET)
		if flags&unix.TFD_TIMER_ABSTIME != 0 {
			var now unix.Timespec
			if err := unix.ClockGettime(int32(t.Clock), &now); err != nil {
				return fmt.Errorf("reading clock %d: %w", t.Clock, err)
			}
			value += now.Nano()
		}
		spec := unix.ItimerSpec{Interval: unix.NsecToTimespec(t.Interval), Value: unix.NsecToTimespec(value)}
		if err := unix.TimerfdSettime(fd, flags, &spec, nil); err != nil {
			return fmt.Errorf("setting a timerfd to %v: %w", time.Duration(t.Value), err)
		}
	}
	if t.Ticks == 0 {
		return nil
	}
	_, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), tfdIOCSetTicks, uintptr(unsafe.Pointer(&t.Ticks)))
	if errno != 0 {
		return fmt.Errorf("setting the expirations of a timerfd: %w", errno)
	}
	return nil
}

func openSignalFD(s *image.SignalFD) (int, error) {
	mask := unix.Sigset_t{Val: [16]uint64{uint64(s.Mask)}}
	fd, err := unix.Signalfd(-1, &mask, unix.SFD_CLOEXEC)
	if err != nil {
		return -1, fmt.Errorf("signalfd: %w", err)
	}
	return fd, nil
}
