// Terminals: the ioctls of ioctl_tty(2), with struct termios2 as its bytes, so
// that what has no name here is kept.

package sys

import (
	"encoding/binary"

	"golang.org/x/sys/unix"
)

// TermiosSize is that of struct termios2: include/uapi/asm-generic/termbits.h.
const TermiosSize = 44

// Termios is struct termios2.
type Termios [TermiosSize]byte

// Input, Output and Local are the flags that it has in this order.
func (t *Termios) Input() uint32  { return binary.NativeEndian.Uint32(t[0:]) }
func (t *Termios) Output() uint32 { return binary.NativeEndian.Uint32(t[4:]) }
func (t *Termios) Local() uint32  { return binary.NativeEndian.Uint32(t[12:]) }

// SetInput, SetOutput and SetLocal change them.
func (t *Termios) SetInput(v uint32)  { binary.NativeEndian.PutUint32(t[0:], v) }
func (t *Termios) SetOutput(v uint32) { binary.NativeEndian.PutUint32(t[4:], v) }
func (t *Termios) SetLocal(v uint32)  { binary.NativeEndian.PutUint32(t[12:], v) }

// Chars are the control characters, by VEOF and so on.
func (t *Termios) Chars() []byte { return t[17 : 17+19] }

// GetTermios reads it. Of the master of a pair, it is that of the slave.
func GetTermios(fd int) (t Termios, err error) {
	err = Ioctl(fd, unix.TCGETS2, &t)
	return t, err
}

// SetTermios sets it, at once.
func SetTermios(fd int, t *Termios) error { return Ioctl(fd, unix.TCSETS2, t) }

// Requests that ask for one number, or set one.
const (
	PtyIndex     = unix.TIOCGPTN
	PtyPacket    = 0x80045438 // TIOCGPKT
	PtyLocked    = 0x80045439 // TIOCGPTLCK
	TTYExclusive = 0x80045440 // TIOCGEXCL
	SetPtyPacket = 0x5420     // TIOCPKT
	SetPtyLocked = unix.TIOCSPTLCK
)

// OpenPtySlave opens the slave of a master, whatever is mounted at /dev/pts
// (TIOCGPTPEER).
func OpenPtySlave(master, flags int) (int, error) {
	fd, _, e := unix.Syscall(unix.SYS_IOCTL, uintptr(master), unix.TIOCGPTPEER, uintptr(flags))
	if e != 0 {
		return -1, e
	}
	return int(fd), nil
}
