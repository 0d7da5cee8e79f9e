// Process IDs are given out again.

package ways

import (
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"

	"snappipe/tests/process/cycle"
)

// Memory of System V that somebody has made who had the same ID before is not the
// program's, which can't even read it.
func TestIDOfAnother(t *testing.T) {
	cycle.Need(t, "ipcmk", "ipcrm")
	users := cycle.Users()
	if users[0] != cycle.Root || len(users) < 2 {
		t.Skipf("SKIPPED %s: it takes root, and another", t.Name())
	}
	made := exec.Command("ipcmk", "-M", "4096", "-p", "0600")
	out, err := made.Output()
	if err != nil {
		t.Fatal(err)
	}
	_, id, _ := strings.Cut(strings.TrimSpace(string(out)), ": ")
	t.Cleanup(func() { exec.Command("ipcrm", "-m", id).Run() })
	pid := made.Process.Pid
	s := cycle.NewStage(t, users[1])
	for range 100 {
		if err := os.WriteFile("/proc/sys/kernel/ns_last_pid", []byte(strconv.Itoa(pid-1)), 0); err != nil {
			t.Skipf("SKIPPED %s: process IDs can't be chosen here: %v", t.Name(), err)
		}
		p := s.Start(t, "sleep", "60")
		if p.PID != pid { // another was quicker
			p.Kill()
			continue
		}
		if r := s.Snapshot(t, pid); !r.OK() {
			t.Errorf("status %d: %s", r.Status, r.Text)
		}
		return
	}
	t.Errorf("nobody could be given the process ID %d", pid)
}
