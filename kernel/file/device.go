// What is different with a block device.

package file

import (
	"errors"
	"io"
	"os"

	"golang.org/x/sys/unix"

	"snappipe/kernel"
)

// deviceSize returns the size of a block device, where stat(2) says 0, and
// leaves the offset of f where it is.
func deviceSize(f *os.File) (int64, error) {
	at, err := f.Seek(0, io.SeekCurrent)
	if err != nil {
		return 0, err
	}
	size, err := f.Seek(0, io.SeekEnd)
	if err != nil {
		return 0, err
	}
	_, err = f.Seek(at, io.SeekStart)
	return size, err
}

// Fits returns a [*kernel.Refusal] if f is a block device with less than n
// bytes from its offset on. Anything else may grow.
func Fits(f *os.File, n int64) error {
	st, err := f.Stat()
	if err != nil || !isBlock(st.Mode()) {
		return err
	}
	size, err := deviceSize(f)
	if err != nil {
		return err
	}
	at, err := f.Seek(0, io.SeekCurrent)
	if err != nil {
		return err
	}
	if n > size-at {
		return kernel.Refuse(f.Name(), "", "the image has %d bytes, the device only %d", n, size-at)
	}
	return nil
}

// zeroBlock is the unit in which zeros are handed to a device: a multiple of
// any logical block size.
const zeroBlock = 1 << 20

var zeros [zeroBlock]byte

// WriteZeros makes the n bytes of f at off zeros, whatever is there: by
// fallocate(2) with FALLOC_FL_ZERO_RANGE where f has that, which a device may
// be able to do by itself, else by writing them.
func WriteZeros(f *os.File, off, n int64) error {
	end := off + n
	first := min(end, (off+zeroBlock-1)/zeroBlock*zeroBlock)
	last := max(first, end/zeroBlock*zeroBlock)
	if last > first && zeroRange(f, first, last-first) == nil {
		return errors.Join(writeZeros(f, off, first), writeZeros(f, last, end))
	}
	return writeZeros(f, off, end)
}

func writeZeros(f *os.File, off, end int64) error {
	for off < end {
		n, err := f.WriteAt(zeros[:min(zeroBlock, end-off)], off)
		if err != nil {
			return err
		}
		off += int64(n)
	}
	return nil
}

func zeroRange(f *os.File, off, n int64) error {
	return control(f, func(fd int) error {
		return unix.Fallocate(fd, unix.FALLOC_FL_ZERO_RANGE|unix.FALLOC_FL_KEEP_SIZE, off, n)
	})
}
