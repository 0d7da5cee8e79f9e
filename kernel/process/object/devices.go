// Character devices: terminals, and those that have no state.

package object

import (
	"fmt"
	"slices"

	"golang.org/x/sys/unix"

	"snappipe/kernel/process/world"
)

// device describes a character device: a terminal, or one that has no state.
func (t *Taker) device(o *Found, d *world.OpenFile, rdev uint64) error {
	if rdev == masterNumber {
		return t.master(o, d)
	}
	if rdev == kmsg && d.Flags&unix.O_ACCMODE != unix.O_WRONLY {
		return t.lose(o, d, "the device "+o.link, "the kernel does not tell how far it was read")
	}
	if isStateless(rdev) {
		d.Kind = world.KindDevice
		return nil
	}
	ok, err := t.terminal(o, d)
	if ok || err != nil {
		return err
	}
	d.Kind = world.KindDevice
	return t.lose(o, d, "the device "+o.link, "its state is not in the program")
}

// kmsg is the number of /dev/kmsg.
const kmsg = 1<<8 | 11

// isStateless knows the devices that have no state: null, zero, full, random, urandom
// and, to write to, kmsg (Documentation/admin-guide/devices.txt).
func isStateless(rdev uint64) bool {
	const memory = 1
	return unix.Major(rdev) == memory && slices.Contains([]uint32{3, 5, 7, 8, 9, 11}, unix.Minor(rdev))
}

// checkDevice leaves no other to be opened for an image: to open one may do something.
func checkDevice(w *world.World, o *world.OpenFile) error {
	if err := isOf(unix.S_IFCHR)(w, o); err != nil {
		return err
	}
	if rdev := uint64(w.Files[o.File].Rdev); !isStateless(rdev) {
		return fmt.Errorf("is device %d:%d, which no image has", unix.Major(rdev), unix.Minor(rdev))
	}
	return nil
}
