// This file puts back segments: the local descriptor table by modify_ldt(2), and
// those of threads.

package restore

import (
	"encoding/binary"
	"fmt"
	"slices"

	"golang.org/x/sys/unix"

	"snappipe/kernel/process/world"
)

// setLDT writes each entry that is in use.
func (p *process) setLDT() error {
	const write = 0x11 // as the call makes entries since Linux 2.0
	for i, d := range slices.Collect(slices.Chunk(p.task.LDT, world.SegmentSize)) {
		if binary.LittleEndian.Uint64(d) == 0 {
			continue
		}
		entry := userDesc(uint32(i), d)
		if _, err := p.stub.callWith(p.stub.Caller, fmt.Sprintf("modify_ldt of entry %d", i),
			unix.SYS_MODIFY_LDT, 1, entry, write, 0, uint64(len(entry))); err != nil {
			return err
		}
	}
	return nil
}

// userDesc makes struct user_desc of arch/x86/include/uapi/asm/ldt.h from a
// descriptor as the processor has it (Intel SDM, volume 3, 3.4.5).
func userDesc(entry uint32, d []byte) []byte {
	low, high := binary.LittleEndian.Uint32(d), binary.LittleEndian.Uint32(d[4:])
	bit := func(n int) uint32 { return high >> n & 1 }
	flags := bit(22) | // seg_32bit
		high>>10&3<<1 | // contents: code or data, and how it grows
		(bit(9)^1)<<3 | // read_exec_only
		bit(23)<<4 | // limit_in_pages
		(bit(15)^1)<<5 | // seg_not_present
		bit(20)<<6 | // useable
		bit(21)<<7 // lm
	b := binary.LittleEndian.AppendUint32(nil, entry)
	b = binary.LittleEndian.AppendUint32(b, low>>16|high&0xff<<16|high&0xff000000)
	b = binary.LittleEndian.AppendUint32(b, low&0xffff|high&0xf0000)
	return binary.LittleEndian.AppendUint32(b, flags)
}

func (t *thread) setSegments() error {
	for i, s := range t.saved.Segments {
		if len(s) == 0 {
			continue
		}
		if err := t.Thread.SetThreadArea(i, s); err != nil {
			return fmt.Errorf("setting its segment %d: %w", i, err)
		}
	}
	return nil
}
