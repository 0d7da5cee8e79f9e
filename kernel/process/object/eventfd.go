// eventfd(2).

package object

import (
	"encoding/binary"
	"fmt"

	"golang.org/x/sys/unix"

	"snappipe/kernel/process/world"
)

// In the image: `EventFD`: `Count` `Semaphore`.
var eventFDs = &kind{
	name: world.KindEventFD, check: checkEventFD, plan: inward, shared: "an eventfd",
	shown: "eventfd", take: (*Taker).eventFD, make: (*Maker).makeEventFD,
}

func (t *Taker) eventFD(o *Found, d *world.OpenFile) error {
	d.EventFD = &world.EventFD{Count: o.info.EventCount, Semaphore: o.info.EventSemaphore}
	if !o.info.EventComplete && !t.o.Dry {
		t.o.Warn(o.object("an eventfd") + " is kept as one without EFD_SEMAPHORE: this kernel does not show whether it has that")
	}
	return nil
}

func checkEventFD(_ *world.World, o *world.OpenFile) error {
	if o.EventFD == nil {
		return errLacks
	}
	return nil
}

func (m *Maker) makeEventFD(i int) (int, error) {
	e := m.world.Open[i].EventFD
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
		return fd, fmt.Errorf("setting an eventfd to %d: %w", e.Count, err)
	}
	return fd, nil
}
