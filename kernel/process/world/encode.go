// From a World to the front of the file, and the place of all that follows.

package world

import "golang.org/x/sys/unix"

// Encode returns the front of the file, a whole number of pages, and the size
// of the file. Behind it lie the VMAs of one space after the other and then the
// contents, each on a page boundary. ImageSize of each VMA has to be set; Encode
// sets ImageOffset, Offset of each Content, and Core of each Task.
func Encode(w *World) (header []byte, size int64, err error) {
	w.Version = Version
	cores, err := w.cores()
	if err != nil {
		return nil, 0, err
	}
	last := &cores[len(cores)-1]
	end := last.start + last.size()
	if end > maxHeader {
		return nil, 0, tooLargef("%d bytes of headers and notes", end)
	}
	size = w.place(end)

	header = make([]byte, 0, end)
	for i := range cores {
		header = cores[i].append(header)
	}
	return header, size, nil
}

// core is the ELF header of one process, with all that a debugger looks for. It
// is a file of its own from start on: its offsets are from there.
type core struct {
	w      *World
	start  int64 // in the image
	vmas   []VMA
	notes  []byte
	extras []phdr // between that of the notes and those of the memory; of the root
	more   []Content
}

// firstLoad is how many program headers the root has before those of its memory.
const firstLoad = 2

// cores are those of all tasks that have memory, in their order.
func (w *World) cores() (all []core, err error) {
	var at int64
	for i := range w.Tasks {
		t := &w.Tasks[i]
		if t.Dead() {
			continue
		}
		c := core{w: w, start: at, vmas: w.Spaces[t.Space].VMAs}
		if c.notes, err = appendNotes(nil, w, i); err != nil {
			return nil, err
		}
		if i == 0 {
			c.extras, c.more = make([]phdr, firstLoad-1), w.Contents
		}
		t.Core = at
		at += c.size()
		all = append(all, c)
	}
	root := &all[0]
	root.extras[0] = phdr{typ: ptMembers, offset: uint64(root.size()), filesz: uint64(at - root.size()), align: Page}
	return all, nil
}

func (c *core) phnum() int { return 1 + len(c.extras) + len(c.vmas) + len(c.more) }

// headers is the size of what lies before the notes.
func (c *core) headers() int {
	size := ehdrSize + c.phnum()*phdrSize
	if c.phnum() >= pnXnum {
		size += shdrSize
	}
	return size
}

func (c *core) size() int64 { return PageUp(int64(c.headers() + len(c.notes))) }

func (c *core) append(b []byte) []byte {
	end := len(b) + int(c.size())
	b = appendEhdr(b, c.phnum())
	b = phdr{typ: ptNote, offset: uint64(c.headers()), filesz: uint64(len(c.notes)), align: 4}.append(b)
	for _, p := range c.extras {
		b = p.append(b)
	}
	for i := range c.vmas {
		b = load(&c.vmas[i], c.start).append(b)
	}
	for i := range c.more {
		b = c.more[i].header().append(b)
	}
	b = append(b, c.notes...)
	return b[:end]
}

// place gives everything its offset, from off on, and returns where it ends.
func (w *World) place(off int64) int64 {
	for i := range w.Spaces {
		for j := range w.Spaces[i].VMAs {
			v := &w.Spaces[i].VMAs[j]
			// Also of what is not stored: debuggers look there for the header of
			// a mapped program, and at 0 would find the image's own.
			v.ImageOffset = off
			if w.contentOf(v) == nil {
				off += PageUp(v.ImageSize)
			}
		}
	}
	for i := range w.Contents {
		w.Contents[i].Offset = off
		off += PageUp(w.Contents[i].Size)
	}
	for i := range w.Spaces {
		for j := range w.Spaces[i].VMAs {
			v := &w.Spaces[i].VMAs[j]
			if c := w.contentOf(v); c != nil {
				v.ImageOffset, v.ImageSize = withinContent(v, c)
			}
		}
	}
	return off
}

// contentOf returns the Content that holds the memory of v, or nil: two
// mappings of the same shared memory are the same bytes of the image.
func (w *World) contentOf(v *VMA) *Content {
	if !v.Shared || v.File == NoIndex || w.Files[v.File].Content == NoIndex {
		return nil
	}
	return &w.Contents[w.Files[v.File].Content]
}

// withinContent is the part of c that v maps; nothing, if all of it lies
// beyond the end.
func withinContent(v *VMA, c *Content) (offset, size int64) {
	size = min(int64(v.End-v.Start), PageUp(c.Size)-v.Offset)
	if size <= 0 {
		return c.Offset, 0
	}
	return c.Offset + v.Offset, size
}

// load is the program header of a mapping, in a core that begins at start.
func load(v *VMA, start int64) phdr {
	var flags uint32 // PF_X 1, PF_W 2, PF_R 4
	for _, f := range [...][2]int{{unix.PROT_READ, 4}, {unix.PROT_WRITE, 2}, {unix.PROT_EXEC, 1}} {
		if v.Prot&f[0] != 0 {
			flags |= uint32(f[1])
		}
	}
	return phdr{
		typ: ptLoad, flags: flags, align: Page,
		offset: uint64(v.ImageOffset - start), vaddr: uint64(v.Start),
		filesz: uint64(v.ImageSize), memsz: uint64(v.End - v.Start),
	}
}

func (c *Content) header() phdr {
	return phdr{typ: ptContent, offset: uint64(c.Offset), filesz: uint64(c.Size), align: Page}
}
