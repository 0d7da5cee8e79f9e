// Package lazy resumes programs that run before their memory has come, with the tools
// as users run them. What a program may do to memory that has not come is tried in
// kernel/process/lazy, where that can be said for sure.
package lazy

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"snappipe/kernel/process/proc"
	"snappipe/tests/process/cycle"
)

func TestMain(m *testing.M) { cycle.Main(m) }

// saved is a stage with an image of a program that has ended.
func saved(t *testing.T, mib string) *cycle.Stage {
	t.Helper()
	cycle.Need(t, "gcc")
	if os.Geteuid() != 0 {
		t.Skipf("SKIPPED %s: it takes root", t.Name())
	}
	s := cycle.NewStage(t, cycle.Root)
	program := s.Path("memory")
	if err := os.Link(cycle.Compile(t, filepath.Join("testdata", "memory.c")), program); err != nil {
		t.Fatal(err)
	}
	p := s.Start(t, program, s.Dir, mib)
	s.Await(t, p, "ready")
	if r := s.Snapshot(t, p.PID); !r.OK() {
		t.Fatalf("no snapshot: status %d, %s", r.Status, r.Text)
	}
	p.Kill()
	cycle.Until(t, "the end of its child", func() bool { return len(running(s)) == 0 })
	return s
}

// running are the processes that run the program of a stage.
func running(s *cycle.Stage) []int { return cycle.Running(s.Path("memory")) }

// looksWhole has the program and all of its children look at their memory.
func looksWhole(t *testing.T, s *cycle.Stage) {
	t.Helper()
	s.Write(t, "go", "")
	for _, who := range []string{"first", "second", "first's child", "second's child"} {
		cycle.Until(t, who, func() bool { return s.Has(who) })
		if said := s.Read(t, who); said != "whole" {
			t.Errorf("the memory of the %s is %q", who, said)
		}
		if err := os.Remove(s.Path(who)); err != nil {
			t.Fatal(err)
		}
	}
}

// ends has the program end.
func ends(t *testing.T, s *cycle.Stage, p *cycle.Process) {
	t.Helper()
	s.Write(t, "end", "")
	if status := p.Status(t); status != 7 {
		t.Errorf("status %d: %s", status, p.Text())
	}
	for _, name := range []string{"go", "end"} {
		os.Remove(s.Path(name))
	}
	cycle.Until(t, "the end of its child", func() bool { return len(running(s)) == 0 })
}

// A tree of processes sees all that it had, and so do children that it gets
// meanwhile; a second time, too.
func TestTree(t *testing.T) {
	s := saved(t, "48")
	for range 2 {
		p := s.Resume(t, "--lazy")
		looksWhole(t, s)
		ends(t, s, p)
	}
}

// With a base, what is needed of that is read likewise.
func TestBase(t *testing.T) {
	s := saved(t, "8")
	out, err := s.Script("snapcompress --base img img | snapverify > img2 && mv img base && mv img2 img").CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	p := s.Resume(t, "--lazy", "--base", "base")
	looksWhole(t, s)
	ends(t, s, p)
}

// A detached one is served by a process that says what it is, and that is gone when
// nothing is lacking any more.
func TestDetach(t *testing.T) {
	s := saved(t, "48")
	p := s.Resume(t, "--lazy", "--detach")
	if status := p.Status(t); status != 0 {
		t.Fatalf("status %d: %s", status, p.Text())
	}
	pid, err := strconv.Atoi(strings.TrimSpace(p.Text()[strings.LastIndex(strings.TrimSpace(p.Text()), "\n")+1:]))
	if err != nil || !slices.Contains(running(s), pid) {
		t.Fatalf("it says %q, and there are %v", p.Text(), running(s))
	}
	looksWhole(t, s)
	cycle.Until(t, "the end of the server", func() bool { return !strings.HasPrefix(parentName(pid), "snapresume") })
	if cycle.State(pid) == 0 {
		t.Error("the program has gone with it")
	}
	unix.Kill(pid, unix.SIGKILL)
}

func parentName(pid int) string {
	b, _ := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/status")
	_, after, _ := strings.Cut(string(b), "\nPPid:\t")
	parent, _, _ := strings.Cut(after, "\n")
	name, _ := os.ReadFile("/proc/" + parent + "/comm")
	return string(name)
}

