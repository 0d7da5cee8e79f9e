// Gaps, beside a map of every byte.

package format

import (
	"math/rand/v2"
	"testing"
)

// Gaps are what a map of every byte says they are.
func TestGaps(t *testing.T) {
	const size = 64
	rnd := rand.New(rand.NewPCG(1, 2))
	for range 2000 {
		g, missing := newGaps(), [size]bool{}
		g.limit(size)
		for i := range missing {
			missing[i] = true
		}
		for range 40 {
			off := rnd.Int64N(size)
			p := Part{off, 1 + rnd.Int64N(size-off)}
			open := rnd.IntN(4) == 0
			any := false
			for i := p.Offset; i < p.end(); i++ {
				any = any || missing[i]
			}
			if got := g.misses(p); got != any {
				t.Fatalf("misses %v: %v in %v", p, got, g.parts)
			}
			if open && any {
				continue // only what is there can be found missing
			}
			if open {
				g.open(p)
			} else {
				g.fill(p)
			}
			for i := p.Offset; i < p.end(); i++ {
				missing[i] = open
			}
			if err := same(g, missing[:]); err != "" {
				t.Fatal(err)
			}
		}
	}
}

// same compares gaps with a map of every byte.
func same(g *gaps, missing []bool) string {
	got := make([]bool, len(missing))
	last := int64(-1)
	for _, p := range g.parts {
		if p.Length < 1 || p.Offset <= last {
			return "parts that touch, or are empty"
		}
		last = p.end()
		for i := p.Offset; i < p.end(); i++ {
			got[i] = true
		}
	}
	for i := range got {
		if got[i] != missing[i] {
			return "another part is missing"
		}
	}
	return ""
}

// However many there are, the list is bounded, and nothing that is missing is
// called there.
func TestManyGaps(t *testing.T) {
	g := newGaps()
	const count = 3 * maxGaps
	for i := range int64(count) {
		g.fill(Part{2 * i, 1})
	}
	g.limit(2 * count)
	if !g.coarse || len(g.parts) > maxGaps {
		t.Errorf("%d parts, coarse: %v", len(g.parts), g.coarse)
	}
	for i := range int64(count) {
		if !g.misses(Part{2*i + 1, 1}) {
			t.Fatalf("%d is called there", 2*i+1)
		}
	}
	g.open(Part{0, 1})
	g.open(Part{count, 1})
	if len(g.parts) > maxGaps || !g.misses(Part{0, 1}) || !g.misses(Part{count, 1}) {
		t.Error("what turned out to be missing is called there")
	}
}
