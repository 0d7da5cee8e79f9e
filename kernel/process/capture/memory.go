// The memory of the image: which mappings, and which of their pages, are read
// from the twin.

package capture

import (
	"errors"
	"fmt"

	"snappipe/kernel/process/proc"
	"snappipe/kernel/process/ptrace"
	"snappipe/kernel/process/world"

	"golang.org/x/sys/unix"
)

// readMemory finds the pages of every mapping, and makes those of them
// readable in the twin that are not.
func (t *tree) readMemory() error {
	if err := t.eachSpace((*member).readMemory, (*member).addBuildIDs); err != nil {
		return err
	}
	if err := t.addContents(); err != nil {
		return err
	}
	return t.fault(FaultMemory)
}

func (c *member) readMemory() error {
	for _, read := range []func() error{c.readFlags, c.readPolicies} {
		if err := read(); err != nil {
			return err
		}
	}
	pagemap, err := proc.OpenPagemap(c.twin.PID)
	if err != nil {
		return fmt.Errorf("opening the pagemap of the twin: %w", err)
	}
	defer pagemap.Close()
	for i := range c.frozen.maps {
		m := &c.frozen.maps[i]
		if m.Path == "[vsyscall]" {
			continue // the same everywhere, and at a kernel address
		}
		v, pieces, err := c.vma(m, pagemap)
		if err != nil {
			return fmt.Errorf("%s, mapping %x-%x %s: %w", c.object(), m.Start, m.End, m.Path, err)
		}
		c.space.VMAs = append(c.space.VMAs, v)
		c.pieces = append(c.pieces, pieces)
	}
	return nil
}

func (c *member) vma(m *proc.Map, pagemap *proc.Pagemap) (v world.VMA, pieces []piece, err error) {
	v = world.VMA{
		Start: world.Hex(m.Start), End: world.Hex(m.End), Prot: m.Prot, Shared: m.Shared,
		Name: world.Text(m.Name), File: world.NoIndex, Offset: int64(m.Offset), VMFlags: m.VMFlags, Key: m.Key, Policy: c.policies[m.Start],
	}
	anonymous := !m.File() || !m.Shared && m.Path == "/dev/zero"
	if anonymous {
		v.Name, v.Offset = world.Text(m.Path), 0
	} else if v.File, err = c.files.Mapped(c.opener, m); err != nil {
		return v, nil, err
	}
	if m.Kernel() && m.Path != "[vdso]" {
		return v, nil, nil
	}
	if pieces, err = c.piecesOf(&v, m, anonymous, pagemap); err != nil {
		return v, nil, err
	}
	v.Guards = imageRuns(c.guards[m.Start])
	// A mapping that nobody can read and that holds nothing is not stored; an
	// untouched one of zeros is, as a hole. A shared mapping of a file never is:
	// its memory is the file, or the content where that can't be found again.
	if len(pieces) == 0 && m.Prot == unix.PROT_NONE || m.Shared && !anonymous {
		return v, nil, nil
	}
	v.ImageSize = int64(m.End - m.Start)
	if m.File() && !anonymous && len(pieces) > 0 {
		v.ImageSize = int64(pieces[len(pieces)-1].end - m.Start)
	}
	pieces, err = c.makeReadable(m, pieces)
	return v, pieces, err
}

// piecesOf returns what there is of the memory of a mapping.
func (c *member) piecesOf(v *world.VMA, m *proc.Map, anonymous bool, pagemap *proc.Pagemap) ([]piece, error) {
	switch {
	case c.kept[m.Start] != nil:
		v.Private = imageRuns(c.private[m.Start])
		return c.kept[m.Start], nil
	case m.Shared && !anonymous:
		return nil, c.noteCovers(m, pagemap)
	case m.Path == "[vdso]":
		return fromTwin([]proc.Run{{Start: m.Start, End: m.End}}), nil
	case anonymous:
		runs, err := c.scanTwin(m, pagemap, proc.Present)
		return fromTwin(runs), err
	}
	return c.mappedFile(v, m, pagemap)
}

func fromTwin(runs []proc.Run) []piece {
	all := make([]piece, len(runs))
	for i, r := range runs {
		all[i] = piece{r.Start, r.End, false, r.Start}
	}
	return all
}

// mappedFile returns the pages of a private mapping of a file: all up to the
// end of the file, beyond which reading gives SIGBUS. Of a mapping that nobody
// can read there are only those that the program changed before. What is not
// its own yet is the file's: where the program may write to that, the twin's
// memory would change between one look and the next, and it is copied.
func (c *member) mappedFile(v *world.VMA, m *proc.Map, pagemap *proc.Pagemap) ([]piece, error) {
	runs, err := c.scanTwin(m, pagemap, proc.Private)
	if err != nil {
		return nil, err
	}
	v.Private = imageRuns(runs)
	if m.Prot == unix.PROT_NONE {
		return fromTwin(runs), nil
	}
	end, err := c.endOfFile(v.File, m, c.twin.Memory)
	if err != nil || end <= m.Start {
		return nil, err
	}
	// Where the image has the file itself, that need not be read here too, which
	// would fill its holes (mm/shmem.c: shmem_fault).
	if i := c.img.Files[v.File].Content; i != world.NoIndex && m.Offset+end-m.Start <= pages(c.img.Contents[i].Size) {
		return fromTwin(runs), nil
	}
	all := []proc.Run{{Start: m.Start, End: end}}
	if c.files.Written(v.File) {
		return c.copyRuns(c.twin.Memory, all)
	}
	return fromTwin(all), nil
}

