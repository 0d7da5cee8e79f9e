// A flat image as it is written: in order, or where it belongs.

package file

import (
	"io"
	"os"

	"golang.org/x/sys/unix"
)

// Flat writes an image as it is, in order, into a file that is open: from its
// offset on. Zeros are not written where something else makes them.
type Flat struct {
	f     *os.File
	zeros func(n int64) error
}

// NewFlat returns a Flat that writes to f.
func NewFlat(f *os.File) (*Flat, error) {
	flat := &Flat{f: f}
	st, err := f.Stat()
	switch {
	case err != nil:
		return nil, err
	case isBlock(st.Mode()):
		flat.zeros = flat.zeroDevice
		return flat, nil
	case !st.Mode().IsRegular() || appends(f):
		flat.zeros = flat.writeZeros
		return flat, nil
	}
	at, err := f.Seek(0, io.SeekCurrent)
	if err != nil {
		return nil, err
	}
	flat.zeros = flat.leaveHole
	if at < st.Size() { // there is something that a hole would not hide
		flat.zeros = flat.writeZeros
	}
	return flat, nil
}

// appends reports whether writes go to the end of f, wherever its offset is.
func appends(f *os.File) bool {
	flags := unix.O_APPEND
	err := control(f, func(fd int) (err error) {
		flags, err = unix.FcntlInt(uintptr(fd), unix.F_GETFL, 0)
		return err
	})
	return err != nil || flags&unix.O_APPEND != 0
}

// Write writes the next bytes of the image.
func (f *Flat) Write(p []byte) (int, error) { return f.f.Write(p) }

// Zeros makes the next n bytes of the image zeros.
func (f *Flat) Zeros(n int64) error {
	if n == 0 {
		return nil
	}
	return f.zeros(n)
}

func (f *Flat) leaveHole(n int64) error {
	at, err := f.f.Seek(n, io.SeekCurrent)
	if err != nil {
		return err
	}
	return f.f.Truncate(at)
}

func (f *Flat) zeroDevice(n int64) error {
	at, err := f.f.Seek(0, io.SeekCurrent)
	if err != nil {
		return err
	}
	if err := WriteZeros(f.f, at, n); err != nil {
		return err
	}
	_, err = f.f.Seek(n, io.SeekCurrent)
	return err
}

func (f *Flat) writeZeros(n int64) error {
	for n > 0 {
		part, err := f.f.Write(zeros[:min(zeroBlock, n)])
		if err != nil {
			return err
		}
		n -= int64(part)
	}
	return nil
}
