// This file makes shared memory without a name, of MAP_SHARED with MAP_ANONYMOUS. No
// descriptor leads to it. So all of it is mapped first, the mappings of the image
// are further ones of that (mremap(2), old_size 0), and it goes when the memory has
// been filled.

package restore

import (
	"fmt"

	"golang.org/x/sys/unix"

	"snappipe/kernel/process/proc"
	"snappipe/kernel/process/world"
)

// findAnonymous finds what of the files of the image is such memory, and neither
// open nor mapped otherwise (proc_pid_map_files(5)), nor by another process.
func (p *process) findAnonymous() {
	p.anonymous = map[int]proc.Run{}
	for i := range p.img.Files {
		if f := &p.img.Files[i]; f.Anon && f.Content != world.NoIndex {
			p.anonymous[i] = proc.Run{}
		}
	}
	for i := range p.img.Open {
		delete(p.anonymous, p.img.Open[i].File)
	}
	for i := range p.img.Spaces {
		s := &p.img.Spaces[i]
		for j := range s.VMAs {
			if v := &s.VMAs[j]; !v.Shared || s != p.space {
				delete(p.anonymous, v.File)
			}
		}
	}
}

// isAnonymous reports whether a mapping is of such memory.
func (p *process) isAnonymous(m *mapping) bool {
	_, ok := p.anonymous[m.File]
	return ok && m.Shared
}

// mapWhole maps all of it, clear of what the image has mapped.
func (p *process) mapWhole() error {
	taken := append(p.wanted(), p.rooms())
	for i := range p.anonymous {
		size := uint64(world.PageUp(p.img.Contents[p.img.Files[i].Content].Size))
		at := proc.Gap(taken, size)
		flags := uint64(unix.MAP_SHARED | unix.MAP_ANONYMOUS | unix.MAP_FIXED_NOREPLACE)
		for k := range p.mapped {
			if m := &p.mapped[k]; m.File == i && has(m.VMA, "nr") {
				flags |= unix.MAP_NORESERVE
			}
		}
		what := fmt.Sprintf("mmap of %d bytes of shared memory", size)
		if _, err := p.stub.call(what, unix.SYS_MMAP, at, size, unix.PROT_READ|unix.PROT_WRITE, flags, ^uint64(0), 0); err != nil {
			return err
		}
		p.anonymous[i] = proc.Run{Start: at, End: at + size}
		taken = append(taken, p.anonymous[i])
	}
	return nil
}

// mapAnonymous makes a mapping of it.
func (p *process) mapAnonymous(m *mapping) error {
	return p.stub.mapPart(m, p.anonymous[m.File].Start)
}

// mapPart makes a mapping of what is mapped as a whole elsewhere: with an old size of 0,
// mremap(2) makes a further one of shared memory.
func (s *stub) mapPart(m *mapping, whole uint64) error {
	what := fmt.Sprintf("mremap of shared memory to %#x-%#x", uint64(m.Start), uint64(m.End))
	if _, err := s.call(what, unix.SYS_MREMAP, whole+uint64(m.Offset), 0, uint64(m.End-m.Start),
		unix.MREMAP_MAYMOVE|unix.MREMAP_FIXED, uint64(m.Start)); err != nil {
		return err
	}
	if err := s.on(m, "mprotect", unix.SYS_MPROTECT, uint64(m.Prot)); err != nil {
		return err
	}
	c := s.calls()
	m.advise(c)
	return c.run()
}

// unmapWhole leaves the mappings of the image.
func (p *process) unmapWhole() error {
	for _, s := range p.anonymous {
		if _, err := p.stub.call("munmap", unix.SYS_MUNMAP, s.Start, s.End-s.Start); err != nil {
			return err
		}
	}
	return nil
}
