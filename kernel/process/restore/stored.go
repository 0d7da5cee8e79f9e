// This file remembers which bytes of the image came: of sparse memory, only those are to
// be looked through.

package restore

import (
	"cmp"
	"slices"
	"sync"
)

// extent is a range of the image.
type extent struct{ off, size int64 }

func (e extent) end() int64 { return e.off + e.size }

// stored are those that came, from any number of goroutines.
type stored struct {
	mu  sync.Mutex
	all []extent
}

func (s *stored) add(off, size int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if n := len(s.all); n > 0 && s.all[n-1].end() == off {
		s.all[n-1].size += size
		return
	}
	s.all = append(s.all, extent{off, size})
}

// sort puts them in order, and together what is next to each other. It is for when all
// have come.
func (s *stored) sort() {
	slices.SortFunc(s.all, func(a, b extent) int { return cmp.Compare(a.off, b.off) })
	joined := s.all[:0]
	for _, e := range s.all {
		if n := len(joined); n > 0 && joined[n-1].end() >= e.off {
			joined[n-1].size = max(joined[n-1].end(), e.end()) - joined[n-1].off
		} else {
			joined = append(joined, e)
		}
	}
	s.all = joined
}

// within are the parts of them that are in a range, when they are sorted.
func (s *stored) within(off, size int64) (all []extent) {
	i, _ := slices.BinarySearchFunc(s.all, off, func(e extent, off int64) int { return cmp.Compare(e.end()-1, off) })
	for ; i < len(s.all) && s.all[i].off < off+size; i++ {
		from, to := max(off, s.all[i].off), min(off+size, s.all[i].end())
		all = append(all, extent{from, to - from})
	}
	return all
}
