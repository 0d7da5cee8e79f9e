// An address space of which pages are missing.

package lazy

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"snappipe/kernel/process/sys"
	"snappipe/kernel/process/world"
)

// space is one, with its userfaultfd.
type space struct {
	file *os.File
	fd   int

	// still is held for reading while pages are put there, and for writing while the
	// kernel is asked what has become of the memory: as soon as it has told, that
	// happens, and nothing may come to where something else was before.
	still  sync.RWMutex
	closed bool
	failed bool // the server has: the guard listens

	mu   sync.Mutex
	left ranges // what has not come
}

func newSpace(fd int, left ranges) *space {
	return &space{file: os.NewFile(uintptr(fd), "userfaultfd"), fd: fd, left: left}
}

// errGone is that the processes which had the memory have no more of it.
var errGone = errors.New("the address space is gone")

// lacks returns the first byte of the image, from off on, that has not come.
func (s *space) lacks(off int64) (int64, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.left.next(off)
}

// place returns where in the image the page at addr comes from, if it does.
func (s *space) place(addr uint64) (off int64, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.left.at(addr)
}

// parts returns what has not come of a part of the image.
func (s *space) parts(off, size int64) ranges {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.left.of(off, size)
}

func (s *space) came(r Range) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.left.cut(r.Addr, r.end())
}

// inherited returns what a child lacks.
func (s *space) inherited() ranges {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.left)
}

// apply has what is missing follow the memory.
func (s *space) apply(m *sys.FaultMessage) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch a := m.Args; m.Event {
	case sys.FaultRemap:
		s.left.move(a[0], a[1], a[2])
	case sys.FaultRemove, sys.FaultUnmap:
		s.left.cut(a[0], a[1])
	}
}

// pause is until what is under way in the kernel has been told, perhaps.
const pause = 50 * time.Microsecond

// put puts what is missing of a part of the image where it belongs. What is missing
// for no reason is zeros: so there is nothing to be done for these, and b is nil.
func (s *space) put(off, size int64, b []byte) error {
	for {
		err := s.tryPut(off, size, b)
		if err != unix.EAGAIN {
			return err
		}
		time.Sleep(pause)
	}
}

func (s *space) tryPut(off, size int64, b []byte) error {
	s.still.RLock()
	defer s.still.RUnlock()
	if s.closed {
		return nil
	}
	for _, r := range s.parts(off, size) {
		n, err := int(r.Size), error(nil)
		if b != nil {
			n, err = s.copy(r.Addr, b[r.Offset-off:][:r.Size])
		}
		s.came(r.to(r.Addr + uint64(n)))
		if err != nil {
			return err
		}
	}
	return nil
}

// copy puts b at addr, as far as there are pages that are missing, and returns how
// far it came.
func (s *space) copy(addr uint64, b []byte) (n int, err error) {
	for step := len(b); n < len(b); {
		step = min(step, len(b)-n)
		put, err := sys.PutPages(s.fd, addr+uint64(n), b[n:n+step])
		n += put
		switch {
		case err == nil, put > 0:
		case (err == unix.EEXIST || err == unix.ENOENT) && step > world.Page:
			step = world.Page // mappings may be in parts by now, and some pages be there
		case err == unix.EEXIST, err == unix.ENOENT:
			n += step
		default:
			return n, failure("UFFDIO_COPY", err)
		}
	}
	return n, nil
}

// failure makes sense of an error of the kernel.
func failure(what string, err error) error {
	switch err {
	case nil, unix.EAGAIN: // something is under way
		return err
	case unix.ESRCH:
		return errGone
	}
	return fmt.Errorf("%s: %w", what, err)
}

// zero has a page be zeros, unless it is there, and whoever waits for it go on.
func (s *space) zero(addr uint64) error {
	for {
		err := s.tryZero(addr)
		if err != unix.EAGAIN {
			return err
		}
		time.Sleep(pause)
	}
}

func (s *space) tryZero(addr uint64) error {
	s.still.RLock()
	defer s.still.RUnlock()
	if s.closed {
		return nil
	}
	err := unix.EEXIST
	if _, ok := s.place(addr); !ok {
		err, _ = sys.PutZeros(s.fd, addr, world.Page).(unix.Errno)
	}
	switch err {
	case 0:
		return nil
	case unix.EEXIST, unix.ENOENT: // it is there, or something else is, or nothing: they look again
		return failure("UFFDIO_WAKE", sys.WakeFaults(s.fd, addr, world.Page))
	}
	return failure("UFFDIO_ZEROPAGE", err)
}

func (s *space) isClosed() bool {
	s.still.RLock()
	defer s.still.RUnlock()
	return s.closed
}

// leave leaves it to the guard to hear what the kernel tells.
func (s *space) leave() {
	s.still.Lock()
	defer s.still.Unlock()
	s.failed = true
}

// close leaves it to the kernel.
func (s *space) close() {
	s.still.Lock()
	closed := s.closed
	s.closed = true
	s.still.Unlock()
	if !closed {
		s.file.Close()
	}
}
