// Programs of several processes.

package real

import (
	"fmt"
	"net"
	"os/exec"
	"strings"
	"testing"
	"time"

	"snappipe/tests/process/cycle"
)

// twice replaces a program by what is resumed of it, and that once more, each time when
// it has come forward.
func twice(t *testing.T, s *cycle.Stage, p *cycle.Process) *cycle.Process {
	t.Helper()
	pid, id := p.PID, cycle.InnerID(p.PID)
	for range 2 {
		before := len(s.Read(t, "progress"))
		cycle.Until(t, "the program to come forward", func() bool {
			return len(s.Read(t, "progress")) > before+5 || p.Ended()
		})
		if p.Ended() {
			return p
		}
		if r := s.Snapshot(t, pid); !r.OK() {
			t.Fatalf("no snapshot: status %d, %s", r.Status, r.Text)
		}
		p.Kill()
		p = s.Resume(t, "--same-pid")
		pid = cycle.Innermost(t, p, id)
	}
	return p
}

// ends waits for the verdict of a program that was told to stop.
func ends(t *testing.T, s *cycle.Stage, p *cycle.Process) {
	t.Helper()
	if status, verdict := p.Status(t), s.Read(t, "result"); status != 0 || verdict != "ok" {
		t.Errorf("status %d, verdict %q\n%s%s", status, verdict, p.Text(), s.Read(t, "output"))
	}
}

func TestMultiprocessing(t *testing.T) {
	python := interpreter(t)
	asEach(t, func(t *testing.T, s *cycle.Stage) { works(t, s, python, script(t, s, "workers.py"), s.Dir) })
}

func TestBashJobs(t *testing.T) {
	cycle.Need(t, "bash", "awk", "tee")
	asEach(t, func(t *testing.T, s *cycle.Stage) { works(t, s, "bash", script(t, s, "jobs.sh"), s.Dir) })
}

func TestMake(t *testing.T) {
	cycle.Need(t, "make", "gcc", "ar")
	asEach(t, func(t *testing.T, s *cycle.Stage) {
		ends(t, s, twice(t, s, s.Start(t, "make", "-j2", "-s", "-C", s.Dir, "-f", script(t, s, "Makefile.build"))))
	})
}

// A server that has a child save what it holds goes on to do so.
func TestRedisSaving(t *testing.T) {
	cycle.Need(t, "redis-server")
	asEach(t, func(t *testing.T, s *cycle.Stage) {
		socket := s.Path("socket")
		ask := func(command string) string {
			c, err := net.Dial("unix", socket)
			if err != nil {
				return err.Error()
			}
			defer c.Close()
			c.SetDeadline(time.Now().Add(20 * time.Second))
			fmt.Fprintf(c, "%s\r\n", command)
			answer := make([]byte, 8192)
			n, _ := c.Read(answer)
			return string(answer[:n])
		}
		p := s.Start(t, "redis-server", "--port", "0", "--unixsocket", socket, "--dir", s.Dir, "--save", "", "--rdb-key-save-delay", "200")
		cycle.Until(t, "redis to answer", func() bool { return strings.HasPrefix(ask("PING"), "+PONG") || p.Ended() })
		ask(`EVAL "for i=1,20000 do redis.call('set','key'..i,'value'..i) end" 0`)
		if a := ask("BGSAVE"); !strings.HasPrefix(a, "+Background") {
			t.Fatalf("BGSAVE: %q", a)
		}
		cycle.Until(t, "the child to save", func() bool { return len(cycle.Children(p.PID)) > 0 })
		if r := s.Snapshot(t, p.PID); !r.OK() {
			t.Fatalf("no snapshot: status %d, %s", r.Status, r.Text)
		}
		p.Kill()
		resumed := s.Resume(t)
		cycle.Until(t, "the child to have saved", func() bool {
			return strings.Contains(ask("INFO persistence"), "rdb_bgsave_in_progress:0") || resumed.Ended()
		})
		if a := ask("INFO persistence"); !strings.Contains(a, "rdb_last_bgsave_status:ok") || !s.Has("dump.rdb") {
			t.Errorf("after saving: %q", a)
		}
		if a := ask("DBSIZE"); a != ":20000\r\n" {
			t.Errorf("it holds %q", a)
		}
		ask("SHUTDOWN NOSAVE")
		if out, err := exec.Command("redis-check-rdb", s.Path("dump.rdb")).CombinedOutput(); err != nil {
			t.Errorf("what the child saved: %v\n%s", err, out)
		}
	})
}
