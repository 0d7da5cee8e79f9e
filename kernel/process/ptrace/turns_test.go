package ptrace

import (
	"errors"
	"fmt"
	"runtime"
	"testing"

	"golang.org/x/sys/unix"
)

// TestTogether has more run than may be under way at once: each goes on only when the
// next has begun, on one thread, and what one fails with does not keep others from
// their ends.
func TestTogether(t *testing.T) {
	tracer := NewTracer()
	defer tracer.Close()
	const n = 2 * atOnce
	failed := errors.New("failed")
	var begun, ended int
	err := tracer.Do(func() error {
		thread := unix.Gettid()
		return Together(n, func(i int, turn *Turn) error {
			begun++
			for waits := 0; begun < min(n, i+2); waits++ {
				if waits > n {
					return fmt.Errorf("%d waits for the next, which does not begin", i)
				}
				turn.nap(0)
			}
			if unix.Gettid() != thread {
				t.Errorf("%d runs on another thread", i)
			}
			runtime.Gosched()
			ended++
			if i%2 == 1 {
				return failed
			}
			return nil
		})
	})
	if !errors.Is(err, failed) || ended != n {
		t.Errorf("%d of %d came to their ends, with %v", ended, n, err)
	}
}

// TestTogetherAlone needs no turn: there is nobody to pass it on to.
func TestTogetherAlone(t *testing.T) {
	err := Together(1, func(_ int, turn *Turn) error {
		turn.nap(0)
		if turn != nil {
			return errors.New("it has a turn")
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}
