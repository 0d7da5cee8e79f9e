// Package real takes snapshots of real programs, unmodified, in the middle of
// their work, and sees that they go on with it.
//
// A program that is not installed is skipped by its name.
package real

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"snappipe/tests/process/cycle"
)

func TestMain(m *testing.M) { cycle.Main(m) }

// asEach runs a test as every user.
func asEach(t *testing.T, test func(*testing.T, *cycle.Stage)) {
	for _, u := range cycle.Users() {
		t.Run(u.Name, func(t *testing.T) { test(t, cycle.NewStage(t, u)) })
	}
}

// replace takes a snapshot of p, kills it, and resumes it.
func replace(t *testing.T, s *cycle.Stage, p *cycle.Process, args ...string) *cycle.Process {
	t.Helper()
	if r := s.Snapshot(t, p.PID, args...); !r.OK() {
		t.Fatalf("no snapshot: status %d, %s", r.Status, r.Text)
	}
	p.Kill()
	return s.Resume(t)
}

// script copies a file of testdata to the stage, where its user can read it.
func script(t *testing.T, s *cycle.Stage, name string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	s.Write(t, name, string(b))
	return s.Path(name)
}

// goesOn is for a program that appends lines to the file "log", counting from
// 1, until the file "stop" is there, and then writes "result".
func goesOn(t *testing.T, s *cycle.Stage, name string, args ...string) {
	t.Helper()
	p := s.Start(t, name, args...)
	lines := func() int { return strings.Count(s.Read(t, "log"), "\n") }
	cycle.Until(t, "the program to be at work", func() bool { return lines() > 10 || p.Ended() })
	resumed := replace(t, s, p)
	before := lines()
	cycle.Until(t, "the program to go on", func() bool { return lines() > before+10 || resumed.Ended() })
	s.Write(t, "stop", "")
	if status := resumed.Status(t); status != 0 {
		t.Errorf("status %d\n%s%s", status, resumed.Text(), s.Read(t, "output"))
	}
	if verdict := s.Read(t, "result"); verdict != "ok" {
		t.Errorf("verdict %q\n%s%s", verdict, resumed.Text(), s.Read(t, "output"))
	}
	next := 1
	for line := range strings.Lines(s.Read(t, "log")) {
		// Lines written after the snapshot and before the kill are written
		// again: a file is not rewound.
		switch n, err := strconv.Atoi(strings.TrimSpace(line)); {
		case err != nil:
			t.Fatalf("log: %v", err)
		case n > next:
			t.Fatalf("log: line %d is missing, there is %d", next, n)
		default:
			next = n + 1
		}
	}
}

func TestPython(t *testing.T) {
	python := interpreter(t)
	asEach(t, func(t *testing.T, s *cycle.Stage) { goesOn(t, s, python, script(t, s, "threads.py"), s.Dir) })
}

func TestBash(t *testing.T) {
	cycle.Need(t, "bash")
	asEach(t, func(t *testing.T, s *cycle.Stage) { goesOn(t, s, "bash", script(t, s, "loop.sh"), s.Dir) })
}

func TestPerl(t *testing.T) {
	cycle.Need(t, "perl")
	asEach(t, func(t *testing.T, s *cycle.Stage) { goesOn(t, s, "perl", script(t, s, "loop.pl"), s.Dir) })
}

func TestNode(t *testing.T) {
	cycle.Need(t, "node")
	asEach(t, func(t *testing.T, s *cycle.Stage) { goesOn(t, s, "node", script(t, s, "loop.js"), s.Dir) })
}

func TestJava(t *testing.T) {
	cycle.Need(t, "java", "javac")
	asEach(t, func(t *testing.T, s *cycle.Stage) {
		goesOn(t, s, "java", "-Xmx128m", script(t, s, "Loop.java"), s.Dir)
	})
}

// interpreter is a Python that every user may run.
func interpreter(t *testing.T) string {
	t.Helper()
	for _, path := range []string{"/usr/bin/python3", "/usr/local/bin/python3"} {
		if _, err := os.Stat(path); err == nil {
			return path
		}
	}
	t.Skip("python3 is not installed in /usr")
	return ""
}

// TestPythonREPL drives an interactive Python on a terminal.
func TestPythonREPL(t *testing.T) {
	python := interpreter(t)
	asEach(t, func(t *testing.T, s *cycle.Stage) {
		first := cycle.NewTerminal(t, s.User)
		p := cycle.Launch(t, first.Take(s.Command(python, "-q", "-i")))
		first.Expect(t, ">>> ")
		first.Type(t, "kept = [n * n for n in range(1000)]; print('set', 'up')\r")
		first.Expect(t, "set up")
		time.Sleep(50 * time.Millisecond) // it reads the next line
		if r := s.Snapshot(t, p.PID); !r.OK() {
			t.Fatalf("no snapshot: status %d, %s", r.Status, r.Text)
		}
		p.Kill()
		second := cycle.NewTerminal(t, s.User)
		resumed := s.ResumeOn(t, second)
		second.Type(t, "print('sum', sum(kept))\r")
		second.Expect(t, "sum 332833500")
		second.Type(t, "import sys; sys.exit(7)\r")
		if status := resumed.Status(t); status != 7 {
			t.Errorf("status %d, not Python's 7", status)
		}
	})
}

