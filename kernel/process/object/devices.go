// Character devices: terminals, and those that have no state.

package object

import (
	"bytes"
	"fmt"
	"slices"
	"unsafe"

	"snappipe/kernel/process/world"

	"golang.org/x/sys/unix"
)

// device describes a character device: a terminal, or one that has no state.
func (t *Taker) device(o *Found, d *world.OpenFile, rdev uint64) error {
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

func (t *Taker) terminal(o *Found, d *world.OpenFile) (bool, error) {
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
	device, err := unix.IoctlGetUint32(fd, unix.TIOCGDEV)
	if err != nil {
		return false, fmt.Errorf("asking which terminal %s is: %w", o.object(o.link), err)
	}
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return false, fmt.Errorf("%s: %w", o.object(o.link), err)
	}
	if d.Flags&unix.O_ASYNC != 0 {
		if err := t.owner(fd, o, d); err != nil {
			return false, err
		}
	}
	const ttyField = 7 // of proc_pid_stat(5), which encodes devices as TIOCGDEV does
	d.Kind = world.KindTerminal
	d.Terminal = &world.Terminal{
		Device: world.Hex(device), Changed: st.Ctim.Nano(),
		Termios: termiosBytes(termios), Rows: size.Row, Cols: size.Col,
		Controlling: device == uint32(o.task.Stat.Field(ttyField)),
	}
	return true, nil
}

// termiosBytes is struct termios2, as which package unix lays it out.
func termiosBytes(t *unix.Termios) world.Bytes {
	return bytes.Clone(unsafe.Slice((*byte)(unsafe.Pointer(t)), unsafe.Sizeof(*t)))
}
