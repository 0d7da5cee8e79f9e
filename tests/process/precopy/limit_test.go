package precopy

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"snappipe/tests/process/cycle"
)

// Where a control group has no room for a copy, a fork keeps what does not fit. The kernel
// would kill somebody in the group: snapcat, or the program.
func TestLimit(t *testing.T) {
	need(t)
	if cycle.Users()[0] != cycle.Root {
		t.Skip("SKIPPED TestLimit: it takes root")
	}
	const none = "0"
	join := `echo $$ > "$0"/cgroup.procs; exec "$@"`
	for _, c := range []struct {
		name     string
		mib      int // of the limit
		together bool
		copied   bool // of the two, one fits
	}{
		{"snapcat", 240, false, true},
		{"snapcat and the program", 420, true, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			group := limitedGroup(t, c.mib<<20)
			s := prepare(t, cycle.Root)
			program := []string{s.Path("writes"), s.Dir, "128"}
			if c.together {
				program = append([]string{"sh", "-c", join, group}, program...)
			}
			p := s.Start(t, program[0], program[1:]...)
			s.Await(t, p, "ready")
			if c.together {
				idle(t, s, p) // of each page that it wrote to meanwhile there would be two
			}
			line := `sh -c '` + join + `' "$2" snapcat -v --precopy process:"$1" | snapcompress --codec s2 | snapverify > img`
			out, err := s.Script(line, strconv.Itoa(p.PID), group).CombinedOutput()
			m := copied.FindStringSubmatch(string(out))
			if err != nil || m == nil || (m[1] != none) != c.copied || !strings.Contains(string(out), "needs more memory than there is") {
				t.Errorf("%v: %s", err, out)
			}
			if p.Ended() || len(cycle.Children(p.PID)) != 1 {
				t.Fatalf("the program did not survive: %v", p)
			}
			if !c.together {
				comesBack(t, s, s, p)
			}
		})
	}
}

// limitedGroup makes a control group for memory of a size, or skips the test.
func limitedGroup(t *testing.T, size int) string {
	t.Helper()
	for _, v := range []struct{ above, limit string }{
		{"/sys/fs/cgroup/memory", "memory.limit_in_bytes"},
		{"/sys/fs/cgroup", "memory.max"},
	} {
		group := filepath.Join(v.above, "snappipe-test-"+strconv.Itoa(os.Getpid()))
		if os.Mkdir(group, 0o755) != nil {
			continue
		}
		t.Cleanup(func() {
			cycle.Until(t, "its control group to be empty", func() bool { return os.Remove(group) == nil })
		})
		limit := filepath.Join(group, v.limit)
		if _, err := os.Stat(limit); err != nil {
			continue // no group, or one for other things
		}
		if os.WriteFile(limit, []byte(strconv.Itoa(size)), 0) == nil {
			return group
		}
	}
	t.Skipf("SKIPPED %s: there can be no control group that limits memory", t.Name())
	return ""
}
