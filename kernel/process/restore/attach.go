// This file maps System V shared memory, which package object has made. A segment is
// attached as a whole, clear of what the image has mapped; what the image has of it
// are further mappings of that (mremap(2), old_size 0), which may be parts.

package restore

import (
	"fmt"

	"golang.org/x/sys/unix"

	"snappipe/kernel/process/proc"
	"snappipe/kernel/process/world"
)

// segmentOf returns the segment that a mapping is of, or nil.
func (p *process) segmentOf(m *mapping) *world.Segment {
	if m.File == world.NoIndex {
		return nil
	}
	return p.img.Files[m.File].Segment
}

func (p *process) attach(m *mapping) error {
	f := &p.img.Files[m.File]
	what := fmt.Sprintf("shmat of System V shared memory %d", f.Segment.ID)
	flags := uint64(0)
	if !m.writable() {
		const readOnly = 0o10000 // SHM_RDONLY, include/uapi/linux/shm.h
		flags = readOnly
	}
	whole, err := p.stub.call(what, unix.SYS_SHMAT, uint64(f.Segment.ID), proc.Gap(p.wanted(), uint64(f.Size)), flags)
	if err != nil {
		return err
	}
	size := uint64(m.End - m.Start)
	if _, err := p.stub.call(what, unix.SYS_MREMAP, whole+uint64(m.Offset), 0, size,
		unix.MREMAP_MAYMOVE|unix.MREMAP_FIXED, uint64(m.Start)); err != nil {
		return err
	}
	if _, err := p.stub.call("shmdt", unix.SYS_SHMDT, whole); err != nil {
		return err
	}
	if err := p.stub.on(m, "mprotect", unix.SYS_MPROTECT, uint64(m.Prot)); err != nil {
		return err
	}
	return p.stub.advise(m)
}
