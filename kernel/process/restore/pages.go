// This file takes the bytes behind the headers to where they belong: pages of
// memory straight into the stub, the rest into files in memory. What of the
// image is never written is zeros, which is what new memory is.

package restore

import (
	"cmp"
	"fmt"
	"os"
	"runtime"
	"slices"
	"sync"

	"golang.org/x/sys/unix"

	"snappipe/kernel/process/world"
)

// segment is a range of the image with a place to go. Ranges of the image in
// no segment go nowhere: pages of files that are mapped again.
type segment struct {
	off, size int64
	addr      uint64   // in the stub, or
	file      *os.File // in this file from the start
}

func (s segment) end() int64 { return s.off + s.size }

// makeContents makes an empty file in memory for each content that is not mapped
// alone.
func (p *process) makeContents() error {
	p.findAnonymous()
	of := make(map[int]*world.File)
	elsewhere := map[int]bool{}
	for i := range p.img.Files {
		if f := &p.img.Files[i]; f.Content != world.NoIndex {
			of[f.Content] = f
			_, elsewhere[f.Content] = p.anonymous[i]
		}
	}
	for i, c := range p.img.Contents {
		if elsewhere[i] {
			p.contents = append(p.contents, nil)
			continue
		}
		file, err := p.makeContent(of[i])
		if err != nil {
			return err
		}
		p.contents = append(p.contents, file)
		if err := file.Truncate(c.Size); err != nil {
			return fmt.Errorf("a file of %d bytes in memory: %w", c.Size, err)
		}
	}
	return nil
}

// makeContent makes what holds the content of a file, or of what is none.
func (p *process) makeContent(f *world.File) (*os.File, error) {
	if f != nil && isTemporary(f) {
		if file, err := p.makeTemporary(f); file != nil || err != nil {
			return file, err
		}
	}
	name := ""
	if f != nil {
		name = string(f.Path)
	}
	fd, err := memfd(name)
	if err != nil {
		return nil, err
	}
	return os.NewFile(uintptr(fd), "memfd:"+name), nil
}

// seal seals files of memfd_create(2), which by now hold what they held, are
// mapped, and are open for all that they were.
func (p *process) seal() error {
	for _, f := range p.img.Files {
		if f.Content == world.NoIndex || f.Seals == 0 {
			continue
		}
		fd := p.contents[f.Content].Fd()
		if _, err := unix.FcntlInt(fd, unix.F_ADD_SEALS, f.Seals); err != nil {
			return fmt.Errorf("sealing %s: %w", f.Path, err)
		}
		if seals, err := unix.FcntlInt(fd, unix.F_GET_SEALS, 0); err != nil || seals != f.Seals {
			return fmt.Errorf("sealing %s: it has the seals %#x, not %#x (%v)", f.Path, seals, f.Seals, err)
		}
	}
	return nil
}

// memfd takes a name of at most 249 bytes (memfd_create(2)).
func memfd(name string) (int, error) {
	const flags = unix.MFD_CLOEXEC | unix.MFD_ALLOW_SEALING
	name = name[:min(len(name), 249)]
	// One that may be executed, as far as its mode says, and not sealed against
	// that yet. Kernels before 6.3 have no others; and some systems want none.
	fd, err := unix.MemfdCreate(name, flags|unix.MFD_EXEC)
	if err == unix.EINVAL || err == unix.EACCES {
		fd, err = unix.MemfdCreate(name, flags)
	}
	if err != nil {
		return 0, fmt.Errorf("making a file in memory: %w", err)
	}
	return fd, nil
}

// planSegments says where everything goes.
func (p *process) planSegments() {
	for i := range p.mapped {
		m := &p.mapped[i]
		stored := m.Start + world.Hex(m.ImageSize)
		for _, r := range m.filled {
			end := min(r.End, stored)
			if r.Start < end {
				p.segments = append(p.segments, segment{
					off: m.ImageOffset + int64(r.Start-m.Start), size: int64(end - r.Start), addr: uint64(r.Start),
				})
			}
		}
	}
	for i, c := range p.img.Contents {
		if c.Size > 0 && p.contents[i] != nil {
			p.segments = append(p.segments, segment{off: c.Offset, size: c.Size, file: p.contents[i]})
		}
	}
	for i, s := range p.anonymous {
		c := p.img.Contents[p.img.Files[i].Content]
		p.segments = append(p.segments, segment{off: c.Offset, size: c.Size, addr: s.start})
	}
	slices.SortFunc(p.segments, func(a, b segment) int { return cmp.Compare(a.off, b.off) })
}

// zeroPrivate blanks the parts of files mapped again that come from the image,
// so that there too what does not come is zeros.
func (p *process) zeroPrivate() error {
	zeros := make([]byte, 1<<20)
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

// WriteAt stores bytes of the image that lie behind its headers.
func (p *process) WriteAt(b []byte, off int64) (int, error) {
	i, _ := slices.BinarySearchFunc(p.segments, off, func(s segment, off int64) int { return cmp.Compare(s.end()-1, off) })
	end := off + int64(len(b))
	for ; i < len(p.segments) && p.segments[i].off < end; i++ {
		s := &p.segments[i]
		from, to := max(s.off, off), min(s.end(), end)
		if err := p.store(s, b[from-off:to-off], from-s.off); err != nil {
			return int(from - off), err
		}
	}
	return len(b), nil
}

func (p *process) store(s *segment, b []byte, at int64) error {
	if s.file != nil {
		_, err := s.file.WriteAt(b, at)
		return err
	}
	return p.copyParallel(b, s.addr+uint64(at))
}

// share is how much one processor copies at a time. Most of the time goes
// into the faults of new pages, which several take in parallel.
const share = 256 << 10

func (p *process) copyParallel(b []byte, addr uint64) error {
	parts := min(runtime.GOMAXPROCS(0), len(b)/share)
	if parts < 2 {
		return p.stub.mem.Copy(b, addr)
	}
	size := (len(b)/parts + world.Page - 1) &^ (world.Page - 1)
	errs := make([]error, parts)
	var wg sync.WaitGroup
	for i := range parts {
		from, to := min(i*size, len(b)), min((i+1)*size, len(b))
		if i == parts-1 {
			to = len(b)
		}
		wg.Go(func() { errs[i] = p.stub.mem.Copy(b[from:to], addr+uint64(from)) })
	}
	wg.Wait()
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}
