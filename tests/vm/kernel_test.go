package vm

import (
	"strings"
	"testing"
)

// The tests of kernel/machine that need a machine to replace.
func TestKernel(t *testing.T) {
	Require(t)
	m := Start(t, Config{Memory: 512, CPUs: 2})
	for i := range 3 {
		for _, name := range []string{"TestSnapshotThenResume", "TestChildDiesTakingImage", "TestChildDiesRestoring", "TestCommitOfHalfAnImage"} {
			out := m.Run("SNAPPIPE_GUEST=1 machine.test -test.v -test.run " + name + "$")
			t.Logf("%d: %s", i, out)
			if !strings.Contains(out, "--- PASS: "+name) {
				t.Errorf("%s did not pass:\n%s", name, out)
			}
		}
	}
}
