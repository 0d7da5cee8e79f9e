// Open files that have no name: what eventfd(2), timerfd_create(2),
// signalfd(2), epoll(7) and inotify(7) made.

package object

import (
	"fmt"
	"strings"

	"snappipe/kernel/process/world"

	"golang.org/x/sys/unix"
)

// anonymous describes what /proc shows as "anon_inode:[eventfd]" or alike.
func (t *Taker) anonymous(o *Found, d *world.OpenFile) error {
	name := strings.TrimPrefix(o.link, "anon_inode:")
	switch name = strings.Trim(name, "[]"); name {
	case "eventfd":
		d.Kind = world.KindEventFD
		d.EventFD = &world.EventFD{Count: o.info.EventCount, Semaphore: o.info.EventSemaphore}
		if !o.info.EventComplete && !t.o.Dry {
			t.o.Warn(o.object("an eventfd") + " is kept as one without EFD_SEMAPHORE: this kernel does not show whether it has that")
		}
	case "timerfd":
		d.Kind = world.KindTimerFD
		d.TimerFD = &world.TimerFD{
			Clock: o.info.TimerClock, Ticks: o.info.TimerTicks, SettimeFlags: o.info.TimerFlags,
			Interval: o.info.TimerInterval, Value: o.info.TimerValue,
		}
		return setExpires(d.TimerFD)
	case "signalfd":
		d.Kind = world.KindSignalFD
		d.SignalFD = &world.SignalFD{Mask: world.Hex(o.info.SigMask)}
	case "eventpoll":
		t.epolls[len(t.w.Open)] = o.info.Watches
		return t.epoll(o, d)
	case "inotify":
		return t.inotify(o, d)
	default:
		return t.lose(o, d, o.link, "an open file of this kind can't be put back")
	}
	return nil
}

// relate completes what depends on several descriptors.
func (t *Taker) relate() error {
	for _, step := range []func() error{t.terminals, t.pipes, t.peers, t.elsewhere, t.watches} {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
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
