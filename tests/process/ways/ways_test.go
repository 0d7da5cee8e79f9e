// Package ways goes the ways on which the README sends a snapshot of a live
// program, in the shell as it has them there.
package ways

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"snappipe/tests/process/cycle"
)

func TestMain(m *testing.M) { cycle.Main(m) }

// counter is a running testdata/count.c.
type counter struct {
	*cycle.Stage
	program string
	*cycle.Process
}

// asEach runs a test with a counter of every user's.
func asEach(t *testing.T, test func(*testing.T, *counter)) {
	cycle.Need(t, "gcc")
	program := cycle.Compile(t, filepath.Join("testdata", "count.c"), "-g", "-O0")
	for _, u := range cycle.Users() {
		t.Run(u.Name, func(t *testing.T) {
			c := onStage(t, u, program, "count")
			c.Process = c.Start(t, c.program, c.Dir)
			c.passes(t, c.PID, 3)
			test(t, c)
		})
	}
}

// onStage puts a program on a user's stage, under a name.
func onStage(t *testing.T, u cycle.User, program, name string) *counter {
	t.Helper()
	c := &counter{Stage: cycle.NewStage(t, u)}
	c.program = c.Path(name)
	if err := os.Link(program, c.program); err != nil {
		t.Fatal(err)
	}
	return c
}

// at is how far the process with that ID has counted, 0 if it never did.
func (c *counter) at(t *testing.T, pid int) int {
	t.Helper()
	n, _ := strconv.Atoi(c.Read(t, "count-"+strconv.Itoa(pid)))
	return n
}

// passes waits for a process to have counted further than n.
func (c *counter) passes(t *testing.T, pid, n int) {
	t.Helper()
	cycle.Until(t, fmt.Sprintf("process %d to count", pid), func() bool { return c.at(t, pid) > n })
}

// run runs a script as a user would, with the counter's process ID for $1.
func (c *counter) run(t *testing.T, script string) (output string) {
	t.Helper()
	p := c.Launch(t, c.Script(script, strconv.Itoa(c.PID)))
	if status := p.Status(t); status != 0 {
		t.Fatalf("%s: status %d, %s%s", script, status, p.Text(), c.Read(t, "output"))
	}
	b, err := os.ReadFile(c.Path("output"))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// detached is the process whose ID snapresume --detach has written last. It is
// killed when the test ends.
func (c *counter) detached(t *testing.T, output string) int {
	t.Helper()
	lines := strings.Fields(output)
	pid, err := strconv.Atoi(lines[len(lines)-1])
	if err != nil {
		t.Fatalf("no process ID: %q", output)
	}
	t.Cleanup(func() {
		if exe, _ := os.Readlink(fmt.Sprintf("/proc/%d/exe", pid)); exe == c.program {
			unix.Kill(pid, unix.SIGKILL)
		}
	})
	return pid
}

// A clone of a live program counts on from where that was, which goes on too.
func TestClone(t *testing.T) {
	asEach(t, func(t *testing.T, c *counter) {
		before := c.at(t, c.PID)
		clone := c.detached(t, c.run(t, "snapcat process:$1 | snapresume --detach"))
		c.bothCount(t, clone, before)
	})
}

// bothCount sees that a copy goes on from n, as the counter does, and ends both.
func (c *counter) bothCount(t *testing.T, copy, n int) {
	t.Helper()
	if copy == c.PID {
		t.Fatalf("the copy has the ID of what is there still, %d", copy)
	}
	c.passes(t, copy, n)
	c.passes(t, copy, c.at(t, copy)+3)
	c.passes(t, c.PID, c.at(t, c.PID)+3)
	c.Write(t, "stop", "")
	if status := c.Status(t); status != 7 {
		t.Errorf("the program ended with status %d, not 7", status)
	}
	cycle.Until(t, "the copy to end", func() bool { return cycle.State(copy) == 0 || cycle.State(copy) == 'Z' })
}

// The same from one machine to another, for which two ends of a socket stand.
func TestMigrate(t *testing.T) {
	cycle.Need(t, "socat")
	asEach(t, func(t *testing.T, c *counter) {
		before := c.at(t, c.PID)
		there := c.Launch(t, c.Script("socat -u UNIX-LISTEN:line STDOUT | snapresume --detach"))
		c.run(t, "snapcat process:$1 | snapcompress | snapverify | socat -u STDIN UNIX-CONNECT:line,retry=600,interval=0.1")
		if status := there.Status(t); status != 0 {
			t.Fatalf("status %d, %s", status, c.Read(t, "output"))
		}
		c.bothCount(t, c.detached(t, c.Read(t, "output")), before)
	})
}

// A check does everything short of resuming, says which process it would be,
// and leaves nothing; what it found to be possible then is.
func TestCheck(t *testing.T) {
	asEach(t, func(t *testing.T, c *counter) {
		c.run(t, "snapcat process:$1 | snapcompress | snapverify > img")
		c.Kill()
		stands := c.at(t, c.PID)
		said := c.run(t, "snapresume --check img")
		if !strings.Contains(said, "undamaged") || !strings.Contains(said, "would resume pid") {
			t.Errorf("a check says %q", said)
		}
		if left := c.executing(t); len(left) > 0 {
			t.Errorf("left behind: %v", left)
		}
		if now := c.at(t, c.PID); now != stands {
			t.Errorf("the program went on from %d to %d", stands, now)
		}
		pid := c.detached(t, c.run(t, "snapresume --detach img"))
		c.passes(t, pid, 0)
		c.Write(t, "stop", "")
		cycle.Until(t, "the program to end", func() bool { return cycle.State(pid) == 0 || cycle.State(pid) == 'Z' })
	})
}

// What only the last steps of a resume find, a check refuses too: here, that
// the working directory is gone.
func TestCheckRefuses(t *testing.T) {
	asEach(t, func(t *testing.T, c *counter) {
		c.run(t, "mkdir sub")
		cmd := c.Command(c.program, c.Dir)
		cmd.Dir = c.Path("sub")
		elsewhere := c.Launch(t, cmd)
		c.passes(t, elsewhere.PID, 3)
		if r := c.Snapshot(t, elsewhere.PID); !r.OK() {
			t.Fatalf("no snapshot: status %d, %s", r.Status, r.Text)
		}
		elsewhere.Kill()
		c.run(t, "rmdir sub")
		check := c.Resume(t, "--check")
		if status := check.Status(t); status != 4 || !strings.Contains(check.Text(), "working directory") {
			t.Errorf("status %d, %s", status, check.Text())
		}
	})
}

// executing lists the processes that execute the counter's program.
func (c *counter) executing(t *testing.T) (all []string) {
	t.Helper()
	links, err := filepath.Glob("/proc/[0-9]*/exe")
	if err != nil {
		t.Fatal(err)
	}
	for _, link := range links {
		if exe, err := os.Readlink(link); err == nil && exe == c.program {
			all = append(all, filepath.Dir(link))
		}
	}
	return all
}
