// Two images of one program are alike page by page, but what has not changed
// need not be where it was: where memory was added, all behind it has moved.
// So pages are looked for by what they hold, and as long as the pages of a part
// are found one behind the other, those between them that are not are taken
// for what those at that place in the base have become.

package format

import (
	"encoding/binary"
	"hash/maphash"
	"slices"
	"sort"
	"sync"

	"snappipe/format/codec"
)

// pageIndex finds pages of a base by their hashes. It takes 8 bytes for each
// page that is not known to be zeros, and 4 to 8 more for the table.
type pageIndex struct {
	seed maphash.Seed
	mu   sync.Mutex
	seen map[uint64][]uint64 // hashes of the pages of each frame, by its number

	parts []pagesOf
	slots []uint32 // number of a page plus one, in the order of the parts; 0 is none
	count int
}

// pagesOf is the hashes of the pages of a part.
type pagesOf struct {
	FrameInfo
	hashes []uint64
	first  int // number of its first page
}

func newPageIndex() *pageIndex {
	return &pageIndex{seed: maphash.MakeSeed(), seen: map[uint64][]uint64{}}
}

// learn takes the bytes of the part that the frame of that number stands for.
// It may be called by several goroutines at once.
func (x *pageIndex) learn(number uint64, raw []byte) {
	hashes := make([]uint64, 0, (len(raw)+PageSize-1)/PageSize)
	for page := range slices.Chunk(raw, PageSize) {
		hashes = append(hashes, maphash.Bytes(x.seed, page))
	}
	x.mu.Lock()
	x.seen[number] = hashes
	x.mu.Unlock()
}

// build makes the table, when all pages have been learned.
func (x *pageIndex) build(parts []basePart) {
	for _, p := range parts {
		if hashes := x.seen[p.Number]; hashes != nil {
			x.parts = append(x.parts, pagesOf{p.FrameInfo, hashes, x.count})
			x.count += len(hashes)
		}
	}
	x.seen = nil
	size := 1
	for size < x.count+x.count/2 {
		size *= 2
	}
	x.slots = make([]uint32, size)
	for _, p := range x.parts {
		for i, h := range p.hashes {
			if slot, found := x.slot(h); !found {
				x.slots[slot] = uint32(p.first + i + 1)
			}
		}
	}
}

// slot finds the slot of a page with hash h, or the one where it would be.
func (x *pageIndex) slot(h uint64) (slot int, found bool) {
	mask := len(x.slots) - 1
	for slot = int(h) & mask; x.slots[slot] != 0; slot = (slot + 1) & mask {
		p, i := x.page(int(x.slots[slot]) - 1)
		if p.hashes[i] == h {
			return slot, true
		}
	}
	return slot, false
}

// page finds the page of a number.
func (x *pageIndex) page(n int) (p *pagesOf, i int) {
	k := sort.Search(len(x.parts), func(k int) bool { return x.parts[k].first > n }) - 1
	return &x.parts[k], n - x.parts[k].first
}

// find returns where in the base there is a page with hash h.
func (x *pageIndex) find(h uint64) (off int64, ok bool) {
	slot, ok := x.slot(h)
	if !ok {
		return 0, false
	}
	p, i := x.page(int(x.slots[slot]) - 1)
	return p.Offset + int64(i)*PageSize, true
}

// has reports whether the page at off in the base has hash h.
func (x *pageIndex) has(off int64, h uint64) bool {
	k := sort.Search(len(x.parts), func(k int) bool { return x.parts[k].Offset+x.parts[k].Length > off })
	if k == len(x.parts) || off < x.parts[k].Offset {
		return false
	}
	in := off - x.parts[k].Offset
	return in%PageSize == 0 && x.parts[k].hashes[in/PageSize] == h
}

// likeness finds what of a base the parts of another image are like, for one
// goroutine.
type likeness struct {
	patcher
	pages  *pageIndex
	hashes []uint64
	places []int64
	diff   []byte
}

