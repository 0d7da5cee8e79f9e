// The tests of kernel/machine, in a machine that may be replaced.

package vm

import (
	"strings"
	"testing"
)

// The tests of kernel/machine that need a machine to replace. Kernels differ in
// what they say to half an image.
func TestKernel(t *testing.T) {
	Require(t)
	for release, debian := range map[string]func(testing.TB) Kernel{"6.12": Debian, "6.1": DebianOlder} {
		t.Run(release, func(t *testing.T) {
			t.Parallel()
			m := Start(t, Config{Memory: 512, CPUs: 2, Kernel: debian(t)})
			for _, name := range []string{"TestSnapshotThenResume", "TestChildDiesTakingImage", "TestChildDiesRestoring", "TestCommitOfHalfAnImage"} {
				out, status := m.Try("SNAPPIPE_GUEST=1 machine.test -test.v -test.run " + name + "$")
				if status != 0 || !strings.Contains(out, "--- PASS: "+name) {
					t.Errorf("%s: exit status %d\n%s", name, status, out)
				}
			}
		})
	}
}
