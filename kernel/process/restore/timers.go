// This file starts timers again: each with the time it had left or, if it is on
// a wall clock, so that it goes off when that shows the same time.

package restore

import (
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

	"golang.org/x/sys/unix"

	"snappipe/kernel"
	"snappipe/kernel/process/ptrace"
	"snappipe/kernel/process/sys"
	"snappipe/kernel/process/world"
)

func (p *process) setTimers() error {
	// The order in which createTimer comes by their IDs; /proc has another.
	timers := slices.SortedFunc(slices.Values(p.task.Timers), func(a, b world.Timer) int { return cmp.Compare(a.ID, b.ID) })
	for i := range timers {
		t := &timers[i]
		if err := p.setTimer(t); err != nil {
			return fmt.Errorf("timer %d: %w", t.ID, err)
		}
	}
	for which, t := range p.task.ITimers {
		if t.Value == 0 {
			// Not running or, with an interval, expired: it stands still until
			// its signal is taken (kernel/signal.c: dequeue_signal), which may
			// not be among those that wait.
			t.Value = t.Interval
		}
		if t.Value == 0 {
			continue
		}
		const second = 1e6
		value := sys.Words(uint64(t.Interval/second), uint64(t.Interval%second), uint64(t.Value/second), uint64(t.Value%second))
		if _, err := p.stub.callWith(p.stub.Caller, "setitimer", unix.SYS_SETITIMER, 1, value, uint64(which), 0, 0); err != nil {
			return err
		}
	}
	return nil
}

func (p *process) setTimer(t *world.Timer) error {
	if err := p.createTimer(t); err != nil {
		return err
	}
	if t.Value == 0 {
		return nil
	}
	const second, absolute = 1e9, 1 // TIMER_ABSTIME, include/uapi/linux/time.h
	at, flags := t.Value, uint64(0)
	if t.Expires != 0 {
		at, flags = t.Expires, absolute
	}
	value := sys.Words(uint64(t.Interval/second), uint64(t.Interval%second), uint64(at/second), uint64(at%second))
	_, err := p.stub.callWith(p.stub.Caller, "timer_settime", unix.SYS_TIMER_SETTIME, 2, value, uint64(t.ID), flags, 0, 0)
	return err
}

const (
	// prTimerCreateRestoreIDs has timer_create take the ID from where it
	// would store it (Linux 6.16, kernel/time/posix-timers.c).
	prTimerCreateRestoreIDs = 77
	// maxTries bounds how many timers are made, on an older kernel, until
	// one has the ID: they come in order, from 0 in a new process.
	maxTries = 1 << 16
)

// createTimer makes a timer with the ID it had, since the program has that in
// its memory.
func (p *process) createTimer(t *world.Timer) error {
	_, err := p.stub.call("PR_TIMER_CREATE_RESTORE_IDS", unix.SYS_PRCTL, prTimerCreateRestoreIDs, 1, 0, 0, 0)
	if err == nil {
		id, err := p.timerCreate(t)
		if err == nil && id != t.ID {
			err = fmt.Errorf("timer_create gave it the ID %d", id)
		}
		_, off := p.stub.call("PR_TIMER_CREATE_RESTORE_IDS", unix.SYS_PRCTL, prTimerCreateRestoreIDs, 0, 0, 0, 0)
		return errors.Join(err, off)
	}
	for range maxTries {
		id, err := p.timerCreate(t)
		if err != nil || id == t.ID {
			return err
		}
		if _, err := p.stub.call("timer_delete", unix.SYS_TIMER_DELETE, uint64(id)); err != nil {
			return err
		}
	}
	return kernel.Refuse(fmt.Sprintf("timer %d", t.ID), "resume under Linux 6.16 or later", "its ID is out of reach")
}

func (p *process) timerCreate(t *world.Timer) (int, error) {
	event := make([]byte, 64) // struct sigevent
	binary.LittleEndian.PutUint64(event, uint64(t.SigVal))
	binary.LittleEndian.PutUint32(event[8:], uint32(t.Signal))
	binary.LittleEndian.PutUint32(event[12:], uint32(t.Notify))
	binary.LittleEndian.PutUint32(event[16:], uint32(p.ids.translate(t.TID)))
	id := binary.LittleEndian.AppendUint32(nil, uint32(t.ID))
	at, err := p.stub.lay(event, id)
	if err != nil {
		return 0, err
	}
	clock, maker := p.clockOf(t)
	if _, err := describe(maker, "timer_create", unix.SYS_TIMER_CREATE, []uint64{uint64(int64(clock)), at[0], at[1]}); err != nil {
		return 0, err
	}
	if err := p.stub.mem.Read(id, at[1]); err != nil {
		return 0, err
	}
	return int(int32(binary.LittleEndian.Uint32(id))), nil
}

// clockOf returns the clock that a timer is on, and the thread that is to make
// it: a clock of CPU time has the ID of a process or thread in its number, or
// none and is that of the maker, which for a thread's is taken to be the one
// that gets the signal.
func (p *process) clockOf(t *world.Timer) (int, *ptrace.Caller) {
	cpu, ok := world.ParseCPUClock(t.Clock)
	switch {
	case ok && cpu.ID != 0:
		cpu.ID = p.ids.translate(cpu.ID)
		return cpu.Number(), p.stub.Caller
	case ok && cpu.Thread:
		for _, thread := range p.threads {
			if thread.saved.TID == t.TID {
				return t.Clock, thread.Caller
			}
		}
	}
	return t.Clock, p.stub.Caller
}
