// Process IDs: the same, others, and both.

package ways

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"snappipe/tests/process/cycle"
)

// What was resumed in a namespace of its own, because its ID was taken, is taken
// again from outside and gets the same again, without being asked for it.
func TestOwnPIDs(t *testing.T) {
	asEach(t, func(t *testing.T, c *counter) {
		first := c.detached(t, c.run(t, "snapcat process:$1 > img && snapresume --same-pid --detach img"))
		c.hasOwnPID(t, first)
		again := fmt.Sprintf("snapcat process:%d > again && kill -KILL %d && snapresume --detach again", first, first)
		second := c.detached(t, c.run(t, again))
		if second == first {
			t.Fatalf("it is still process %d", first)
		}
		c.hasOwnPID(t, second)
		unix.Kill(second, unix.SIGKILL)
		cycle.Until(t, "it to end", func() bool { return cycle.State(second) == 0 || cycle.State(second) == 'Z' })
	})
}

// hasOwnPID sees that a process has the counter's ID, but not here.
func (c *counter) hasOwnPID(t *testing.T, pid int) {
	t.Helper()
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		t.Fatal(err)
	}
	_, ids, _ := strings.Cut(string(b), "\nNSpid:")
	ids, _, _ = strings.Cut(ids, "\n")
	if f := strings.Fields(ids); len(f) != 2 || f[1] != strconv.Itoa(c.PID) {
		t.Errorf("process %d calls itself %v, and not %d", pid, f, c.PID)
	}
}

// An ID that could not be had is said, without --verbose.
func TestOtherPIDIsSaid(t *testing.T) {
	asEach(t, func(t *testing.T, c *counter) {
		out := c.run(t, "snapcat process:$1 | snapresume --detach")
		c.detached(t, out)
		if !strings.Contains(out, fmt.Sprintf("process ID %d is ", c.PID)) || !strings.Contains(out, "--same-pid") {
			t.Errorf("it says %q", out)
		}
	})
}

// Who asked for a signal at the death of its parent has none of snapresume's end.
func TestParentDeathSignal(t *testing.T) {
	asEach(t, func(t *testing.T, c *counter) {
		const script = `setpriv --pdeathsig KILL ./count . & pid=$!
			until [ -s count-$pid ]; do sleep 0.1; done
			snapcat process:$pid > img && kill -KILL $pid; wait $pid; snapresume --detach img`
		pid := c.detached(t, c.run(t, script))
		c.passes(t, pid, c.at(t, pid)+3)
		unix.Kill(pid, unix.SIGKILL)
		cycle.Until(t, "it to end", func() bool { return cycle.State(pid) == 0 || cycle.State(pid) == 'Z' })
	})
}
