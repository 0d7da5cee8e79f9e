// IDs of a tree that others have.

package restore_test

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"snappipe/kernel"
	"snappipe/kernel/process/restore"
)

// An ID that somebody has makes for a namespace, in which all have theirs.
func TestIDsTaken(t *testing.T) {
	all := skeletons["zombies"]
	sleeper := exec.Command("sleep", "1000")
	if err := sleeper.Start(); err != nil {
		t.Fatal(err)
	}
	defer sleeper.Wait()
	defer sleeper.Process.Kill()
	base := sleeper.Process.Pid - 8
	s, err := restore.NewSkeleton(tasks(base, all), quiet())
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if !s.Namespaced() {
		t.Error("the tree has an ID that is another's")
	}
	compareTree(t, s, base, all)
}

// So does one that somebody gets after they were all free.
func TestIDsTakenMeanwhile(t *testing.T) {
	if os.Geteuid() != 0 {
		return // who has a namespace anyway
	}
	base, all := freeIDs(t), skeletons["zombies"]
	taken := 0
	restore.WhenIdentified(func() {
		for range 1000 { // others get IDs too
			if err := os.WriteFile("/proc/sys/kernel/ns_last_pid", fmt.Append(nil, base+7-1), 0); err != nil {
				t.Error(err)
			}
			p, err := os.StartProcess("/bin/sleep", []string{"sleep", "1000"}, &os.ProcAttr{})
			if err != nil {
				t.Error(err)
				return
			}
			if taken = p.Pid; taken == base+7 {
				t.Cleanup(func() { p.Kill(); p.Wait() })
				return
			}
			p.Kill()
			p.Wait()
		}
	})
	s, err := restore.NewSkeleton(tasks(base, all), quiet())
	restore.WhenIdentified(func() {})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if taken != base+7 || !s.Namespaced() {
		t.Errorf("ID %d was taken for %d, and the tree is in a namespace: %v", taken, base+7, s.Namespaced())
	}
	compareTree(t, s, base, all)
}

// Where a namespace can't be had, it is refused by who has the ID, with nothing left.
func TestIDsTakenWithoutNamespace(t *testing.T) {
	if os.Geteuid() != 0 {
		return
	}
	sleeper := exec.Command("sleep", "1000")
	if err := sleeper.Start(); err != nil {
		t.Fatal(err)
	}
	defer sleeper.Wait()
	defer sleeper.Process.Kill()
	const limit = "/proc/sys/user/max_pid_namespaces"
	was, err := os.ReadFile(limit)
	if err == nil {
		err = os.WriteFile(limit, []byte("0"), 0)
	}
	if err != nil {
		t.Skipf("%s: %v", limit, err)
	}
	defer os.WriteFile(limit, was, 0)
	_, err = restore.NewSkeleton(tasks(sleeper.Process.Pid-3, skeletons["nested children"]), quiet())
	var refusal *kernel.Refusal
	if !errors.As(err, &refusal) || refusal.Object != fmt.Sprintf("process ID %d", sleeper.Process.Pid) || !strings.Contains(refusal.Reason, "sleep") {
		t.Errorf("%v, want a refusal that names process %d", err, sleeper.Process.Pid)
	}
	if pid, err := unix.Wait4(-1, nil, unix.WNOHANG|unix.WALL, nil); pid != 0 {
		t.Errorf("left behind: child %d, %v", pid, err)
	}
}
