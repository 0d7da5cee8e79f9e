// This file has several OS threads trace at the same time, each its share of many
// processes: what one process costs while it is stopped, above all the copy of its
// page tables, then goes on beside that of another.

package ptrace

import (
	"cmp"
	"errors"
	"slices"
	"sync"

	"snappipe/kernel/process/proc"
)

// Tracers are the threads. The first is the one that runs the methods, which must be
// a tracing one itself ([Tracer]). So where there is one process, there is one
// thread, and nobody waits for another.
type Tracers struct {
	max    int
	others []*Tracer
}

// NewTracers returns one that grows up to max threads, by the processes that there
// are to trace.
func NewTracers(max int) *Tracers { return &Tracers{max: max} }

// grow starts threads, up to the number that n processes are worth.
func (t *Tracers) grow(n int) {
	for len(t.others)+1 < min(n, t.max) {
		t.others = append(t.others, NewTracer())
	}
}

// count is how many threads there are.
func (t *Tracers) count() int { return 1 + len(t.others) }

// Each runs f on every thread at the same time, with the number of its share, and
// returns when all are through.
func (t *Tracers) Each(f func(share int) error) error {
	errs := make([]error, t.count())
	var beside sync.WaitGroup
	for i, other := range t.others {
		beside.Go(func() {
			errs[i+1] = other.Do(func() error { return f(i + 1) })
		})
	}
	errs[0] = f(0)
	beside.Wait()
	return errors.Join(errs...)
}

// Close ends all threads but the first: see [Tracer.Close].
func (t *Tracers) Close() {
	for _, other := range t.others {
		other.Close()
	}
	t.others = nil
}

// share gives members that are not traced yet to the threads, so that all have about
// as much to do, with what they have already.
func (t *Tracers) share(fresh []*Member, traced map[int]*Member) {
	t.grow(len(fresh) + len(traced))
	if t.count() == 1 {
		return
	}
	load := make([]uint64, t.count())
	for _, m := range traced {
		load[m.Share] += m.cost
	}
	for _, m := range fresh {
		m.cost = cost(m.PID)
	}
	// The largest first: what is left for the end then evens it out.
	byCost := slices.SortedStableFunc(slices.Values(fresh), func(a, b *Member) int { return cmp.Compare(b.cost, a.cost) })
	for _, m := range byCost {
		for i := range load {
			if load[i] < load[m.Share] {
				m.Share = i
			}
		}
		load[m.Share] += m.cost
	}
}

// cost is how long a process keeps its tracer busy, in bytes of page tables, which
// its fork copies. What else is done for it takes as long as so many more.
func cost(pid int) uint64 {
	const rest = 64 << 10
	s, err := proc.ReadStatus(pid)
	if err != nil {
		return rest
	}
	return rest + s.Bytes("VmPTE")
}
