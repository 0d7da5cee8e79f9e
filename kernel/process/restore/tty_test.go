// Controlling terminals of a tree.

package restore_test

import (
	"testing"

	"golang.org/x/sys/unix"

	"snappipe/kernel/process/proc"
	"snappipe/kernel/process/restore"
	"snappipe/kernel/process/sys"
	"snappipe/kernel/process/world"
)

// A session leader has its terminal, with the group in the foreground that was
// there; who is born in the session has it too, unless it had given it up.
func TestTerminals(t *testing.T) {
	base := freeIDs(t)
	all := []relative{
		live(0, 0, -1, -2), live(1, 0, 1, 1), live(2, 1, 2, 1), live(3, 1, 4, 1), live(5, 1, 5, 1), live(6, 1, 6, 6),
	}
	list := tasks(base, all)
	for i := range list {
		if all[i].session == 1 && all[i].pid != 5 {
			list[i].TTY, list[i].Foreground = 136<<8|7, base+4
		}
	}
	s, err := restore.NewSkeleton(list, quiet(), &world.Pty{Index: 7, Termios: make([]byte, sys.TermiosSize), Opened: true, Leader: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	compareTree(t, s, base, all)
	for i, r := range all[1:] {
		stat, err := proc.ReadStat(s.PID(base + r.pid))
		if err != nil {
			t.Fatal(err)
		}
		if has := stat.Terminal() != 0; has != (list[i+1].TTY != 0) {
			t.Errorf("process %d has terminal %#x", r.pid, stat.Terminal())
		}
	}
	leader, err := proc.ReadStat(s.PID(base + 1))
	if err != nil {
		t.Fatal(err)
	}
	if got, want := leader.Foreground(), groupOf(t, s.PID(base+3)); got != want {
		t.Errorf("group %d is in the foreground, not %d", got, want)
	}
}

// groupOf is the process group of a process, as this process knows it.
func groupOf(t *testing.T, pid int) int {
	t.Helper()
	group, err := unix.Getpgid(pid)
	if err != nil {
		t.Fatal(err)
	}
	return group
}
