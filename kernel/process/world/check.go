// What a World must be for the code that acts on it to need no checks of its
// own: indices that refer to something, addresses in order, ranges in bounds.

package world

import (
	"math"

	"golang.org/x/sys/unix"
)

// addressEnd is the end of user addresses with five-level page tables.
const addressEnd = 1 << 56

func (w *World) check() error {
	for i := range w.Tasks {
		t := &w.Tasks[i]
		if t.Dead() {
			continue
		}
		if err := w.checkTask(t); err != nil {
			return err
		}
	}
	for i := range w.Spaces {
		if err := w.checkVMAs(&w.Spaces[i]); err != nil {
			return err
		}
	}
	for i := range w.Tables {
		if err := w.checkFDs(&w.Tables[i]); err != nil {
			return err
		}
	}
	if err := w.checkFiles(); err != nil {
		return err
	}
	return w.checkOpen()
}

func (w *World) checkTask(p *Task) error {
	if len(p.Threads) == 0 || p.Threads[0].TID != p.PID {
		return damagedf("its first thread is not the leader")
	}
	if n := len(w.Spaces[p.Space].Auxv); n > 4096 || n%16 != 0 {
		return damagedf("an auxiliary vector of %d bytes", n)
	}
	if !inRange(p.Exe, len(w.Files), true) {
		return damagedf("its executable is file %d, which is not there", p.Exe)
	}
	if !inRange(p.Cwd, len(w.Files), false) {
		return damagedf("its working directory is file %d, which is not there", p.Cwd)
	}
	seen := make(map[int]bool, len(p.Threads))
	for i := range p.Threads {
		t := &p.Threads[i]
		if t.TID <= 0 || t.TID > math.MaxInt32 || seen[t.TID] {
			return damagedf("thread ID %d is not possible or there twice", t.TID)
		}
		seen[t.TID] = true
		if n := len(t.XState); n < xsaveMin || n > xsaveMax || n%8 != 0 {
			return damagedf("thread %d has an XSAVE area of %d bytes", t.TID, n)
		}
		for _, s := range t.Segments {
			if len(s) != 0 && len(s) != 16 {
				return damagedf("thread %d has a segment of %d bytes", t.TID, len(s))
			}
		}
	}
	if n := len(p.LDT); n%SegmentSize != 0 || n > 65536 {
		return damagedf("a local descriptor table of %d bytes", n)
	}
	for _, a := range p.SigActions {
		if a.Signal < 1 || a.Signal > 64 || a.Signal == int(unix.SIGKILL) || a.Signal == int(unix.SIGSTOP) {
			return damagedf("an action for signal %d", a.Signal)
		}
	}
	return nil
}

func (w *World) checkVMAs(s *Space) error {
	var end Hex
	for i := range s.VMAs {
		v := &s.VMAs[i]
		if v.Start < end || v.Start >= v.End || v.End > addressEnd || (v.Start|v.End)%Page != 0 {
			return damagedf("mapping %x-%x is impossible or out of order", v.Start, v.End)
		}
		end = v.End
		if v.Prot&^(unix.PROT_READ|unix.PROT_WRITE|unix.PROT_EXEC) != 0 {
			return damagedf("mapping %x has protection %#x", v.Start, v.Prot)
		}
		if v.Offset < 0 || v.Offset%Page != 0 || v.Offset > math.MaxInt64-int64(v.End-v.Start) {
			return damagedf("mapping %x has file offset %#x", v.Start, v.Offset)
		}
		if !inRange(v.File, len(w.Files), true) {
			return damagedf("mapping %x is of file %d, which is not there", v.Start, v.File)
		}
		if v.Shared && v.File != NoIndex && !w.Files[v.File].canBeShared() {
			return damagedf("mapping %x is shared, of a file of mode %#o", v.Start, w.Files[v.File].Mode)
		}
		for _, runs := range [][]Run{v.Private, v.Guards} {
			at := v.Start
			for _, r := range runs {
				if r.Start < at || r.Start >= r.End || r.End > v.End || (r.Start|r.End)%Page != 0 {
					return damagedf("mapping %x has the run %x-%x", v.Start, r.Start, r.End)
				}
				at = r.End
			}
		}
	}
	return nil
}