func newLikeness(base *Base) *likeness {
	return &likeness{patcher: *newPatcher(base), pages: base.pages}
}

// unlike, among places, is a page that was not found.
const unlike = -2

// locate finds for each page of raw, which is at off in the image, where in the
// base it is, or most likely was.
func (l *likeness) locate(off int64, raw []byte) {
	l.hashes, l.places = l.hashes[:0], l.places[:0]
	for page := range slices.Chunk(raw, PageSize) {
		l.hashes = append(l.hashes, maphash.Bytes(l.pages.seed, page))
	}
	shift, first := int64(0), -1
	for i, h := range l.hashes {
		at := off + int64(i)*PageSize
		place := int64(unlike)
		if l.pages.has(at+shift, h) {
			place = at + shift
		} else if found, ok := l.pages.find(h); ok && l.goesOn(i, found) {
			place, shift = found, found-at
		}
		if place != unlike && first < 0 {
			first, shift = i, place-at
		}
		l.places = append(l.places, place)
	}
	l.guess(off)
}

// goesOn reports whether what the base has behind found, where it has page i, is
// the page behind that: a page alone may be alike by chance, and to decode
// another part of the base for it costs more than it is worth.
func (l *likeness) goesOn(i int, found int64) bool {
	return i+1 < len(l.hashes) && l.pages.has(found+PageSize, l.hashes[i+1])
}

// guess gives pages that were not found the place behind that of the one before
// them, and those at the beginning the place before that of the one behind.
func (l *likeness) guess(off int64) {
	shift := int64(0)
	for i, place := range l.places {
		if place != unlike {
			shift = place - off - int64(i)*PageSize
			break
		}
	}
	for i, place := range l.places {
		at := off + int64(i)*PageSize
		if place == unlike {
			l.places[i] = at + shift
		} else {
			shift = place - at
		}
	}
}

// patch makes f, a data frame that has been decompressed, a patch frame, its
// difference coded with enc or not at all. Where that is no use, it does
// nothing and returns false.
func (l *likeness) patch(f *Frame, enc codec.Encoder) (bool, error) {
	raw := f.Payload()
	l.locate(f.Offset, raw)
	l.diff = append(l.diff[:0], raw...)
	l.table = l.table[:0]
	like, i := false, 0
	for page := range slices.Chunk(l.diff, PageSize) {
		place, err := l.compare(page, raw[i*PageSize:], l.places[i])
		if err != nil {
			return false, err
		}
		like = like || place != baseless
		l.add(segment{place, int64(len(page))})
		i++
	}
	if !like || len(l.table) > maxSegments {
		return false, nil
	}
	return f.setPatch(l.table, enc, l.diff)
}

// compare makes page, which raw begins with, its difference to the base at
// place. It leaves it as it is and returns baseless if the two are not alike.
func (l *likeness) compare(page, raw []byte, place int64) (int64, error) {
	if place < 0 || place+int64(len(page)) > l.base.base.info.Size {
		return baseless, nil
	}
	if err := l.combine(page, place); err != nil {
		return baseless, err
	}
	if alike(page) {
		return place, nil
	}
	copy(page, raw)
	return baseless, nil
}

// alike reports whether a page whose difference this is has an eighth of its
// words in common with its old self: one that has not is coded better alone.
func alike(diff []byte) bool {
	same, words := 0, len(diff)/8
	for i := range words {
		if binary.NativeEndian.Uint64(diff[8*i:]) == 0 {
			same++
		}
	}
	return words == 0 || 8*same >= words
}

// add adds a segment to the table, or makes the last one longer.
func (l *likeness) add(s segment) {
	if n := len(l.table); n > 0 {
		last := &l.table[n-1]
		if last.base == baseless && s.base == baseless || last.base != baseless && s.base == last.base+last.length {
			last.length += s.length
			return
		}
	}
	l.table = append(l.table, s)
}
