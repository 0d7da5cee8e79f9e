// When it will be done, as a tool with a slow codec says it.

package progress

import (
	"testing"
	"time"
)

// TestLeft shows that the time left is about right from when it is first said,
// though frames come in bursts.
func TestLeft(t *testing.T) {
	const total, burst, between = 400 << 20, 4 << 20, 5 * time.Second // it takes 500 s
	start := time.Now()
	var now time.Time
	l := newLine("snapcompress", total, func() (image, stream int64) {
		return int64(now.Sub(start)/between) * burst, 0
	})
	l.start, l.last = start, start
	said := 0
	for now = start; now.Sub(start) < 400*time.Second; now = now.Add(tick) {
		s := l.status(now)
		if !s.leftKnown {
			continue
		}
		said++
		right := 500*time.Second - now.Sub(start)
		if s.left < right*6/10 || s.left > right*15/10 {
			t.Errorf("after %v: %v left, which is %v", now.Sub(start), s.left, right)
		}
	}
	if said == 0 {
		t.Error("the time left is never said")
	}
}
