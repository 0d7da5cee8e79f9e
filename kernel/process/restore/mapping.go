// This file makes the mappings: which of them are files again and which take
// their pages from the image, and what is done to them once those are there.

package restore

import (
	"fmt"
	"os"
	"strings"

	"golang.org/x/sys/unix"

	"snappipe/kernel"
	"snappipe/kernel/process/object"
	"snappipe/kernel/process/sys"
	"snappipe/kernel/process/world"
)

// mapping is a mapping of the image in the stub.
type mapping struct {
	*world.VMA
	// source is what is mapped: a file that is unchanged, or shared memory
	// that is made again; nil for private memory that is filled from the
	// image.
	source *os.File
	// filled are the ranges of it that take pages from the image. While they
	// do, all of the mapping can be written to.
	filled   []world.Run
	later    bool // they come while the program runs: see later.go
	byFiller bool // they come by the filler of the process
}

// writable reports whether a shared mapping could be made writable by
// mprotect(2), which takes a file opened for writing: VM_MAYWRITE.
func (m *mapping) writable() bool {
	return m.Prot&unix.PROT_WRITE != 0 || has(m.VMA, "mw")
}

// has reports whether a mapping has a flag of proc_pid_smaps(5).
func has(v *world.VMA, flag string) bool {
	for f := range strings.FieldsSeq(v.VMFlags) {
		if f == flag {
			return true
		}
	}
	return false
}

// planMappings decides for each mapping, opening files as it goes.
func (p *process) planMappings() error {
	opened := map[[2]int]*os.File{} // by index in Files, and whether writable
	for i := range p.space.VMAs {
		v := &p.space.VMAs[i]
		if ofKernel(string(v.Name)) {
			continue
		}
		m := mapping{VMA: v}
		if err := p.findSource(&m, opened); err != nil {
			return err
		}
		m.filled = m.pages()
		p.mapped = append(p.mapped, m)
	}
	return nil
}

// closeSources closes them, once they are mapped or never will be.
func (p *process) closeSources() {
	for i := range p.mapped {
		if f := p.mapped[i].source; f != nil {
			f.Close() // a further time, where several mappings share it
		}
	}
}

// pages are the ranges of a mapping that take their pages from the image:
// what is the process's alone, which of a file mapped again is only what was
// written to.
func (m *mapping) pages() []world.Run {
	switch {
	case m.Shared:
		return nil
	case m.source != nil:
		return m.Private
	case m.ImageSize > 0:
		return []world.Run{{Start: m.Start, End: m.Start + world.Hex(m.ImageSize)}}
	}
	return nil
}

// findSource opens what m is a mapping of, if that is to be mapped.
func (p *process) findSource(m *mapping, opened map[[2]int]*os.File) (err error) {
	if m.File == world.NoIndex {
		if m.Shared {
			return fmt.Errorf("%w: mapping %#x is shared with nothing", world.ErrDamaged, uint64(m.Start))
		}
		return nil
	}
	f := &p.img.Files[m.File]
	if p.isAnonymous(m) || f.Segment != nil {
		return nil
	}
	key := [2]int{m.File, 0}
	if m.Shared && m.writable() {
		key[1] = unix.O_RDWR
	}
	if file, ok := opened[key]; ok {
		m.source = file
		return nil
	}
	switch {
	case m.Shared:
		m.source, err = p.openShared(f, key[1])
	case f.Content != world.NoIndex && p.covers(f.Content, m): // what is written to it shows in the mapping
		m.source, err = object.Reopen(p.objects.Content(f.Content), unix.O_RDONLY)
	default:
		m.source = object.OpenUnchanged(f)
	}
	opened[key] = m.source
	return err
}

// covers reports whether a content is as much as a mapping had of its file: of one
// that is only mapped, what the shared mappings showed is all that is known.
func (p *process) covers(content int, m *mapping) bool {
	return m.Offset+m.ImageSize <= world.PageUp(p.img.Contents[content].Size)
}

// openShared opens what a shared mapping is of.
func (p *process) openShared(f *world.File, access int) (*os.File, error) {
	if f.Content != world.NoIndex {
		return object.Reopen(p.objects.Content(f.Content), access)
	}
	what := fmt.Sprintf("%s, a shared mapping", f.Path)
	file, err := p.objects.OpenPath(f, access)
	if err != nil {
		return nil, object.Gone(what, err)
	}
	if f.Mode&unix.S_IFMT == unix.S_IFREG && !object.Unchanged(file, f) {
		if !p.options.Force {
			file.Close()
			return nil, kernel.Refuse(what, "put the file back as it was, or --force maps it as it is",
				"the file was changed since the snapshot")
		}
		p.options.Warn(fmt.Sprintf("%s was changed since the snapshot, and is mapped as it is", f.Path))
	}
	return file, nil
}

