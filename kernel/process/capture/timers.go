// The timers of timer_create(2): what each is set to, which only the program can
// ask, and whose time it measures.

package capture

import (
	"fmt"

	"snappipe/kernel"
	"snappipe/kernel/process/proc"
	"snappipe/kernel/process/ptrace"
	"snappipe/kernel/process/world"

	"golang.org/x/sys/unix"
)

// What the calls for a timer store, and how many they are.
const (
	atClock     = 32 // behind struct itimerspec: struct timespec
	timerStores = 48
	timerCalls  = 2
)

// timerQuestions are the calls for timers, which store their answers at an
// address and behind it.
func timerQuestions(timers []proc.Timer, at uint64) (calls []ptrace.Call) {
	for _, t := range timers {
		clock := world.BaseClock(t.Clock)
		if !world.WallClock(clock) {
			clock = unix.CLOCK_REALTIME // which is not looked at
		}
		calls = append(calls,
			ptrace.Call{Nr: unix.SYS_TIMER_GETTIME, Args: [6]uint64{uint64(t.ID), at}},
			ptrace.Call{Nr: unix.SYS_CLOCK_GETTIME, Args: [6]uint64{uint64(clock), at + atClock}})
		at += timerStores
	}
	return calls
}

// storeTimer takes over what those for one timer stored.
//
// What a timer on a wall clock is set to is remembered as the time when it goes
// off. The kernel does not tell those that were set to a time of day from those
// that were set to some time from now; and time has gone on by that clock.
func (c *member) storeTimer(t *proc.Timer, b []byte) {
	timer := world.Timer{
		ID: t.ID, Clock: t.Clock, Notify: t.Notify, Signal: t.Signal, SigVal: world.Hex(t.SigVal),
		Interval: nanoseconds(b), Value: nanoseconds(b[16:]),
	}
	if world.WallClock(t.Clock) && timer.Value != 0 {
		timer.Expires = timer.Value + nanoseconds(b[atClock:])
	}
	if t.TID != 0 {
		timer.TID = c.innerID(t.TID)
	}
	c.task.Timers = append(c.task.Timers, timer)
}

// nanoseconds is what a struct timespec says.
func nanoseconds(b []byte) int64 { return int64(le.Uint64(b))*1e9 + int64(le.Uint64(b[8:])) }

// checkTimers refuses timers that measure what will not be there: the time of
// another process. Whose it is, is in the number of the clock
// (clock_getcpuclockid(3)), or it is that of the thread that made the timer.
func (c *member) checkTimers() error {
	for i := range c.frozen.timers {
		t := &c.frozen.timers[i]
		refuse := func(reason string, a ...any) error {
			return kernel.Refuse(fmt.Sprintf("%s, timer %d", c.object(), t.ID), "", reason, a...)
		}
		cpu, ok := world.ParseCPUClock(t.Clock)
		switch {
		case t.Clock >= 0:
		case !ok:
			return refuse("it is on the clock of a device")
		case cpu.ID == 0 && cpu.Thread && t.TID == 0 && len(c.frozen.tids) > 1:
			return refuse("it is on the CPU time of the thread that made it, and no kernel says which that was")
		case cpu.ID != 0 && !c.ownID(cpu):
			return refuse("it is on the CPU time of process %d, or of a thread that has ended", cpu.ID)
		}
	}
	return nil
}

// ownID reports whether a clock is of this process or one of its threads.
func (c *member) ownID(clock world.CPUClock) bool {
	if !clock.Thread {
		return clock.ID == c.innerID(c.pid)
	}
	for _, tid := range c.frozen.tids {
		if clock.ID == c.innerID(tid) {
			return true
		}
	}
	return false
}
