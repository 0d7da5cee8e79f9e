// Clocks of processes and threads, as numbers.

package world

import "testing"

// The numbers are those that clock_getcpuclockid(3) and pthread_getcpuclockid(3)
// gave for process and thread 1234.
func TestCPUClock(t *testing.T) {
	for number, want := range map[int]CPUClock{
		-9878: {ID: 1234, kind: 2},
		-9874: {ID: 1234, Thread: true, kind: 2},
		-6:    {kind: 2},
		-2:    {Thread: true, kind: 2},
	} {
		c, ok := ParseCPUClock(number)
		if !ok || c != want || c.Number() != number {
			t.Errorf("%d is %+v, %v, and again %d", number, c, ok, c.Number())
		}
	}
	for _, number := range []int{0, 1, 7, ^5<<3 | 3} {
		if c, ok := ParseCPUClock(number); ok {
			t.Errorf("%d is taken for %+v", number, c)
		}
	}
}
