// Character devices: terminals, and those that have no state.

package capture

import (
	"bytes"
	"slices"
	"unsafe"

	"snappipe/kernel/process/image"

	"golang.org/x/sys/unix"
)

// device describes a character device: a terminal, or one that has no state.
func (t *fileTable) device(o *openFile, d *image.OpenFile, rdev uint64) error {
	major, minor := unix.Major(rdev), unix.Minor(rdev)
	const memory, tty, ptmx = 1, 5, 2 // Documentation/admin-guide/devices.txt
	if major == tty && minor == ptmx {
		return t.lose(o, d, "the master side of a pseudo-terminal", "the programs on the other side can't come along")
	}
	// null, zero, full, random, urandom, kmsg
	const kmsg = 11
	if major == memory && minor == kmsg && d.Flags&unix.O_ACCMODE != unix.O_WRONLY {
		return t.lose(o, d, "the device "+o.link, "the kernel does not tell how far it was read")
	}
	if major == memory && slices.Contains([]uint32{3, 5, 7, 8, 9, 11}, minor) {
		d.Kind = image.KindDevice
		return nil
	}
	ok, err := t.terminal(o, d, rdev)
	if ok || err != nil {
		return err
	}
	d.Kind = image.KindDevice
	return t.lose(o, d, "the device "+o.link, "its state is not in the program")
}

func (t *fileTable) terminal(o *openFile, d *image.OpenFile, rdev uint64) (bool, error) {
	fd, err := t.borrow(o)
	if err != nil {
		return false, err
	}
	defer unix.Close(fd)
	termios, err := unix.IoctlGetTermios(fd, unix.TCGETS2)
	if err != nil {
		return false, nil // ENOTTY: another kind of device
	}
	size, err := unix.IoctlGetWinsize(fd, unix.TIOCGWINSZ)
	if err != nil {
		size = &unix.Winsize{}
	}
	tty := uint64(t.c.before.stat.Field(7))
	const controlling = 5 << 8 // /dev/tty
	if d.Flags&unix.O_ASYNC != 0 {
		if err := t.owner(fd, o, d); err != nil {
			return false, err
		}
	}
	d.Kind = image.KindTerminal
	d.Terminal = &image.Terminal{
		Termios: termiosBytes(termios), Rows: size.Row, Cols: size.Col,
		Controlling: tty != 0 && (ttyNumber(rdev) == tty || ttyNumber(rdev) == controlling),
	}
	return true, nil
}

// termiosBytes is struct termios2, as which package unix lays it out.
func termiosBytes(t *unix.Termios) image.Bytes {
	return bytes.Clone(unsafe.Slice((*byte)(unsafe.Pointer(t)), unsafe.Sizeof(*t)))
}

// ttyNumber encodes a device as proc_pid_stat(5) does.
func ttyNumber(rdev uint64) uint64 {
	major, minor := uint64(unix.Major(rdev)), uint64(unix.Minor(rdev))
	return minor&0xff | major<<8 | minor&^0xff<<12
}
