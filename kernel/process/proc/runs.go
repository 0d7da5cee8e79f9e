// Ranges, and what lists of them have together.

package proc

import (
	"cmp"
	"slices"
)

// Run is a range: of addresses, as of pages that are there, or of bytes in a file.
type Run struct{ Start, End uint64 }

// Union returns, in ascending order and neighbours joined, what is in any of the lists. They
// need not be in order.
func Union(lists ...[]Run) []Run {
	all := slices.Concat(lists...)
	slices.SortFunc(all, func(x, y Run) int { return cmp.Compare(x.Start, y.Start) })
	var out []Run
	for _, r := range all {
		if n := len(out); n > 0 && r.Start <= out[n-1].End {
			out[n-1].End = max(out[n-1].End, r.End)
			continue
		}
		out = append(out, r)
	}
	return out
}

// Common returns what is in both lists, each of which is in order.
func Common(a, b []Run) (both []Run) {
	for len(a) > 0 && len(b) > 0 {
		if r := (Run{max(a[0].Start, b[0].Start), min(a[0].End, b[0].End)}); r.Start < r.End {
			both = append(both, r)
		}
		if a[0].End < b[0].End {
			a = a[1:]
		} else {
			b = b[1:]
		}
	}
	return both
}