func imageRuns(runs []proc.Run) (all []world.Run) {
	for _, r := range runs {
		all = append(all, world.Run{Start: world.Hex(r.Start), End: world.Hex(r.End)})
	}
	return all
}

// endOfFile returns the address up to which a mapping of file i has it behind
// it, in the given memory.
func (c *member) endOfFile(i int, m *proc.Map, mem *ptrace.Memory) (uint64, error) {
	if !c.files.SizeIsKnown(i) {
		return probeEnd(m, mem)
	}
	size := pages(c.img.Files[i].Size)
	if size <= m.Offset {
		return m.Start, nil
	}
	return min(m.End, m.Start+size-m.Offset), nil
}

// pages is how much of memory a file of some size takes.
func pages(size int64) uint64 { return uint64(world.PageUp(size)) }

// probeEnd finds it by trying, for a file whose size nobody tells.
func probeEnd(m *proc.Map, mem *ptrace.Memory) (uint64, error) {
	lo, hi := m.Start, m.End // readable below lo, not from hi on
	var b [1]byte
	for lo < hi {
		mid := lo + (hi-lo)/2&^(world.Page-1)
		err := mem.Read(b[:], mid)
		switch {
		case err == nil:
			lo = mid + world.Page
		case errors.Is(err, unix.EIO), errors.Is(err, unix.EFAULT):
			hi = mid
		default:
			return 0, err
		}
	}
	return lo, nil
}

// makeReadable lets the twin itself read memory that the program could not,
// since vmsplice(2) keeps to the protections. What it can't be given (mseal(2))
// is copied.
func (c *member) makeReadable(m *proc.Map, pieces []piece) ([]piece, error) {
	if m.Prot&unix.PROT_READ != 0 && m.Key == 0 {
		return pieces, nil
	}
	var all []piece
	for _, p := range pieces {
		if p.inStore {
			all = append(all, p)
			continue
		}
		_, err := c.twin.call.Call(unix.SYS_MPROTECT, p.start, p.end-p.start, unix.PROT_READ)
		if m.Key != 0 {
			_, err = c.twin.call.Call(unix.SYS_PKEY_MPROTECT, p.start, p.end-p.start, unix.PROT_READ, 0)
		}
		some := []piece{p}
		if errors.Is(err, unix.EPERM) {
			some, err = c.copyRuns(c.twin.Memory, []proc.Run{{Start: p.start, End: p.end}})
		}
		if err != nil {
			return nil, fmt.Errorf("making it readable in the twin: %w", err)
		}
		all = append(all, some...)
	}
	return all, nil
}

// resident returns which pages of a shared mapping are in memory, whoever put
// them there, by mincore(2) in the twin.
func (w *Twin) resident(start, end uint64) (runs []proc.Run, err error) {
	vec := make([]byte, w.batch.Size)
	for start < end {
		n := min((end-start)/world.Page, uint64(len(vec)))
		if err := w.get(vec[:n], unix.SYS_MINCORE, start, n*world.Page, w.batch.At); err != nil {
			return nil, err
		}
		for i, b := range vec[:n] {
			if b&1 == 0 {
				continue
			}
			at := start + uint64(i)*world.Page
			if k := len(runs); k > 0 && runs[k-1].End == at {
				runs[k-1].End = at + world.Page
			} else {
				runs = append(runs, proc.Run{Start: at, End: at + world.Page})
			}
		}
		start += n * world.Page
	}
	return runs, nil
}

// layOut says where in the image everything lies, once Encode has placed it.
func (t *tree) layOut(header int64, headerAt uint64) {
	t.extents = []Extent{{Offset: 0, Length: header, Twin: InStore, At: headerAt}}
	for n, c := range t.members {
		for i := range c.space.VMAs {
			v := &c.space.VMAs[i] // the array of which is that of the image
			for _, p := range c.pieces[i] {
				t.addExtent(v.ImageOffset+int64(p.start-uint64(v.Start)), n, p)
			}
		}
	}
	for i, content := range t.contents {
		for _, p := range content.pieces {
			t.addExtent(t.img.Contents[i].Offset+int64(p.start), InStore, p)
		}
	}
}

// addExtent adds a piece, of the store or of a twin, to the last extent if it is the
// next of the same memory.
func (t *tree) addExtent(offset int64, twin int, p piece) {
	if p.inStore {
		twin = InStore
	}
	length := int64(p.end - p.start)
	last := &t.extents[len(t.extents)-1]
	if twin != InStore && last.Twin == twin && last.Offset+last.Length == offset && last.At+uint64(last.Length) == p.at {
		last.Length += length
		return
	}
	t.extents = append(t.extents, Extent{Offset: offset, Length: length, Twin: twin, At: p.at})
}
