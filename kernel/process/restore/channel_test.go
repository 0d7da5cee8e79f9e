// Descriptors on their way to the processes of a tree.

package restore_test

import (
	"fmt"
	"os"
	"testing"

	"snappipe/kernel/process/restore"
)

// What is handed over comes to whom it is meant for.
func TestChannel(t *testing.T) {
	base := freeIDs(t)
	s, err := restore.NewSkeleton(tasks(base, skeletons["sessions"]), quiet())
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	file, err := os.CreateTemp(t.TempDir(), "")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	n := 0
	err = s.Hand(int(file.Fd()), func(pid, fd int) error {
		n++
		if to, err := os.Readlink(fmt.Sprintf("/proc/%d/fd/%d", pid, fd)); err != nil || to != file.Name() {
			return fmt.Errorf("process %d has %s as %d, %v", pid, to, fd, err)
		}
		return nil
	})
	if err != nil || n != len(skeletons["sessions"]) {
		t.Errorf("%d got it, %v", n, err)
	}
}
