// This file empties the address space of the stub, and moves the kernel's own
// mappings ([vdso], [vvar], [vvar_vclock]) to where the image has them: the
// program's memory holds pointers into them.

package restore

import (
	"fmt"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"snappipe/kernel"
	"snappipe/kernel/process/proc"
	"snappipe/kernel/process/world"
)

const (
	vdso     = "[vdso]"
	vsyscall = "[vsyscall]" // no mapping of the process, though listed
)

// ofKernel reports whether a mapping of that name is the kernel's.
func ofKernel(name string) bool { return strings.HasPrefix(name, "[v") }

// clearSpace unmaps all that execve(2) mapped, makes the scratch mapping, beside which
// is room for those of others that have this memory, and moves the kernel's mappings.
func (p *process) clearSpace() error {
	maps, err := proc.Maps(p.stub.pid)
	if err != nil {
		return err
	}
	var own []proc.Map
	var others []proc.Run // what lies between those
	for _, m := range maps {
		n := len(others)
		switch {
		case m.Path == vsyscall:
		case ofKernel(m.Path):
			own = append(own, m)
		case n > 0 && (len(own) == 0 || own[len(own)-1].Start < others[n-1].Start):
			others[n-1].End = m.End
		default:
			others = append(others, proc.Run{Start: m.Start, End: m.End})
		}
	}
	for _, r := range others {
		if _, err := p.stub.call("munmap", unix.SYS_MUNMAP, r.Start, r.End-r.Start); err != nil {
			return err
		}
	}
	wanted, err := kernelMappings(p.space, own)
	if err != nil {
		return err
	}
	taken := p.wanted()
	for _, m := range own {
		taken = append(taken, proc.Run{Start: m.Start, End: m.End})
	}
	p.stub.inner = p.innerID(p.stub.pid)
	if err := p.stub.makeRoom(proc.Gap(taken, p.roomsSize())); err != nil {
		return err
	}
	taken = append(taken, p.rooms())
	return p.stub.moveKernelMappings(own, wanted, taken)
}

// joinSpace gives one that has the memory of another room for its calls in it.
func (p *process) joinSpace() error {
	owner := p.sharers[0]
	if owner == p {
		return nil
	}
	p.stub.Site, p.stub.inner = owner.stub.Site, p.innerID(p.stub.pid)
	nth := slices.Index(p.sharers, p)
	return p.stub.makeRoom(owner.stub.scratch + uint64(nth)*roomSize)
}

// rooms are those of all that have its memory, side by side.
func (p *process) rooms() proc.Run {
	start := p.sharers[0].stub.scratch
	return proc.Run{Start: start, End: start + p.roomsSize()}
}

func (p *process) roomsSize() uint64 { return uint64(len(p.sharers)) * roomSize }

// wanted are the addresses that the image has something at.
func (p *process) wanted() (all []proc.Run) {
	for _, v := range p.space.VMAs {
		all = append(all, proc.Run{Start: uint64(v.Start), End: uint64(v.End)})
	}
	return all
}

// kernelMappings returns where the image has each of the stub's.
func kernelMappings(space *world.Space, own []proc.Map) ([]uint64, error) {
	at := map[string]*world.VMA{}
	for i := range space.VMAs {
		v := &space.VMAs[i]
		if name := string(v.Name); ofKernel(name) && name != vsyscall {
			at[name] = v
		}
	}
	var to []uint64
	for _, m := range own {
		v := at[m.Path]
		if v == nil || uint64(v.End-v.Start) != m.End-m.Start {
			return nil, kernel.Refuse("the image", "resume it under the kernel it was taken on",
				"its %s is not that of this kernel", m.Path)
		}
		to = append(to, uint64(v.Start))
		delete(at, m.Path)
	}
	for name := range at {
		return nil, kernel.Refuse("the image", "resume it under the kernel it was taken on",
			"this kernel has no %s", name)
	}
	return to, nil
}

// moveKernelMappings moves own[i] to wanted[i]; where any is in the way of
// another, all go by way of a place that nobody wants.
func (s *stub) moveKernelMappings(own []proc.Map, wanted []uint64, taken []proc.Run) error {
	overlap := false
	var total uint64
	for i, m := range own {
		total += m.End - m.Start
		for j, to := range wanted {
			end := to + own[j].End - own[j].Start
			overlap = overlap || i != j && m.Start < end && to < m.End
		}
		overlap = overlap || m.Start != wanted[i] && m.Start < wanted[i]+m.End-m.Start && wanted[i] < m.End
	}
	if overlap {
		at := proc.Gap(taken, total)
		for i := range own {
			if err := s.moveKernelMapping(&own[i], at); err != nil {
				return err
			}
			at = own[i].End
		}
	}
	for i := range own {
		if err := s.moveKernelMapping(&own[i], wanted[i]); err != nil {
			return err
		}
	}
	return nil
}

func (s *stub) moveKernelMapping(m *proc.Map, to uint64) error {
	if m.Start == to {
		return nil
	}
	size := m.End - m.Start
	if _, err := s.call(fmt.Sprintf("mremap of %s to %#x", m.Path, to), unix.SYS_MREMAP,
		m.Start, size, size, unix.MREMAP_MAYMOVE|unix.MREMAP_FIXED, to); err != nil {
		return err
	}
	if m.Path == vdso {
		s.Site += to - m.Start
	}
	m.Start, m.End = to, to+size
	return nil
}