// TestSQLite resumes the shell in the middle of a query.
func TestSQLite(t *testing.T) {
	cycle.Need(t, "sqlite3")
	const query = `.timeout 1000
create table t(x); begin;
insert into t with recursive c(n) as (select 1 union all select n+1 from c where n < 4000) select n from c;
.shell touch working
select sum(a.x*b.x) from t a, t b where (a.x + b.x) % 2 = 0 and a.x * 3 < b.x * 1000000;
commit; pragma integrity_check;
`
	asEach(t, func(t *testing.T, s *cycle.Stage) {
		run := func(dir string) *cycle.Process {
			input := s.Path(dir + ".sql")
			s.Write(t, dir+".sql", query)
			s.Write(t, dir+".out", "") // it is the program's own, to be opened again
			out, err := os.OpenFile(s.Path(dir+".out"), os.O_WRONLY, 0)
			if err != nil {
				t.Fatal(err)
			}
			defer out.Close()
			cmd := s.Command("sqlite3", s.Path(dir+".db"), ".read "+input)
			cmd.Stdout, cmd.Stderr = out, out
			return s.Launch(t, cmd)
		}
		if status := run("whole").Status(t); status != 0 {
			t.Fatalf("sqlite3 alone: status %d, %s", status, s.Read(t, "whole.out"))
		}
		if err := os.Remove(s.Path("working")); err != nil {
			t.Fatal(err)
		}
		p := run("part")
		s.Await(t, p, "working")
		cycle.Until(t, "the shell's child to end", func() bool { return len(cycle.Children(p.PID)) == 0 })
		resumed := replace(t, s, p)
		if status := resumed.Status(t); status != 0 {
			t.Fatalf("status %d, %s", status, resumed.Text())
		}
		if got, want := s.Read(t, "part.out"), s.Read(t, "whole.out"); got != want {
			t.Errorf("the query gave %q, not %q", got, want)
		}
	})
}

// freePort is a TCP port that nobody listens on.
func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, port, err := net.SplitHostPort(l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	return port
}

// TestRedis keeps 100000 keys.
func TestRedis(t *testing.T) {
	cycle.Need(t, "redis-server", "redis-cli")
	asEach(t, func(t *testing.T, s *cycle.Stage) {
		port := freePort(t)
		cli := func(args ...string) string {
			out, _ := exec.Command("redis-cli", append([]string{"-p", port}, args...)...).CombinedOutput()
			return strings.TrimSpace(string(out))
		}
		p := s.Start(t, "redis-server", "--port", port, "--bind", "127.0.0.1", "--save", "", "--dir", s.Dir)
		cycle.Until(t, "redis to answer", func() bool { return cli("ping") == "PONG" || p.Ended() })
		if got := cli("eval", "for i=1,100000 do redis.call('set','key'..i,'value'..i) end return 'done'", "0"); got != "done" {
			t.Fatalf("filling redis: %s", got)
		}
		cycle.Until(t, "its connections to be closed", func() bool { return connections(t, p.PID) == 0 })
		resumed := replace(t, s, p)
		cycle.Until(t, "redis to answer again", func() bool { return cli("ping") == "PONG" || resumed.Ended() })
		if got := cli("dbsize"); got != "100000" {
			t.Errorf("dbsize: %s\n%s", got, resumed.Text())
		}
		if got := cli("eval", "for i=1,100000 do if redis.call('get','key'..i) ~= 'value'..i then return 'lost '..i end end return 'all there'", "0"); got != "all there" {
			t.Errorf("redis: %s", got)
		}
		if got := cli("set", "new", "one"); got != "OK" {
			t.Errorf("redis: %s", got)
		}
		cli("shutdown", "nosave")
		if status := resumed.Status(t); status != 0 {
			t.Errorf("status %d, %s", status, resumed.Text())
		}
	})
}

// connections counts the sockets of a process, less the one that listens.
func connections(t *testing.T, pid int) int {
	t.Helper()
	links, err := filepath.Glob(fmt.Sprintf("/proc/%d/fd/*", pid))
	if err != nil {
		t.Fatal(err)
	}
	n := -1
	for _, link := range links {
		if to, err := os.Readlink(link); err == nil && strings.HasPrefix(to, "socket:") {
			n++
		}
	}
	return n
}

// TestServer resumes a Go HTTP server under load: its connections are dropped
// by force, its listener is there again.
func TestServer(t *testing.T) {
	cycle.Need(t, "go")
	dir := t.TempDir()
	binary := filepath.Join(dir, "server")
	build := exec.Command("go", "build", "-o", binary, "testdata/server.go")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	asEach(t, func(t *testing.T, s *cycle.Stage) {
		if err := os.Link(binary, s.Path("server")); err != nil {
			t.Fatal(err)
		}
		port := freePort(t)
		count := func() (int, error) {
			r, err := http.Get("http://127.0.0.1:" + port)
			if err != nil {
				return 0, err
			}
			defer r.Body.Close()
			b, err := io.ReadAll(r.Body)
			if err != nil {
				return 0, err
			}
			return strconv.Atoi(string(b))
		}
		p := s.Start(t, s.Path("server"), "127.0.0.1:"+port)
		cycle.Until(t, "the server to answer", func() bool { _, err := count(); return err == nil })
		done := make(chan struct{})
		defer close(done)
		for range 4 {
			go func() { // errors are part of the load: the server is killed under it
				for {
					select {
					case <-done:
						return
					default:
						count()
					}
				}
			}()
		}
		cycle.Until(t, "the server to be busy", func() bool { n, err := count(); return err == nil && n > 200 })
		before, err := count()
		if err != nil {
			t.Fatal(err)
		}
		resumed := replace(t, s, p, "--force")
		var after int
		cycle.Until(t, "the server to answer again", func() bool {
			n, err := count()
			after = n
			return err == nil || resumed.Ended()
		})
		if after < before {
			t.Errorf("the server counts %d, and had %d before\n%s", after, before, resumed.Text())
		}
		cycle.Until(t, "the server to serve on", func() bool { n, err := count(); return err == nil && n > after+200 || resumed.Ended() })
		if resumed.Ended() {
			t.Errorf("the server has ended: %s", resumed.Text())
		}
	})
}
