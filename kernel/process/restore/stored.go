// This file remembers which bytes of the image came: of sparse memory, only those are to
// be looked through.

package restore

import (
	"cmp"
	"math"
	"slices"
	"sync"

	"snappipe/kernel/process/proc"
)

// stored are those that came, from any number of goroutines.
type stored struct {
	mu  sync.Mutex
	all []proc.Run // of the image
}

func (s *stored) add(r proc.Run) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if n := len(s.all); n > 0 && s.all[n-1].End == r.Start {
		s.all[n-1].End = r.End
		return
	}
	s.all = append(s.all, r)
}

// sort puts them in order, and together what is next to each other. It is for when all
// have come.
func (s *stored) sort() { s.all = proc.Union(s.all) }

// within are the parts of them that are in a range, when they are sorted.
func (s *stored) within(r proc.Run) []proc.Run {
	i, _ := slices.BinarySearchFunc(s.all, r.Start, func(e proc.Run, at uint64) int { return cmp.Compare(e.End, at+1) })
	return proc.Common(s.all[i:], []proc.Run{r})
}

// forget takes out what is in a range, when they are sorted.
func (s *stored) forget(r proc.Run) {
	s.all = proc.Common(s.all, []proc.Run{{Start: 0, End: r.Start}, {Start: r.End, End: math.MaxUint64}})
}
