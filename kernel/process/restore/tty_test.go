// Controlling terminals of a tree.

package restore_test

import (
	"errors"
	"fmt"
	"os"
	"testing"

	"golang.org/x/sys/unix"

	"snappipe/kernel/process/proc"
	"snappipe/kernel/process/restore"
)

// A session leader has its terminal, with the group in the foreground that was
// there; who is born in the session has it too, unless it had given it up.
func TestTerminals(t *testing.T) {
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer master.Close()
	if err := unix.IoctlSetPointerInt(int(master.Fd()), unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	number, err := unix.IoctlGetInt(int(master.Fd()), unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	slave, err := os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer slave.Close()
	base := freeIDs(t)
	all := []relative{
		live(0, 0, -1, -2), live(1, 0, 1, 1), live(2, 1, 2, 1), live(3, 1, 4, 1), live(5, 1, 5, 1), live(6, 1, 6, 6),
	}
	list := tasks(base, all)
	const device = 136<<8 | 7 // whichever number it had
	for i := range list {
		if all[i].session == 1 && all[i].pid != 5 {
			list[i].TTY, list[i].Foreground = device, base+4
		}
	}
	s, err := restore.NewSkeleton(list, quiet(), func(n int) (int, error) {
		if n != device {
			return -1, errors.New("another terminal")
		}
		return int(slave.Fd()), nil
	})
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
	foreground, err := unix.IoctlGetInt(int(master.Fd()), unix.TIOCGPGRP)
	if want := groupOf(t, s.PID(base+3)); err != nil || foreground != want {
		t.Errorf("group %d is in the foreground, not %d: %v", foreground, want, err)
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
