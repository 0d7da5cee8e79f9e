// What an Image must be for the code that acts on it to need no checks of its
// own: indices that refer to something, addresses in order, ranges in bounds.

package image

import (
	"math"

	"golang.org/x/sys/unix"
)

// addressEnd is the end of user addresses with five-level page tables.
const addressEnd = 1 << 56

func (img *Image) check() error {
	for _, f := range []func() error{img.checkThreads, img.checkVMAs, img.checkFiles, img.checkOpen, img.checkFDs} {
		if err := f(); err != nil {
			return err
		}
	}
	return nil
}

func (img *Image) checkThreads() error {
	if len(img.Threads) == 0 || img.Threads[0].TID != img.Process.PID {
		return damagedf("its first thread is not the leader")
	}
	if len(img.Auxv) > 4096 || len(img.Auxv)%16 != 0 {
		return damagedf("an auxiliary vector of %d bytes", len(img.Auxv))
	}
	seen := make(map[int]bool, len(img.Threads))
	for i := range img.Threads {
		t := &img.Threads[i]
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
	if n := len(img.Process.LDT); n%SegmentSize != 0 || n > 65536 {
		return damagedf("a local descriptor table of %d bytes", n)
	}
	for _, a := range img.Process.SigActions {
		if a.Signal < 1 || a.Signal > 64 {
			return damagedf("an action for signal %d", a.Signal)
		}
	}
	return nil
}

func (img *Image) checkVMAs() error {
	var end Hex
	for i := range img.VMAs {
		v := &img.VMAs[i]
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
		if !inRange(v.File, len(img.Files), true) {
			return damagedf("mapping %x is of file %d, which is not there", v.Start, v.File)
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

func (img *Image) checkFiles() error {
	if !inRange(img.Process.Exe, len(img.Files), true) {
		return damagedf("its executable is file %d, which is not there", img.Process.Exe)
	}
	if !inRange(img.Process.Cwd, len(img.Files), false) {
		return damagedf("its working directory is file %d, which is not there", img.Process.Cwd)
	}
	for i, f := range img.Files {
		if !inRange(f.Content, len(img.Contents), true) {
			return damagedf("file %d has content %d, which is not there", i, f.Content)
		}
		if f.Size < 0 {
			return damagedf("file %d has size %d", i, f.Size)
		}
	}
	for i, c := range img.Contents {
		if c.Size < 0 {
			return damagedf("content %d has size %d", i, c.Size)
		}
	}
	return nil
}

func (img *Image) checkOpen() error {
	for i := range img.Open {
		o := &img.Open[i]
		if !inRange(o.File, len(img.Files), true) {
			return damagedf("open file %d is of file %d, which is not there", i, o.File)
		}
		if o.Epoll != nil {
			for _, w := range o.Epoll.Watches {
				if !inRange(w.Open, len(img.Open), false) || w.FD < 0 {
					return damagedf("open file %d watches open file %d by fd %d, which is not there", i, w.Open, w.FD)
				}
			}
		}
		if o.Pipe != nil && !inRange(o.Pipe.Content, len(img.Contents), true) {
			return damagedf("open file %d has content %d, which is not there", i, o.Pipe.Content)
		}
		if o.Pipe != nil && !img.dividesContent(o.Pipe) {
			return damagedf("open file %d has parts that are not its content", i)
		}
		for _, w := range o.Inotify {
			if !inRange(w.File, len(img.Files), false) {
				return damagedf("open file %d watches file %d, which is not there", i, w.File)
			}
		}
		if o.Socket != nil {
			if !o.Socket.addressesFit() {
				return damagedf("open file %d has addresses that are none", i)
			}
			for _, m := range o.Socket.Queue {
				if !inRange(m.Content, len(img.Contents), true) {
					return damagedf("open file %d has content %d, which is not there", i, m.Content)
				}
			}
		}
		if o.Outside && o.Pipe == nil && o.Socket == nil {
			return damagedf("open file %d, of kind %q, is said to lead outside", i, o.Kind)
		}
		if !o.memberOfKind() {
			return damagedf("open file %d says that it is %q, but not what that needs", i, o.Kind)
		}
	}
	return nil
}

// addressesFit reports whether the addresses of multicast groups and their
// sources are of one of the two families.
func (s *Socket) addressesFit() bool {
	for _, m := range s.Groups {
		size := len(m.Group)
		if size != unix.SizeofSockaddrInet4 && size != unix.SizeofSockaddrInet6 {
			return false
		}
		for _, source := range m.Sources {
			if len(source) != size {
				return false
			}
		}
	}
	return true
}

// dividesContent reports whether the parts of a pipe, if there are any, are
// all that it holds.
func (img *Image) dividesContent(p *Pipe) bool {
	if len(p.Parts) == 0 {
		return true
	}
	if p.Content == NoIndex {
		return false
	}
	left := img.Contents[p.Content].Size
	for _, part := range p.Parts {
		if part.Size <= 0 || int64(part.Size) > left {
			return false
		}
		left -= int64(part.Size)
	}
	return left == 0
}

// memberOfKind reports whether the member is there that the kind promises.
func (o *OpenFile) memberOfKind() bool {
	switch o.Kind {
	case KindFile, KindDir, KindPath, KindDevice:
		return o.File != NoIndex
	case KindTerminal:
		return o.File != NoIndex && o.Terminal != nil
	case KindPipe:
		return o.Pipe != nil
	case KindEventFD:
		return o.EventFD != nil
	case KindTimerFD:
		return o.TimerFD != nil
	case KindSignalFD:
		return o.SignalFD != nil
	case KindSocket:
		return o.Socket != nil
	case KindLost:
		return o.Lost != nil
	case KindEpoll:
		return o.Epoll != nil
	case KindInotify:
		return true
	}
	return false
}

func (img *Image) checkFDs() error {
	last := -1
	for _, f := range img.FDs {
		if f.FD <= last || f.FD > math.MaxInt32 || !inRange(f.Open, len(img.Open), false) {
			return damagedf("fd %d is out of order or refers to open file %d", f.FD, f.Open)
		}
		last = f.FD
	}
	return nil
}

// checkLayout reads the program headers behind that of the notes, and has the
// memory and contents follow each other as Encode places them.
func (img *Image) checkLayout(phdrs []byte, header, size int64) error {
	for i := range img.VMAs {
		v := &img.VMAs[i]
		p := parsePhdr(phdrs[i*phdrSize:])
		length := uint64(v.End - v.Start)
		if p.typ != ptLoad || p.vaddr != uint64(v.Start) || p.memsz != length || p.filesz > length || p.filesz%Page != 0 {
			return damagedf("the program header of mapping %x does not fit it", v.Start)
		}
		v.ImageSize = int64(p.filesz)
	}
	end := uint64(0)
	for i := range img.VMAs {
		end += uint64(img.VMAs[i].ImageSize)
	}
	for _, c := range img.Contents {
		if end > math.MaxInt64 || c.Size > math.MaxInt64-Page {
			return damagedf("its parts add up to more than is possible")
		}
		end += uint64(pageUp(c.Size))
	}
	if end > math.MaxInt64-maxHeader {
		return damagedf("its parts add up to more than is possible")
	}
	if total := place(img, header); total != size {
		return damagedf("its parts end at %d, but it has %d bytes", total, size)
	}
	for i := range img.VMAs {
		if p := load(&img.VMAs[i]); p != parsePhdr(phdrs[i*phdrSize:]) {
			return damagedf("mapping %x is not where it belongs in the image", img.VMAs[i].Start)
		}
	}
	phdrs = phdrs[len(img.VMAs)*phdrSize:]
	for i, c := range img.Contents {
		p := parsePhdr(phdrs[i*phdrSize:])
		if p.typ != ptContent || p.offset != uint64(c.Offset) || p.filesz != uint64(c.Size) {
			return damagedf("content %d is not where it belongs in the image", i)
		}
	}
	return nil
}

// inRange reports whether i is an index into n things or, if none is allowed,
// NoIndex.
func inRange(i, n int, none bool) bool { return i >= 0 && i < n || none && i == NoIndex }
