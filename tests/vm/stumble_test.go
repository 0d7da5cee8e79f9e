package vm

import (
	"io"
	"strings"
	"testing"
	"time"
)

// Only the one mistake of the emulator, and only before anything of ours runs, has a
// machine booted again.
func TestStumbles(t *testing.T) {
	for _, c := range []struct {
		name, said  string
		again, fail bool
	}{
		{"it comes up", "Loading\n==ready==\n", false, false},
		{"it stumbles", "[    1.08] int3: 0000 [#1] PREEMPT SMP NOPTI\nKernel panic - not syncing: Fatal exception\n", true, false},
		{"it stumbles, as later kernels say it", "[    1.08] Oops: int3: 0000 [#1] PREEMPT SMP NOPTI\n", true, false},
		{"it stumbles when it is up", "==ready==\n[    9.51] int3: 0000 [#1] PREEMPT SMP\n", false, false},
		{"it dies of something else", "[    1.08] Oops: general protection fault: 0000 [#1] PREEMPT SMP\nKernel panic - not syncing: Fatal exception\n", false, true},
		{"it stops", "Kernel panic - not syncing: VFS: Unable to mount root fs\n", false, true},
	} {
		again, err := newConsole(io.Discard, strings.NewReader(c.said)).stumbles(time.Minute)
		if again != c.again || (err != nil) != c.fail {
			t.Errorf("%s: booted again: %v, %v", c.name, again, err)
		}
	}
}
