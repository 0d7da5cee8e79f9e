// The digest of an image is taken of its bytes, page by page, and not of frames:
// so it stays what it is however they are cut and coded. Pages are the leaves of
// a tree, so that workers can take what is whole of it in their frames, and what
// is zeros, however many there are, is known beforehand.

package format

import (
	"math/bits"
	"slices"
	"sync"

	"github.com/minio/sha256-simd"
)

type sum = [sha256.Size]byte

// subtree is the digest of 2^level pages, of which the first has a number that
// is a multiple of that.
type subtree struct {
	level int
	sum   sum
}

// largest is the level of the largest subtree that begins with a page of this
// number and has no more than count pages.
func largest(page, count int64) int {
	return min(bits.TrailingZeros64(uint64(page)), bits.Len64(uint64(count))-1)
}

// join is the digest of two subtrees.
func join(left, right sum) sum {
	var both [2 * sha256.Size]byte
	copy(both[copy(both[:], left[:]):], right[:])
	return sha256.Sum256(both[:])
}

// sumOf is the digest of so many pages as make up a subtree.
func sumOf(b []byte) sum {
	if len(b) == PageSize {
		return sha256.Sum256(b)
	}
	return join(sumOf(b[:len(b)/2]), sumOf(b[len(b)/2:]))
}

// zeroSums are the digests of subtrees of zeros, by level, up to the largest
// that an image can have.
var zeroSums = sync.OnceValue(func() (sums [63]sum) {
	sums[0] = sumOf(zeroPage[:])
	for i := range sums[1:] {
		sums[i+1] = join(sums[i], sums[i])
	}
	return sums
})

// pageSums is what a worker makes of the part of the image in one frame.
type pageSums struct {
	known      bool
	head, tail []byte // of pages that are not whole in it
	whole      []subtree
}

// beforePage is how many of n bytes at off come before the next page begins.
func beforePage(off, n int64) int64 { return min(n, -off&(PageSize-1)) }

// sumPages takes the digests of the pages of f, if that has been decoded.
func (f *Frame) sumPages() {
	if f.Type == TypeZero || !f.Type.holds() {
		return
	}
	p, b := &f.pages, f.decoded
	if p.known = b != nil; !p.known {
		return
	}
	head := beforePage(f.Offset, f.Length)
	p.head = append(p.head[:0], b[:head]...)
	p.whole = p.whole[:0]
	b = b[head:]
	for page := (f.Offset + head) / PageSize; len(b) >= PageSize; {
		level := largest(page, int64(len(b)/PageSize))
		p.whole = append(p.whole, subtree{level, sumOf(b[:PageSize<<level])})
		page, b = page+1<<level, b[PageSize<<level:]
	}
	p.tail = append(p.tail[:0], b...)
}

// pageTree is what is known of the digest of an image, as far as that has come.
type pageTree struct {
	done    []subtree // from left to right, each smaller than the one before it
	part    []byte    // of the page that comes behind those
	unknown bool      // a part was not decoded
}

// add adds the part of the image that f stands for.
func (t *pageTree) add(f *Frame) {
	switch {
	case f.Type == TypeZero:
		t.addZeros(f.Offset, f.Length)
	case !f.Type.holds():
	case !f.pages.known:
		t.unknown = true
	default:
		t.addBytes(f.pages.head)
		for _, s := range f.pages.whole {
			t.addTree(s)
		}
		t.addBytes(f.pages.tail)
	}
}

func (t *pageTree) addZeros(off, n int64) {
	head := beforePage(off, n)
	t.addBytes(zeroPage[:head])
	page, count := (off+head)/PageSize, (n-head)/PageSize
	for count > 0 {
		level := largest(page, count)
		t.addTree(subtree{level, zeroSums()[level]})
		page, count = page+1<<level, count-1<<level
	}
	t.addBytes(zeroPage[:(n-head)%PageSize])
}

// addBytes adds what does not go beyond the end of a page.
func (t *pageTree) addBytes(b []byte) {
	if t.part = append(t.part, b...); len(t.part) == PageSize {
		t.addTree(subtree{0, sumOf(t.part)})
		t.part = t.part[:0]
	}
}

func (t *pageTree) addTree(s subtree) {
	for last := len(t.done) - 1; last >= 0 && t.done[last].level == s.level; last-- {
		s = subtree{s.level + 1, join(t.done[last].sum, s.sum)}
		t.done = t.done[:last]
	}
	t.done = append(t.done, s)
}

// sum is the digest of all that has been added.
func (t *pageTree) sum() sum {
	all := slices.Clone(t.done)
	if len(t.part) > 0 || len(all) == 0 {
		all = append(all, subtree{0, sha256.Sum256(t.part)})
	}
	total := all[len(all)-1].sum
	for _, s := range slices.Backward(all[:len(all)-1]) {
		total = join(s.sum, total)
	}
	return total
}
