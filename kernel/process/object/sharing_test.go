// Descriptors of the same file, found with few questions.

package object

import (
	"cmp"
	"math/rand/v2"
	"testing"
)

// Descriptors that lead to the same file are found, the first of them for all;
// and the second time with one question for each.
func TestSharing(t *testing.T) {
	k := &Task{}
	for _, files := range []int{1, 2, 500, 1000} {
		leadsTo := map[int]int{}
		var open []*Found
		for fd := range 1000 {
			leadsTo[fd] = rand.IntN(files)
			open = append(open, &Found{ref: ref{k, fd}, link: "anon_inode:[timerfd]"})
		}
		first := map[int]int{} // by file
		for fd := range 1000 {
			if _, ok := first[leadsTo[fd]]; !ok {
				first[leadsTo[fd]] = fd
			}
		}
		order := rand.Perm(files) // in which the kernel has them
		questions := 0
		ask := func(a, b ref) (int, error) {
			questions++
			return cmp.Compare(order[leadsTo[a.fd]], order[leadsTo[b.fd]]), nil
		}
		s := newSharing(ask, nil)
		checkSharing(t, &s, open, leadsTo, first)
		again := newSharing(ask, s.ranks())
		questions = 0
		checkSharing(t, &again, open, leadsTo, first)
		if questions > len(open) {
			t.Errorf("%d questions for %d descriptors that were compared before", questions, len(open))
		}
		// One that is open by now leads to the first file.
		leadsTo[1000] = leadsTo[0]
		same, err := again.add([]*Found{{ref: ref{k, 1000}, link: open[0].link}})
		if got := same[ref{k, 1000}].fd; err != nil || leadsTo[got] != leadsTo[0] {
			t.Errorf("a later one is taken for %d: %v", got, err)
		}
	}
}

func checkSharing(t *testing.T, s *sharing, open []*Found, leadsTo, first map[int]int) {
	t.Helper()
	same, err := s.add(open)
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range open {
		if want := first[leadsTo[o.fd]]; same[o.ref].fd != want {
			t.Fatalf("descriptor %d is taken for %d, not %d", o.fd, same[o.ref].fd, want)
		}
	}
}
