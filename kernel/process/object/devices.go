// Character devices: terminals, and those that have no state.

package object

import (
	"slices"

	"golang.org/x/sys/unix"

	"snappipe/kernel/process/world"
)

// device describes a character device: a terminal, or one that has no state.
func (t *Taker) device(o *Found, d *world.OpenFile, rdev uint64) error {
	major, minor := unix.Major(rdev), unix.Minor(rdev)
	const memory = 1 // Documentation/admin-guide/devices.txt
	if rdev == masterNumber {
		return t.master(o, d)
	}
	// null, zero, full, random, urandom, kmsg
	const kmsg = 11
	if major == memory && minor == kmsg && d.Flags&unix.O_ACCMODE != unix.O_WRONLY {
		return t.lose(o, d, "the device "+o.link, "the kernel does not tell how far it was read")
	}
	if major == memory && slices.Contains([]uint32{3, 5, 7, 8, 9, 11}, minor) {
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
