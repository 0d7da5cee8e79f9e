// timerfd_create(2).

package object

import (
	"fmt"
	"time"

	"golang.org/x/sys/unix"

	"snappipe/kernel/process/sys"
	"snappipe/kernel/process/world"
)

// tfdIOCSetTicks is TFD_IOC_SET_TICKS, include/uapi/linux/timerfd.h.
const tfdIOCSetTicks = 0x40085400

// In the image: `TimerFD`: `Clock` `Ticks` (not yet read) `SettimeFlags` `Interval` `Value`
// (left), and with `TFD_TIMER_ABSTIME` `Expires`, when it goes off: to be kept to if `Clock`
// shows the time of day, or on the same `Boot`.
var timerFDs = &kind{
	name: world.KindTimerFD, check: checkTimerFD, plan: inward, shared: "a timerfd",
	shown: "timerfd", take: (*Taker).timerFD,
	make: (*Maker).makeTimerFD, rouse: (*Maker).rouseTimerFD,
}

func (t *Taker) timerFD(o *Found, d *world.OpenFile) error {
	d.TimerFD = &world.TimerFD{
		Clock: o.info.TimerClock, Ticks: o.info.TimerTicks, SettimeFlags: o.info.TimerFlags,
		Interval: o.info.TimerInterval, Value: o.info.TimerValue,
	}
	return setExpires(d.TimerFD)
}

func checkTimerFD(_ *world.World, o *world.OpenFile) error {
	if o.TimerFD == nil {
		return errLacks
	}
	return nil
}

func (m *Maker) makeTimerFD(i int) (int, error) {
	t := m.world.Open[i].TimerFD
	fd, err := unix.TimerfdCreate(t.Clock, unix.TFD_CLOEXEC)
	if err != nil {
		return -1, fmt.Errorf("timerfd_create for clock %d: %w", t.Clock, err)
	}
	return fd, m.setTimerFD(fd, t)
}

func (m *Maker) setTimerFD(fd int, t *world.TimerFD) error {
	value, err := m.startOf(t)
	if err != nil {
		return err
	}
	if value != 0 {
		flags := t.SettimeFlags & (unix.TFD_TIMER_ABSTIME | unix.TFD_TIMER_CANCEL_ON_SET)
		spec := unix.ItimerSpec{Interval: unix.NsecToTimespec(t.Interval), Value: unix.NsecToTimespec(value)}
		if err := unix.TimerfdSettime(fd, flags, &spec, nil); err != nil {
			return fmt.Errorf("setting a timerfd to %v: %w", time.Duration(value), err)
		}
	}
	if t.Ticks == 0 {
		return nil
	}
	if err := sys.Ioctl(fd, tfdIOCSetTicks, &t.Ticks); err != nil {
		return fmt.Errorf("setting the expirations of a timerfd: %w", err)
	}
	return nil
}

// startOf returns what a timer is to be set to, by its flags; 0 is not at all.
// One that was set to a time by a clock goes off when it is that time, though
// it is long past, unless that clock has begun anew since.
func (m *Maker) startOf(t *world.TimerFD) (int64, error) {
	value := t.Value
	if value == 0 && t.Ticks > 0 {
		// One that ticks has expired and not been read: it stands still until
		// then, and shows nothing left (fs/timerfd.c: timerfd_tmrproc).
		value = t.Interval
	}
	if value == 0 || t.SettimeFlags&unix.TFD_TIMER_ABSTIME == 0 {
		return value, nil
	}
	if t.Expires != 0 && (world.WallClock(t.Clock) || m.sameBoot()) {
		return t.Expires, nil
	}
	var now unix.Timespec
	if err := unix.ClockGettime(int32(world.BaseClock(t.Clock)), &now); err != nil {
		return 0, fmt.Errorf("reading clock %d: %w", t.Clock, err)
	}
	return value + now.Nano(), nil
}

func (m *Maker) rouseTimerFD(w watched) (calm func() error, err error) {
	soon := unix.ItimerSpec{Value: unix.Timespec{Nsec: 1}}
	return func() error {
		// Setting a timer forgets how often it went off.
		if err := unix.TimerfdSettime(w.here, 0, &unix.ItimerSpec{}, nil); err != nil {
			return err
		}
		return m.setTimerFD(w.here, w.open.TimerFD)
	}, unix.TimerfdSettime(w.here, 0, &soon, nil)
}

// setExpires adds when a timerfd goes off that was set to a time: the kernel
// shows what is left until then, a moment ago.
func setExpires(t *world.TimerFD) error {
	if t.SettimeFlags&unix.TFD_TIMER_ABSTIME == 0 || t.Value == 0 {
		return nil
	}
	var now unix.Timespec
	if err := unix.ClockGettime(int32(world.BaseClock(t.Clock)), &now); err != nil {
		return fmt.Errorf("reading clock %d: %w", t.Clock, err)
	}
	t.Expires = now.Nano() + t.Value
	return nil
}
