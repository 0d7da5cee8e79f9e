// Which memory of a process is still to come, and from where in the image.

package lazy

import (
	"cmp"
	"slices"
)

// Range is memory and its place in the image. All of it is whole pages.
type Range struct {
	Addr, Size uint64
	Offset     int64
}

func (r Range) end() uint64 { return r.Addr + r.Size }

// from is what of r lies at start or above.
func (r Range) from(start uint64) Range {
	if start <= r.Addr {
		return r
	}
	by := min(start-r.Addr, r.Size)
	return Range{r.Addr + by, r.Size - by, r.Offset + int64(by)}
}

// to is what of r lies below end.
func (r Range) to(end uint64) Range {
	if end < r.end() {
		r.Size = max(end, r.Addr) - r.Addr
	}
	return r
}

// ranges are in order of their addresses, and do not overlap.
type ranges []Range

// overlapping returns which of them lie within start to end, if only in part.
func (rs ranges) overlapping(start, end uint64) (from, to int) {
	from, _ = slices.BinarySearchFunc(rs, start, func(r Range, at uint64) int { return cmp.Compare(r.end(), at+1) })
	to = from
	for to < len(rs) && rs[to].Addr < end {
		to++
	}
	return from, to
}

// at returns where in the image the byte at an address is.
func (rs ranges) at(addr uint64) (off int64, ok bool) {
	from, to := rs.overlapping(addr, addr+1)
	if from == to {
		return 0, false
	}
	return rs[from].Offset + int64(addr-rs[from].Addr), true
}

// cut takes out what lies within start to end, and returns it.
func (rs *ranges) cut(start, end uint64) ranges {
	from, to := rs.overlapping(start, end)
	if from == to {
		return nil
	}
	var out, kept ranges
	for _, r := range (*rs)[from:to] {
		kept = kept.with(r.to(start)).with(r.from(end))
		out = out.with(r.from(start).to(end))
	}
	*rs = slices.Replace(*rs, from, to, kept...)
	return out
}

func (rs ranges) with(r Range) ranges {
	if r.Size == 0 {
		return rs
	}
	return append(rs, r)
}

// move makes what lies at from lie at to.
func (rs *ranges) move(from, to, size uint64) {
	moved := rs.cut(from, from+size)
	rs.cut(to, to+size)
	for i := range moved {
		moved[i].Addr += to - from
	}
	at, _ := rs.overlapping(to, to+size)
	*rs = slices.Insert(*rs, at, moved...)
}

// of returns what comes from the size bytes of the image at off.
func (rs ranges) of(off, size int64) (all ranges) {
	for _, r := range rs {
		if r.Offset < off+size && off < r.Offset+int64(r.Size) {
			start := r.Addr + uint64(max(0, off-r.Offset))
			end := r.Addr + uint64(min(int64(r.Size), off+size-r.Offset))
			all = append(all, r.from(start).to(end))
		}
	}
	return all
}

// next returns the first byte of the image, from off on, that any of them lacks.
func (rs ranges) next(off int64) (at int64, ok bool) {
	for _, r := range rs {
		if end := r.Offset + int64(r.Size); off < end && (!ok || max(r.Offset, off) < at) {
			at, ok = max(r.Offset, off), true
		}
	}
	return at, ok
}
