// Memory that a forked child and its parent have in common, and that is not
// the Go runtime's: the garbage collector neither moves nor scans it.

package machine

import (
	"fmt"
	"unsafe"

	"golang.org/x/sys/unix"
)

// shared is a mapping.
type shared struct {
	at   unsafe.Pointer
	size uintptr
}

// mapShared maps size bytes. They take up no memory before they are touched.
func mapShared(size uintptr) (*shared, error) {
	p, err := unix.MmapPtr(-1, 0, nil, size, unix.PROT_READ|unix.PROT_WRITE,
		unix.MAP_SHARED|unix.MAP_ANONYMOUS|unix.MAP_NORESERVE)
	if err != nil {
		return nil, fmt.Errorf("map %d bytes of memory: %w", size, err)
	}
	return &shared{p, size}, nil
}

// mapPrivate maps size bytes of a file, or zeros if fd is -1. What is written
// there stays in this process.
func mapPrivate(fd int, size uintptr) (*shared, error) {
	flags := unix.MAP_PRIVATE | unix.MAP_NORESERVE
	if fd < 0 {
		flags |= unix.MAP_ANONYMOUS
	}
	p, err := unix.MmapPtr(fd, 0, nil, size, unix.PROT_READ|unix.PROT_WRITE, flags)
	if err != nil {
		return nil, fmt.Errorf("map %d bytes of memory: %w", size, err)
	}
	return &shared{p, size}, nil
}

// bytes is the first n bytes of the mapping.
func (s *shared) bytes(n int64) []byte { return unsafe.Slice((*byte)(s.at), n) }

// unmap gives back all but the first keep bytes, a multiple of the page size.
func (s *shared) unmap(keep uintptr) error {
	if keep >= s.size {
		return nil
	}
	if err := unix.MunmapPtr(unsafe.Add(s.at, keep), s.size-keep); err != nil {
		return fmt.Errorf("unmap the image: %w", err)
	}
	s.size = keep
	return nil
}

// protect makes the mapping read-only: an image does not change.
func (s *shared) protect() error {
	if err := unix.Mprotect(s.bytes(int64(s.size)), unix.PROT_READ); err != nil {
		return fmt.Errorf("make the image read-only: %w", err)
	}
	return nil
}
