// The store: memory outside of the twin that is part of the image.

package capture

import (
	"fmt"
	"os"

	"snappipe/kernel/process/world"

	"golang.org/x/sys/unix"
)

// Store is a growing file in memory, which can be handed to another process.
type Store struct {
	File *os.File
	Size int64
}

// newStore makes an empty one.
func newStore() (*Store, error) {
	fd, err := unix.MemfdCreate("snapcat", unix.MFD_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("creating a file in memory: %w", err)
	}
	return &Store{File: os.NewFile(uintptr(fd), "snapcat-store")}, nil
}

// Close gives it up.
func (s *Store) Close() error { return s.File.Close() }

// Add appends b, on a page boundary, and returns where it lies.
func (s *Store) Add(b []byte) (at uint64, err error) {
	if len(b) == 0 {
		return uint64(s.Size), nil
	}
	if _, err := s.File.WriteAt(b, s.Size); err != nil {
		return 0, fmt.Errorf("keeping %d bytes in memory: %w", len(b), err)
	}
	return s.reserved(int64(len(b))), nil
}

// Fill appends n bytes, on a page boundary, that f writes into memory.
func (s *Store) Fill(n int64, f func(b []byte) error) (at uint64, err error) {
	b, err := s.room(n)
	if err != nil {
		return 0, err
	}
	defer unix.Munmap(b)
	if err := f(b); err != nil {
		return 0, err
	}
	return s.reserved(n), nil
}

// Reserve appends n bytes, on a page boundary, which are zeros and take no memory
// until they are written to in b, up to when that is unmapped.
func (s *Store) Reserve(n int64) (at uint64, b []byte, err error) {
	if b, err = s.room(n); err != nil {
		return 0, nil, err
	}
	return s.reserved(n), b, nil
}

// room maps the n bytes that come next.
func (s *Store) room(n int64) ([]byte, error) {
	if err := s.File.Truncate(s.Size + n); err != nil {
		return nil, fmt.Errorf("keeping %d bytes in memory: %w", n, err)
	}
	b, err := unix.Mmap(int(s.File.Fd()), s.Size, int(n), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	if err != nil {
		return nil, fmt.Errorf("keeping %d bytes in memory: %w", n, err)
	}
	return b, nil
}

func (s *Store) reserved(n int64) uint64 {
	at := s.Size
	s.Size += world.PageUp(n)
	return uint64(at)
}
