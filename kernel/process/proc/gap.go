// Room in an address space.

package proc

import (
	"cmp"
	"slices"
)

// Gap finds room for size bytes clear of what is taken, with some distance to
// it, above the low addresses that a program may not map.
func Gap(taken []Run, size uint64) uint64 {
	const distance = 1 << 20
	taken = slices.SortedFunc(slices.Values(taken), func(a, b Run) int { return cmp.Compare(a.Start, b.Start) })
	at := uint64(1 << 32)
	for _, t := range taken {
		if t.End+distance <= at {
			continue
		}
		if t.Start >= at+size+distance {
			break
		}
		at = t.End + distance
	}
	return at
}
