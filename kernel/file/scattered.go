// A file whose parts come in any order.

package file

import (
	"errors"

	"golang.org/x/sys/unix"

	"snappipe/kernel"
)

// Scattered is a file or device of which parts come in any order, and some of
// them perhaps not at all: those are zeros in the end, holes where the file can
// have them.
type Scattered struct{ *Output }

// Scatter begins to write one, as [Create] does.
func Scatter(path string, force bool) (*Scattered, error) {
	if talks(path) {
		return nil, kernel.Refuse(path, "name a file or a device", "it takes bytes one after the other, and what is whole comes in any order")
	}
	out, err := Create(path, force)
	if err != nil {
		return nil, err
	}
	return &Scattered{out}, nil
}

// Zero makes n bytes at off zeros, whatever is there.
func (s *Scattered) Zero(off, n int64) error {
	if !s.Fresh {
		return WriteZeros(s.File, off, n)
	}
	st, err := s.Stat()
	if err != nil {
		return err
	}
	end := min(off+n, st.Size()) // nothing has been written behind it
	if off >= end {
		return nil
	}
	err = control(s.File, func(fd int) error {
		return unix.Fallocate(fd, unix.FALLOC_FL_PUNCH_HOLE|unix.FALLOC_FL_KEEP_SIZE, off, end-off)
	})
	if errors.Is(err, unix.EOPNOTSUPP) {
		return writeZeros(s.File, off, end)
	}
	return err
}

// Commit makes the file one of size bytes, and gives it its name.
func (s *Scattered) Commit(size int64) error {
	if s.Fresh {
		if err := s.Truncate(size); err != nil {
			return errors.Join(err, s.Abort())
		}
	}
	return s.Output.Commit()
}
