// signalfd(2).

package object

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"

	"snappipe/kernel/process/sys"
	"snappipe/kernel/process/world"
)

// In the image: `SignalFD`: `Mask` (hex).
var signalFDs = &kind{
	name: world.KindSignalFD, check: checkSignalFD, plan: inward,
	shown: "signalfd", take: (*Taker).signalFD,
	make: (*Maker).makeSignalFD, rouse: (*Maker).rouseSignalFD,
}

func (t *Taker) signalFD(o *Found, d *world.OpenFile) error {
	d.SignalFD = &world.SignalFD{Mask: world.Hex(o.info.SigMask)}
	return nil
}

func checkSignalFD(_ *world.World, o *world.OpenFile) error {
	if o.SignalFD == nil {
		return errLacks
	}
	return nil
}

func (m *Maker) makeSignalFD(i int) (int, error) {
	mask := unix.Sigset_t{Val: [16]uint64{uint64(m.world.Open[i].SignalFD.Mask)}}
	fd, err := unix.Signalfd(-1, &mask, unix.SFD_CLOEXEC)
	if err != nil {
		return -1, fmt.Errorf("signalfd: %w", err)
	}
	return fd, nil
}

// Awaits reports whether a signalfd takes a signal.
func Awaits(w *world.World, sig unix.Signal) bool {
	for i := range w.Open {
		if s := w.Open[i].SignalFD; s != nil && s.Mask>>(sig-1)&1 != 0 {
			return true
		}
	}
	return false
}

// rouseSignalFD sends the process, in which all signals are blocked, one that the
// signalfd waits for.
func (m *Maker) rouseSignalFD(w watched) (calm func() error, err error) {
	const one = uint64(unix.SIGUSR1)
	const setSize = 8
	set := sys.Words(1 << (one - 1))
	const maskArgument = 1
	wait := func(mask uint64) error {
		_, err := callWith(w.by, "signalfd", unix.SYS_SIGNALFD4, maskArgument, sys.Words(mask), w.at, 0, setSize, 0)
		return err
	}
	if err := wait(1 << (one - 1)); err != nil {
		return nil, err
	}
	own, err := w.by.Call("getpid", unix.SYS_GETPID)
	if err == nil {
		_, err = w.by.Call("tkill", unix.SYS_TKILL, own, one)
	}
	return func() error {
		at, err := w.by.Lay(set, sys.Words(0, 0))
		if err == nil {
			_, err = w.by.Call("rt_sigtimedwait", unix.SYS_RT_SIGTIMEDWAIT, at[0], 0, at[1], setSize)
		}
		return errors.Join(err, wait(uint64(w.open.SignalFD.Mask)))
	}, err
}