// What is damaged, and found to be so when the program runs, is the end of all of it.
func TestDamage(t *testing.T) {
	s := saved(t, "16")
	b, err := os.ReadFile(s.Path("img"))
	if err != nil {
		t.Fatal(err)
	}
	b[len(b)/2] ^= 1
	if err := os.WriteFile(s.Path("img"), b, 0o600); err != nil {
		t.Fatal(err)
	}
	p := s.Resume(t, "--lazy")
	if status := p.Status(t); status != 3 || !strings.Contains(p.Text(), "the program was killed") || !strings.Contains(p.Text(), "frame ") {
		t.Errorf("status %d: %s", status, p.Text())
	}
	cycle.Until(t, "its end", func() bool { return len(running(s)) == 0 })
	if s.Has("first") || s.Has("second") {
		t.Error("it has seen its memory")
	}
}

// While it lacks memory, a program cannot be snapshotted, and it ends with the server.
func TestServerKilled(t *testing.T) {
	s := saved(t, "256")
	for {
		p := s.Resume(t, "--lazy")
		pid := 0
		cycle.Until(t, "the program", func() bool {
			for _, pid = range cycle.Children(p.PID) {
				exe, _ := os.Readlink("/proc/" + strconv.Itoa(pid) + "/exe")
				if exe == s.Path("memory") && cycle.IsLetGo(pid) {
					return true
				}
			}
			return p.Ended()
		})
		p.Signal(t, unix.SIGSTOP)
		cycle.Until(t, "the server to stop", func() bool { return cycle.State(p.PID) == 'T' || p.Ended() })
		if !bytes.Contains(read("/proc/"+strconv.Itoa(pid)+"/smaps"), []byte(" um")) {
			p.Kill() // it was too quick
			continue
		}
		if r := s.Discard(t, pid); r.Status[0] != 4 || !strings.Contains(r.Text, "userfaultfd is registered") {
			t.Errorf("a snapshot: status %d, %s", r.Status, r.Text)
		}
		p.Signal(t, unix.SIGKILL)
		cycle.Until(t, "the end of the program", func() bool { return len(running(s)) == 0 })
		return
	}
}

// What nobody waits for is loaded at no real-time priority, which the program might not
// have, so that it would not run until then; and what it waits for is.
func TestPriority(t *testing.T) {
	s := saved(t, "256")
	p := s.Launch(t, s.Script("exec chrt --fifo 1 snapresume --lazy img"))
	const ordinary, fifo = unix.SCHED_NORMAL, unix.SCHED_FIFO
	policies := map[uint32]int{}
	cycle.Until(t, "an ordinary thread", func() bool {
		clear(policies)
		tids, _ := proc.Tasks(p.PID)
		for _, tid := range tids {
			if a, err := unix.SchedGetAttr(tid, 0); err == nil {
				policies[a.Policy]++
			}
		}
		return policies[ordinary] > 0 && policies[fifo] > 0 || p.Ended()
	})
	if p.Ended() && strings.Contains(p.Text(), "chrt: ") {
		t.Skipf("SKIPPED %s: there is no real-time priority here: %s", t.Name(), p.Text())
	}
	if policies[ordinary] == 0 || policies[fifo] == 0 {
		t.Errorf("threads by policy: %v; %s", policies, p.Text())
	}
	p.Kill()
	cycle.Until(t, "the end of the program", func() bool { return len(running(s)) == 0 })
}

func read(path string) []byte {
	b, _ := os.ReadFile(path)
	return b
}

// What cannot be is refused, with the reason, and nothing runs.
func TestRefused(t *testing.T) {
	s := saved(t, "1")
	if err := os.Chmod(s.Path("img"), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		script string
		status int
		says   string
	}{
		{"cat img | snapresume --lazy", 4, "comes from a pipe"},
		{"setpriv --reuid 65534 --regid 65534 --clear-groups snapresume --lazy img", 4, "only root"},
		{"snapcompress -d img > plain; snapresume --lazy plain", 3, "no SHA-256 checksums"},
		{"snapcat file:img | snapverify > other; snapresume --lazy --to file:back other", 4, "only a program"},
		{"snapresume --lazy --check img", 2, "--check"},
		{"snapresume --lazy --once img", 2, "--once"},
		{"snapresume --lazy --raw --to process img", 2, "--raw"},
		{"touch none; snapresume --lazy --trust none img", 4, "signatures"},
		{"head -c -100 img > cut; snapresume --lazy cut", 3, "it stops"},
		{"snapresume --lazy --detach none", 3, "empty"},
	} {
		cmd := s.Script(c.script)
		out, _ := cmd.CombinedOutput()
		if status := cmd.ProcessState.ExitCode(); status != c.status || !strings.Contains(string(out), c.says) {
			t.Errorf("%s: status %d, %s", c.script, status, out)
		}
		if n := len(running(s)); n != 0 {
			t.Fatalf("%s: %d processes run", c.script, n)
		}
	}
}
