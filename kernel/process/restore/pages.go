// This file takes the bytes behind the headers to where they belong: pages of
// memory straight into the stub, the rest into files in memory. What of the
// image is never written is zeros, which is what new memory is.

package restore

import (
	"cmp"
	"os"
	"slices"

	"snappipe/kernel/process/proc"
	"snappipe/kernel/process/world"
)

// segment is a range of the image with a place to go. Ranges of the image in
// no segment go nowhere: pages of files that are mapped again.
type segment struct {
	off, size int64
	memory    memory   // of a stub,
	addr      uint64   // and where there, or
	file      *os.File // in this file from the start
}

// memory is where pages go: a [filler] or a [writer]. Any number of goroutines may
// store different ones.
type memory interface {
	store(b []byte, addr uint64) error
}

func (s segment) end() int64 { return s.off + s.size }

// makeContents makes an empty file in memory for each content that is not mapped
// alone.
func (t *tree) makeContents() error {
	elsewhere := map[int]bool{}
	for _, p := range t.alive() {
		if !p.ownsMemory() {
			continue
		}
		p.findAnonymous()
		for i := range p.anonymous {
			elsewhere[t.img.Files[i].Content] = true
		}
	}
	return t.objects.MakeContents(elsewhere)
}

// planSegments says where everything goes.
func (t *tree) planSegments() error {
	t.planLater()
	for _, p := range t.alive() {
		t.segments = append(t.segments, p.memorySegments()...)
	}
	for i, c := range t.img.Contents {
		if file := t.objects.Content(i); c.Size > 0 && file != nil {
			t.segments = append(t.segments, segment{off: c.Offset, size: c.Size, file: file})
		}
	}
	slices.SortFunc(t.segments, func(a, b segment) int { return cmp.Compare(a.off, b.off) })
	return nil
}

// memorySegments are those that go into the stub.
func (p *process) memorySegments() (all []segment) {
	var written memory = &writer{mem: p.stub.mem}
	for i := range p.mapped {
		m := &p.mapped[i]
		if m.later {
			continue
		}
		to := written
		if m.byFiller {
			to = p.filler
		}
		stored := m.Start + world.Hex(m.ImageSize)
		for _, r := range m.filled {
			end := min(r.End, stored)
			if r.Start < end {
				all = append(all, segment{
					off: m.ImageOffset + int64(r.Start-m.Start), size: int64(end - r.Start),
					memory: to, addr: uint64(r.Start),
				})
			}
		}
	}
	for i, s := range p.anonymous {
		c := p.img.Contents[p.img.Files[i].Content]
		all = append(all, segment{off: c.Offset, size: c.Size, memory: written, addr: s.Start})
	}
	return all
}

// zeros are never written to.
var zeros [1 << 20]byte

// zeroPrivate blanks the parts of files mapped again that come from the image,
// so that there too what does not come is zeros.
func (p *process) zeroPrivate() error {
	for i := range p.mapped {
		m := &p.mapped[i]
		if m.source == nil {
			continue
		}
		for _, r := range m.filled {
			for at := r.Start; at < r.End; {
				n := min(r.End-at, world.Hex(len(zeros)))
				if err := p.stub.mem.Copy(zeros[:n], uint64(at)); err != nil {
					return err
				}
				at += n
			}
		}
	}
	return nil
}

// WriteAt stores bytes of the image that lie behind its headers. Any number of goroutines
// may call it: most of the time goes into the faults of new pages, which several take in
// parallel.
func (t *tree) WriteAt(b []byte, off int64) (int, error) {
	i, _ := slices.BinarySearchFunc(t.segments, off, func(s segment, off int64) int { return cmp.Compare(s.end()-1, off) })
	end := off + int64(len(b))
	for ; i < len(t.segments) && t.segments[i].off < end; i++ {
		s := &t.segments[i]
		from, to := max(s.off, off), min(s.end(), end)
		if err := s.store(b[from-off:to-off], from-s.off); err != nil {
			return int(from - off), err
		}
	}
	if t.isSingle() {
		t.root.stored.add(proc.Run{Start: uint64(off), End: uint64(end)})
	}
	return len(b), nil
}

func (s *segment) store(b []byte, at int64) error {
	if s.file != nil {
		_, err := s.file.WriteAt(b, at)
		return err
	}
	return s.memory.store(b, s.addr+uint64(at))
}
