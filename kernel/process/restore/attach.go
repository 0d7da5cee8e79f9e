// This file maps System V shared memory, which package object has made. A segment is
// attached as a whole, clear of what the image has mapped; what the image has of it
// are further mappings of that, which may be parts.

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
	whole, err := p.stub.call(what, unix.SYS_SHMAT, uint64(f.Segment.ID), proc.Gap(append(p.wanted(), p.rooms()), uint64(f.Size)), flags)
	if err != nil {
		return err
	}
	if err := p.stub.mapPart(m, whole); err != nil {
		return err
	}
	_, err = p.stub.call("shmdt", unix.SYS_SHMDT, whole)
	return err
}