// canBeShared keeps devices from being opened for a mapping of one.
func (f *File) canBeShared() bool {
	return f.Content != NoIndex || f.Anon || f.Mode&unix.S_IFMT == unix.S_IFREG
}

func (w *World) checkFiles() error {
	for i, f := range w.Files {
		if !inRange(f.Content, len(w.Contents), true) {
			return damagedf("file %d has content %d, which is not there", i, f.Content)
		}
		if f.Size < 0 {
			return damagedf("file %d has size %d", i, f.Size)
		}
	}
	for i, c := range w.Contents {
		if c.Size < 0 {
			return damagedf("content %d has size %d", i, c.Size)
		}
	}
	return nil
}

// checkOpen leaves what is particular to a kind to package object.
func (w *World) checkOpen() error {
	for i := range w.Open {
		if o := &w.Open[i]; !inRange(o.File, len(w.Files), true) {
			return damagedf("open file %d is of file %d, which is not there", i, o.File)
		}
	}
	return nil
}

func (w *World) checkFDs(t *Table) error {
	last := -1
	for _, f := range t.FDs {
		if f.FD <= last || f.FD > math.MaxInt32 || !inRange(f.Open, len(w.Open), false) {
			return damagedf("fd %d is out of order or refers to open file %d", f.FD, f.Open)
		}
		last = f.FD
	}
	return nil
}

// checkLayout reads the program headers behind those of notes and members, and has
// the memory and contents follow each other as Encode places them.
func (w *World) checkLayout(cores []parsed, header, size int64) error {
	for i, c := range cores {
		vmas := w.Spaces[c.task.Space].VMAs
		want := len(vmas)
		if i == 0 {
			want += len(w.Contents)
		}
		if len(c.phdrs) != want*phdrSize {
			return damagedf("process %d has %d program headers where %d belong", c.task.PID, len(c.phdrs)/phdrSize, want)
		}
		for j := range vmas {
			if err := vmas[j].takeSize(parsePhdr(c.phdrs[j*phdrSize:])); err != nil {
				return err
			}
		}
	}
	if err := w.checkSum(); err != nil {
		return err
	}
	if total := w.place(header); total != size {
		return damagedf("its parts end at %d, but it has %d bytes", total, size)
	}
	for _, c := range cores {
		vmas := w.Spaces[c.task.Space].VMAs
		for j := range vmas {
			if load(&vmas[j], c.start) != parsePhdr(c.phdrs[j*phdrSize:]) {
				return damagedf("mapping %x is not where it belongs in the image", vmas[j].Start)
			}
		}
	}
	root := cores[0].phdrs[len(w.Spaces[cores[0].task.Space].VMAs)*phdrSize:]
	for i := range w.Contents {
		if w.Contents[i].header() != parsePhdr(root[i*phdrSize:]) {
			return damagedf("content %d is not where it belongs in the image", i)
		}
	}
	return nil
}

// takeSize takes from the program header of a mapping how much of it is stored.
func (v *VMA) takeSize(p phdr) error {
	length := uint64(v.End - v.Start)
	if p.typ != ptLoad || p.vaddr != uint64(v.Start) || p.memsz != length || p.filesz > length || p.filesz%Page != 0 {
		return damagedf("the program header of mapping %x does not fit it", v.Start)
	}
	v.ImageSize = int64(p.filesz)
	return nil
}

// checkSum is for sizes that add up to more than a number holds.
func (w *World) checkSum() error {
	end := uint64(0)
	add := func(n int64) bool {
		end += uint64(n)
		return n <= math.MaxInt64-Page && end <= math.MaxInt64-maxHeader
	}
	fits := true
	for i := range w.Spaces {
		for j := range w.Spaces[i].VMAs {
			fits = fits && add(w.Spaces[i].VMAs[j].ImageSize)
		}
	}
	for _, c := range w.Contents {
		fits = fits && add(PageUp(min(c.Size, math.MaxInt64-Page)))
	}
	if !fits {
		return damagedf("its parts add up to more than is possible")
	}
	return nil
}

// inRange reports whether i is an index into n things or, if none is allowed,
// NoIndex.
func inRange(i, n int, none bool) bool { return i >= 0 && i < n || none && i == NoIndex }
