// A flat image, as it lies in a file or on a device.
//
// Nothing is unpacked, and nothing lies in memory twice: the kernel copies from
// the page cache of the file, which goes as fast as it came. In return, there
// are no facts and no checksums to look at. So it is taken only by force, and
// for what its header says: its size, and the memory map that the kernel
// compares.

package machine

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"os"

	"snappipe/kernel"
)

// The fields of struct swsusp_info (kernel/power/power.h) that tell a size, by
// their offsets on x86-64. What lies before is of the architecture.
const (
	flatMemory    = 400 // num_physpages: of the machine
	flatDataPages = 416 // image_pages
	flatPages     = 424 // pages: with the header, and the list of page frames
	flatSize      = 432 // size, in bytes
	flatHeader    = flatSize + 8
)

var _ kernel.FlatResumer = (*Machine)(nil)

// ResumeFlat resumes the image that f begins with.
func (m *Machine) ResumeFlat(ctx context.Context, f *os.File) (kernel.Resumption, error) {
	if err := m.admit(nil); err != nil {
		return nil, err
	}
	size, err := sizeOfFlat(f)
	if err != nil {
		return nil, err
	}
	if err := fits(size, 1); err != nil {
		return nil, err
	}
	r, err := m.openFlat(ctx, f, size)
	if err != nil {
		return nil, err
	}
	m.would(size)
	return r, nil
}

func (m *Machine) openFlat(ctx context.Context, f *os.File, size int64) (kernel.Resumption, error) {
	if hasCalls() {
		return m.mapFlat(f, size)
	}
	r, err := m.openDevice(size)
	if err != nil {
		return nil, err
	}
	const part = 1 << 20
	for off := int64(0); off < size && err == nil; off += part {
		if err = ctx.Err(); err == nil {
			_, err = io.Copy(io.NewOffsetWriter(r, off), io.NewSectionReader(f, off, min(part, size-off)))
		}
	}
	if err != nil {
		r.Abort()
		return nil, err
	}
	return r, nil
}

// mapFlat maps the image for resume_snapshot. Its first page is made a copy,
// since --once erases it in the file before the call.
func (m *Machine) mapFlat(f *os.File, size int64) (*mapped, error) {
	conn, err := f.SyscallConn()
	if err != nil {
		return nil, err
	}
	var mem *shared
	if ctlErr := conn.Control(func(fd uintptr) { mem, err = mapPrivate(int(fd), uintptr(size)) }); ctlErr != nil {
		return nil, ctlErr
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", f.Name(), err)
	}
	first := mem.bytes(int64(os.Getpagesize()))
	if _, err := f.ReadAt(first, 0); err != nil {
		mem.unmap(0)
		return nil, err
	}
	return &mapped{mem, m.opts.Check, m.following}, nil
}

// pagesFor is how many pages it takes to list frames.
func pagesFor(frames, page uint64) uint64 { return (frames*8 + page - 1) / page }

// sizeOfFlat reads the header of the image that f begins with.
func sizeOfFlat(f *os.File) (int64, error) {
	var header [flatHeader]byte
	if _, err := f.ReadAt(header[:], 0); err != nil && err != io.EOF {
		return 0, fmt.Errorf("read the header of the image: %w", err)
	}
	field := func(at int) uint64 { return binary.LittleEndian.Uint64(header[at:]) }
	size, page := field(flatSize), uint64(os.Getpagesize())
	data, pages, memory := field(flatDataPages), field(flatPages), field(flatMemory)
	lists := pages - 1 - data // of page frame numbers, those of pages of zeros too
	if size/page != pages || size%page != 0 || data >= pages || data > memory ||
		lists < pagesFor(data, page) || lists > pagesFor(memory, page) {
		return 0, kernel.Refuse(f.Name(), "snapcat --raw makes one; without --raw, a stream is read", "it does not begin with the flat image of a machine")
	}
	if _, err := f.ReadAt(header[:1], int64(size)-1); err != nil {
		return 0, kernel.Refuse(f.Name(), "", "it ends before the %d bytes of the image in it", size)
	}
	return int64(size), nil
}
