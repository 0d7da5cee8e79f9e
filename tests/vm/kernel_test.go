// The tests of kernel/machine, in a machine that may be replaced.

package vm

import (
	"strings"
	"testing"
)

// The tests of kernel/machine that need a machine to replace.
func TestKernel(t *testing.T) {
	Require(t)
	t.Parallel()
	m := Start(t, Config{Memory: 512, CPUs: 2})
	for _, name := range []string{"TestSnapshotThenResume", "TestChildDiesTakingImage", "TestChildDiesRestoring", "TestCommitOfHalfAnImage"} {
		out, status := m.Try("SNAPPIPE_GUEST=1 machine.test -test.v -test.run " + name + "$")
		if status != 0 || !strings.Contains(out, "--- PASS: "+name) {
			t.Errorf("%s: exit status %d\n%s", name, status, out)
		}
	}
}