// mapAll makes the mappings, those of a file one after the other so that it is
// handed over once.
func (p *process) mapAll() error {
	bySource := map[*os.File][]*mapping{}
	var order []*os.File
	for i := range p.mapped {
		m := &p.mapped[i]
		if p.isAnonymous(m) {
			if err := p.mapAnonymous(m); err != nil {
				return err
			}
			continue
		}
		if p.segmentOf(m) != nil {
			if err := p.attach(m); err != nil {
				return err
			}
			continue
		}
		if _, seen := bySource[m.source]; !seen {
			order = append(order, m.source)
		}
		bySource[m.source] = append(bySource[m.source], m)
	}
	for _, source := range order {
		if err := p.stub.mapFrom(source, bySource[source]); err != nil {
			return err
		}
	}
	return nil
}

func (s *stub) mapFrom(source *os.File, mappings []*mapping) error {
	fd := ^uint64(0)
	if source != nil {
		n, err := s.hand(int(source.Fd()))
		if err != nil {
			return err
		}
		fd = uint64(n)
	}
	c := s.calls()
	for _, m := range mappings {
		m.make(c, fd)
	}
	if source != nil {
		c.add("close", unix.SYS_CLOSE, fd)
	}
	return c.run()
}

// make maps it, from a descriptor of the stub.
func (m *mapping) make(c *calls, fd uint64) {
	flags := uint64(unix.MAP_FIXED_NOREPLACE | unix.MAP_PRIVATE)
	if m.Shared {
		flags = unix.MAP_FIXED_NOREPLACE | unix.MAP_SHARED
	}
	if m.source == nil {
		flags |= unix.MAP_ANONYMOUS
	}
	if has(m.VMA, "dp") {
		flags = flags&^unix.MAP_TYPE | unix.MAP_DROPPABLE
	}
	for flag, bit := range map[string]uint64{"gd": unix.MAP_GROWSDOWN, "nr": unix.MAP_NORESERVE} {
		if has(m.VMA, flag) {
			flags |= bit
		}
	}
	prot := uint64(m.Prot)
	if len(m.filled) > 0 {
		prot = unix.PROT_READ | unix.PROT_WRITE
		if !has(m.VMA, "ac") {
			// What never could be written to is not counted as memory that is
			// promised, and may be larger than all there is (mm/vma.c:
			// accountable_mapping).
			flags |= unix.MAP_NORESERVE
		}
	}
	c.on(m, "mmap ("+m.title()+")", unix.SYS_MMAP, prot, flags, fd, uint64(m.Offset))
	m.advise(c)
}

func (m *mapping) title() string {
	switch {
	case m.source != nil:
		return m.source.Name()
	case m.Name != "":
		return string(m.Name)
	}
	return "memory"
}

// advice is the madvise(2) that sets each flag of proc_pid_smaps(5).
var advice = map[string]uint64{
	"hg": unix.MADV_HUGEPAGE, "nh": unix.MADV_NOHUGEPAGE, "mg": unix.MADV_MERGEABLE,
	"dc": unix.MADV_DONTFORK, "wf": unix.MADV_WIPEONFORK, "dd": unix.MADV_DONTDUMP,
	"sr": unix.MADV_SEQUENTIAL, "rr": unix.MADV_RANDOM,
}

// advise sets what does not wait for the pages: huge pages are to be used for
// them already. What a kernel has no support for is only a hint.
func (m *mapping) advise(c *calls) {
	for flag := range strings.FieldsSeq(m.VMFlags) {
		if has(m.VMA, "dp") && (flag == "wf" || flag == "dd") {
			continue // which that is by itself
		}
		if a, ok := advice[flag]; ok {
			hint := flag == "hg" || flag == "nh" || flag == "mg"
			c.addAnd(func(err error) error {
				if hint {
					return nil
				}
				return onMapping(m, "madvise", err)
			}, unix.SYS_MADVISE, uint64(m.Start), uint64(m.End-m.Start), a)
		}
	}
	name, ok := strings.CutPrefix(string(m.Name), "[anon:")
	if !ok {
		name, ok = strings.CutPrefix(string(m.Name), "[anon_shmem:")
	}
	if !ok {
		return
	}
	at := c.lay(cstring(strings.TrimSuffix(name, "]")))
	c.addAnd(func(err error) error {
		// Only a name for people to read; the kernel may not have it at all.
		return sys.Ignore(onMapping(m, "naming", err), unix.EINVAL, unix.EBADF)
	}, unix.SYS_PRCTL, unix.PR_SET_VMA, unix.PR_SET_VMA_ANON_NAME, uint64(m.Start), uint64(m.End-m.Start), at)
}
