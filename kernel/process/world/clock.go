// The numbers of clocks; see clock_gettime(2) and clock_getcpuclockid(3).

package world

import "golang.org/x/sys/unix"

// BaseClock returns the clock that a timer is on. Those that wake a sleeping
// machine are on one of another number, and can't be read where there is nothing
// to wake it (kernel/time/alarmtimer.c: alarm_clock_get_timespec).
func BaseClock(clock int) int {
	switch clock {
	case unix.CLOCK_REALTIME_ALARM:
		return unix.CLOCK_REALTIME
	case unix.CLOCK_BOOTTIME_ALARM:
		return unix.CLOCK_BOOTTIME
	}
	return clock
}

// WallClock reports whether a clock shows the time of day, which is the same
// on every machine. All others begin when the machine does, or the process.
func WallClock(clock int) bool {
	return BaseClock(clock) == unix.CLOCK_REALTIME || clock == unix.CLOCK_TAI
}

// CPUClock is a clock of the CPU time of a process or a thread.
type CPUClock struct {
	ID     int  // of the process or thread; 0 is the one that asks
	Thread bool // of a thread alone
	kind   int  // what is counted
}

// The lower bits of such a number (include/linux/posix-timers_types.h); the
// others are the complement of the ID.
const (
	clockKind   = 3
	clockThread = 4
	clockID     = 3 // bits below it
	clockFD     = 3 // the kind that is none: the ID is a descriptor
)

// ParseCPUClock reports false for a number that is no such clock's.
func ParseCPUClock(clock int) (c CPUClock, ok bool) {
	c = CPUClock{ID: ^(clock >> clockID), Thread: clock&clockThread != 0, kind: clock & clockKind}
	return c, clock < 0 && c.kind != clockFD
}

// Number is the inverse of ParseCPUClock.
func (c CPUClock) Number() int {
	n := ^c.ID<<clockID | c.kind
	if c.Thread {
		n |= clockThread
	}
	return n
}
