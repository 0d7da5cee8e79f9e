// Which descriptors lead to the same open file description, as they do after
// dup(2).
//
// kcmp(2) tells that of two, and which comes first of two that are different, so
// that one is looked for among many by an ordered search, and only among those
// that look alike. The order lasts as long as the files do: what was found before
// the program was stopped is only confirmed then, by one question for each.

package object

import (
	"cmp"
	"errors"
	"fmt"
	"slices"

	"snappipe/kernel/process/sys"

	"golang.org/x/sys/unix"
)

// aspect is what two descriptors of one description agree in at any time. Most
// often nobody else has it.
type aspect struct {
	name  string // "socket:[123]", "anon_inode:[timerfd]"; "" for what has a path
	mount int
	ino   uint64
	event int
}

func (o *Found) aspect() aspect {
	a := aspect{name: o.link, mount: o.info.Mount, ino: o.info.Ino, event: o.info.EventID}
	if o.hasPath() && a.ino != 0 {
		a.name = "" // it may be renamed between two looks at it
	}
	return a
}

// sharing are the descriptors that were compared.
type sharing struct {
	compare func(a, b ref) (int, error) // as for sorting
	// sorted are descriptors, one of each description, in the order of kcmp.
	sorted map[aspect][]ref
	// known is one of those for each that was added.
	known map[ref]ref
	// rank is where a descriptor stood in that order in an earlier search.
	rank map[ref]int
}

func newSharing(compare func(a, b ref) (int, error), earlier map[ref]int) sharing {
	return sharing{compare: compare, sorted: map[aspect][]ref{}, known: map[ref]ref{}, rank: earlier}
}

// add returns for each of some files one that is the same description: the first
// among those that are added now, or one that was added earlier.
func (s *sharing) add(files []*Found) (same map[ref]ref, err error) {
	inOrder := slices.Clone(files)
	slices.SortStableFunc(inOrder, func(a, b *Found) int { return cmp.Compare(s.rankOf(a), s.rankOf(b)) })
	first := map[ref]ref{} // by those of s.sorted that are new
	for _, o := range inOrder {
		a := o.aspect()
		at, found, err := s.search(s.sorted[a], o.ref)
		if err != nil {
			return nil, err
		}
		if !found {
			s.sorted[a] = slices.Insert(s.sorted[a], at, o.ref)
			first[o.ref] = o.ref
		}
		one := s.sorted[a][at]
		s.known[o.ref] = one
		if f, ok := first[one]; ok {
			first[one] = f.earlier(o.ref)
		}
	}
	same = make(map[ref]ref, len(files))
	for _, o := range files {
		same[o.ref] = s.known[o.ref]
		if f, ok := first[same[o.ref]]; ok {
			same[o.ref] = f
		}
	}
	return same, nil
}

func (s *sharing) rankOf(o *Found) int {
	if r, ok := s.rank[o.ref]; ok {
		return r
	}
	return len(s.rank) // behind all that are known
}

// search finds a description in a list, or where it belongs.
func (s *sharing) search(list []ref, r ref) (at int, found bool, err error) {
	n := len(list)
	if n == 0 {
		return 0, false, nil
	}
	compare := func(a, b ref) int {
		if err != nil {
			return 0
		}
		var order int
		order, err = s.compare(a, b)
		return order
	}
	// In the order of an earlier search, it is the last or comes behind it.
	switch order := compare(list[n-1], r); {
	case order == 0:
		return n - 1, true, err
	case order < 0:
		return n, false, nil
	}
	at, found = slices.BinarySearchFunc(list[:n-1], r, compare)
	return at, found, err
}

// ranks is the rank of each descriptor, for a later search.
func (s *sharing) ranks() map[ref]int {
	place := map[ref]int{}
	for _, list := range s.sorted {
		for i, r := range list {
			place[r] = i
		}
	}
	ranks := make(map[ref]int, len(s.known))
	for r, one := range s.known {
		ranks[r] = place[one]
	}
	return ranks
}

// compareFiles orders the descriptions of two descriptors.
func (t *Taker) compareFiles(a, b ref) (int, error) {
	order, err := sys.Kcmp(a.task.PID, b.task.PID, sys.KcmpFile, a.fd, b.fd)
	switch {
	case errors.Is(err, unix.EBADF) && t.o.Dry:
		return 1, nil // one was closed
	case err != nil:
		return 0, fmt.Errorf("comparing fd %d of process %d and fd %d of process %d: %w", a.fd, a.task.PID, b.fd, b.task.PID, err)
	}
	return order, nil
}
