// This file lets one tracing thread do for many processes what it does for one, all
// at the same time: most of that is waiting for a process to get somewhere, and
// meanwhile the others can be seen to.

package ptrace

import (
	"cmp"
	"iter"
	"math"
	"time"
)

// Turn is whose turn it is among those that [Together] runs. Whoever waits passes it
// on; nil is of one who is alone, and lets other processes have the processor instead.
type Turn struct {
	pass func(waited time.Duration) bool
}

// nap waits a little, after having waited that long already.
func (t *Turn) nap(waited time.Duration) {
	if t == nil {
		nap(waited)
		return
	}
	t.pass(waited)
}

// atOnce is how many are under way: what has been made to wait is seen to in its
// turn, which must not be long in coming.
const atOnce = 64

// Together calls f for each number below n, on the thread of the caller, with a turn
// for whom f waits for. It returns the error of the first that has one, when all have
// come to their ends.
func Together(n int, f func(i int, t *Turn) error) error {
	if n == 1 {
		return f(0, nil)
	}
	errs := make([]error, n)
	start := func(i int) func() (time.Duration, bool) {
		resume, _ := iter.Pull(func(yield func(time.Duration) bool) { errs[i] = f(i, &Turn{yield}) })
		return resume
	}
	var under []func() (time.Duration, bool)
	for begun := 0; begun < n || len(under) > 0; {
		for ; begun < n && len(under) < atOnce; begun++ {
			under = append(under, start(begun))
		}
		shortest := time.Duration(math.MaxInt64)
		left := under[:0]
		for _, resume := range under {
			if waited, more := resume(); more {
				left, shortest = append(left, resume), min(shortest, waited)
			}
		}
		// Each of them waits, or another can begin.
		if len(left) == len(under) {
			nap(shortest)
		}
		under = left
	}
	return cmp.Or(errs...)
}
