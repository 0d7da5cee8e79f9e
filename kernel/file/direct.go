// A stream on its way to a block device, past the page cache.

package file

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// directPart is how much is written at once. Any block size that a device may have
// divides it, as O_DIRECT wants of where a write begins and of its length: open(2).
const directPart = 1 << 20

// direct gathers what is written into parts that a device takes from here, without a
// copy of the kernel's of each page: of what is written only once, that is of no use,
// takes memory that there may not be, and has to be found again to be written. What is
// less than a part goes the usual way, at the end.
type direct struct {
	f    *os.File
	part []byte // a mapping, since it has to begin at a page; nil when all has been written
	n    int    // how much of it is to be written
}

// newDirect returns a direct for f, or nil where that takes no such writes.
func newDirect(f *os.File) *direct {
	part, err := unix.Mmap(-1, 0, directPart, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANONYMOUS)
	if err != nil {
		return nil
	}
	if setDirect(f, true) != nil {
		_ = unix.Munmap(part)
		return nil
	}
	return &direct{f: f, part: part}
}

// Write writes p, or keeps it for the next part.
func (d *direct) Write(p []byte) (int, error) {
	if d.part == nil {
		return 0, os.ErrClosed
	}
	done := 0
	for done < len(p) {
		n := copy(d.part[d.n:], p[done:])
		done += n
		if d.n += n; d.n < len(d.part) {
			continue
		}
		d.n = 0
		if err := d.put(d.part); err != nil {
			return done, err
		}
	}
	return done, nil
}

// put writes a part. There are devices that say only then that they can't.
func (d *direct) put(b []byte) error {
	n, err := d.f.Write(b)
	if !errors.Is(err, unix.EINVAL) {
		return err
	}
	if err := setDirect(d.f, false); err != nil {
		return err
	}
	_, err = d.f.Write(b[n:])
	return err
}

// end writes the rest, if that was not done before. Nothing is written after it.
func (d *direct) end() error {
	if d == nil || d.part == nil {
		return nil
	}
	err := setDirect(d.f, false)
	if err == nil && d.n > 0 {
		_, err = d.f.Write(d.part[:d.n])
	}
	err = errors.Join(err, unix.Munmap(d.part))
	d.part = nil
	return err
}

// setDirect has f go past the page cache from now on, or through it.
func setDirect(f *os.File, on bool) error {
	return control(f, func(fd int) error {
		flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFL, 0)
		if err != nil {
			return err
		}
		flags &^= unix.O_DIRECT
		if on {
			flags |= unix.O_DIRECT
		}
		if _, err = unix.FcntlInt(uintptr(fd), unix.F_SETFL, flags); err != nil {
			return fmt.Errorf("write %s past the page cache: %w", f.Name(), err)
		}
		return nil
	})
}
