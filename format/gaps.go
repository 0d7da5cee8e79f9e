// Which parts of an image are missing.

package format

import (
	"math"
	"slices"
	"sort"
)

// Part is a part of an image, in bytes.
type Part struct{ Offset, Length int64 }

func (p Part) end() int64 { return p.Offset + p.Length }

// gaps is what of an image is missing: parts in ascending order that do not
// touch each other. At first that is everything.
type gaps struct {
	parts []Part
	// coarse: there would be more than maxGaps, so that what is listed as
	// missing is more than what is.
	coarse bool
}

// maxGaps bounds the memory that frames take which leave a gap each, and the
// time, since one in the middle moves all behind it.
const maxGaps = 1 << 16

func newGaps() *gaps { return &gaps{parts: []Part{{0, math.MaxInt64}}} }

// overlapping returns which parts have something in common with p.
func (g *gaps) overlapping(p Part) (from, to int) {
	from = sort.Search(len(g.parts), func(i int) bool { return g.parts[i].end() > p.Offset })
	to = from
	for to < len(g.parts) && g.parts[to].Offset < p.end() {
		to++
	}
	return from, to
}

// misses reports whether any of p is missing.
func (g *gaps) misses(p Part) bool {
	from, to := g.overlapping(p)
	return from < to
}

// fill says that p is there.
func (g *gaps) fill(p Part) {
	from, to := g.overlapping(p)
	if from == to {
		return
	}
	var left []Part
	if first := g.parts[from]; first.Offset < p.Offset {
		left = append(left, Part{first.Offset, p.Offset - first.Offset})
	}
	if last := g.parts[to-1]; last.end() > p.end() {
		left = append(left, Part{p.end(), last.end() - p.end()})
	}
	if len(g.parts)-(to-from)+len(left) > maxGaps {
		g.coarse = true
		return
	}
	g.parts = slices.Replace(g.parts, from, to, left...)
}

// open says that p, which was there, is missing after all.
func (g *gaps) open(p Part) {
	from, to := g.overlapping(p)
	if from > 0 && (g.parts[from-1].end() == p.Offset || len(g.parts) == maxGaps) {
		from--
	}
	if to < len(g.parts) && (g.parts[to].Offset == p.end() || len(g.parts) == maxGaps) {
		to++
	}
	g.coarse = g.coarse || len(g.parts) == maxGaps
	for _, old := range g.parts[from:to] {
		end := max(p.end(), old.end())
		p.Offset = min(p.Offset, old.Offset)
		p.Length = end - p.Offset
	}
	g.parts = slices.Replace(g.parts, from, to, p)
}

// limit says that the image has no more than size bytes.
func (g *gaps) limit(size int64) { g.fill(Part{size, math.MaxInt64 - size}) }
