// Signals that a shell has its commands ignore.

package ways

import (
	"fmt"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"snappipe/tests/process/cycle"
)

// What a program ignored or handled it does again, and nothing that snapresume was
// started to ignore, as by nohup(1).
func TestIgnoredSignals(t *testing.T) {
	asEach(t, func(t *testing.T, c *counter) {
		const script = `trap '' USR1; ./count . & pid=$!
			until [ -s count-$pid ]; do sleep 0.1; done
			grep -E '^Sig(Ign|Cgt)' /proc/$pid/status >before
			snapcat process:$pid > img && kill -KILL $pid; wait $pid
			trap - USR1; trap '' HUP USR2 TERM; snapresume --detach img`
		pid := c.detached(t, c.run(t, script))
		defer func() {
			unix.Kill(pid, unix.SIGKILL)
			cycle.Until(t, "it to end", func() bool { return cycle.State(pid) == 0 || cycle.State(pid) == 'Z' })
		}()
		c.run(t, fmt.Sprintf("grep -E '^Sig(Ign|Cgt)' /proc/%d/status >after", pid))
		before, after := c.Read(t, "before"), c.Read(t, "after")
		ignored, handled := signalSet(t, before, "SigIgn"), signalSet(t, before, "SigCgt")
		if ignored&bit(unix.SIGUSR1) == 0 || ignored&bit(unix.SIGHUP) != 0 || handled&bit(unix.SIGUSR2) == 0 {
			t.Fatalf("the program was to ignore SIGUSR1 and handle SIGUSR2: %s", before)
		}
		if after != before {
			t.Errorf("it has\n%sand had\n%s", after, before)
		}
	})
}

func bit(s unix.Signal) uint64 { return 1 << (s - 1) }

// signalSet is one of proc_pid_status(5).
func signalSet(t *testing.T, status, name string) (set uint64) {
	t.Helper()
	_, rest, _ := strings.Cut(status, name+":")
	if _, err := fmt.Sscanf(rest, "%x", &set); err != nil {
		t.Fatalf("%s of %q: %v", name, status, err)
	}
	return set
}
