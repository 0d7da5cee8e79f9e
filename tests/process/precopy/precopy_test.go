// Package precopy takes snapshots with a copy of the memory beforehand, with the tools
// as users run them. That what was written to last is not missed is tried in
// kernel/process, where it can be missed on purpose.
package precopy

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"snappipe/kernel/process/sys"
	"snappipe/kernel/process/world"
	"snappipe/tests/process/cycle"
)

func TestMain(m *testing.M) { cycle.Main(m) }

// need skips the test where there can be no pre-copy.
func need(t *testing.T) {
	t.Helper()
	cycle.Need(t, "gcc")
	if err := sys.CanTrack(); err != nil {
		t.Skipf("SKIPPED %s: this kernel can't track what is written to: %v", t.Name(), err)
	}
}

// eachUser runs a test for each user, with the program on a stage that has these files.
func eachUser(t *testing.T, f func(t *testing.T, s *cycle.Stage, p *cycle.Process), files ...string) {
	t.Helper()
	need(t)
	for _, u := range cycle.Users() {
		t.Run(u.Name, func(t *testing.T) {
			s := prepare(t, u, files...)
			p := s.Start(t, s.Path("writes"), s.Dir, "48")
			s.Await(t, p, "ready")
			f(t, s, p)
		})
	}
}

// prepare makes a stage with the program and these files.
func prepare(t *testing.T, u cycle.User, files ...string) *cycle.Stage {
	t.Helper()
	s := cycle.NewStage(t, u)
	if err := os.Link(cycle.Compile(t, filepath.Join("testdata", "writes.c")), s.Path("writes")); err != nil {
		t.Fatal(err)
	}
	for _, name := range files {
		s.Write(t, name, "")
	}
	return s
}

// copied is what -v says of how much was.
var copied = regexp.MustCompile(`pre-copy: (\d+) bytes before that, (\d+) bytes meanwhile`)

// wasCopied checks that most of the memory came without a fork.
func wasCopied(t *testing.T, r cycle.Report) {
	t.Helper()
	if !r.OK() {
		t.Fatalf("status %d: %s", r.Status, r.Text)
	}
	m := copied.FindStringSubmatch(r.Text)
	if m == nil {
		t.Fatalf("it does not say how much was copied: %s", r.Text)
	}
	if n, _ := strconv.Atoi(m[1]); n < 80<<20 {
		t.Errorf("%d bytes were copied before: %s", n, r.Text)
	}
}

// A tree that writes all the time is resumed as it was at one moment.
func TestResumed(t *testing.T) {
	eachUser(t, func(t *testing.T, s *cycle.Stage, p *cycle.Process) {
		wasCopied(t, s.Snapshot(t, p.PID, "-v", "--precopy"))
		comesBack(t, s, s, p)
	})
}

// comesBack ends the program, resumes its image by whom that belongs to, and sees that it
// is whole.
func comesBack(t *testing.T, s, by *cycle.Stage, p *cycle.Process) {
	t.Helper()
	p.Kill()
	cycle.Until(t, "the end of its child", func() bool { return len(cycle.Running(s.Path("writes"))) == 0 })
	p = by.Resume(t)
	s.Write(t, "go", "")
	for _, who := range []string{"parent", "child"} {
		cycle.Until(t, who, func() bool { return s.Has(who) || p.Ended() })
		if said := s.Read(t, who); said != "whole" {
			t.Errorf("the memory of the %s: %s; %v: %s", who, said, p, p.Text())
		}
	}
	s.Write(t, "end", "")
	if status := p.Status(t); status != 7 {
		t.Errorf("status %d: %s", status, p.Text())
	}
}

// A mapping is kept from the fork that also has what the kernel writes to whenever the twin
// runs, which it can't do without: the thread's rseq area. An allocator's memory comes to
// lie beside that of the C library by chance.
func TestBesideThread(t *testing.T) {
	eachUser(t, func(t *testing.T, s *cycle.Stage, p *cycle.Process) {
		wasCopied(t, s.Snapshot(t, p.PID, "-v", "--precopy"))
		comesBack(t, s, s, p)
	}, "beside")
}

// Root takes what is another user's.
func TestAnotherUsers(t *testing.T) {
	need(t)
	if cycle.Users()[0] != cycle.Root {
		t.Skip("SKIPPED TestAnotherUsers: it takes root")
	}
	s := prepare(t, cycle.Unprivileged)
	p := s.Start(t, s.Path("writes"), s.Dir, "48")
	s.Await(t, p, "ready")
	root := &cycle.Stage{Dir: s.Dir, User: cycle.Root}
	wasCopied(t, root.Snapshot(t, p.PID, "-v", "--precopy"))
	comesBack(t, s, root, p)
}

// Huge pages are left to the fork, which a pre-copy could only make slower.
func TestHugePages(t *testing.T) {
	eachUser(t, func(t *testing.T, s *cycle.Stage, p *cycle.Process) {
		if hugeBytes(t, p.PID) < 32<<20 {
			t.Skipf("SKIPPED %s: the kernel gave the program hardly any huge pages", t.Name())
		}
		if r := s.Snapshot(t, p.PID, "-v", "--precopy"); !r.OK() || !strings.Contains(r.Text, "no large mappings of small pages") {
			t.Errorf("status %d: %s", r.Status, r.Text)
		}
		comesBack(t, s, s, p)
	}, "huge")
}

// hugeBytes is how much of the memory of a process is in huge pages.
func hugeBytes(t *testing.T, pid int) (bytes int) {
	t.Helper()
	b, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/smaps_rollup")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(b)) {
		if name, value, _ := strings.Cut(line, ":"); name == "AnonHugePages" {
			bytes, _ = strconv.Atoi(strings.Fields(value)[0])
		}
	}
	return bytes << 10
}

// idle has both processes do nothing any more.
func idle(t *testing.T, s *cycle.Stage, p *cycle.Process) {
	t.Helper()
	s.Write(t, "idle", "")
	cycle.Until(t, "both to wait", func() bool {
		for _, pid := range append(cycle.Children(p.PID), p.PID) {
			b, _ := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/syscall")
			if !bytes.HasPrefix(b, []byte(strconv.Itoa(unix.SYS_PAUSE)+" ")) {
				return false
			}
		}
		return true
	})
}

// Nothing that can be seen of the processes is another afterwards.
func TestUnharmed(t *testing.T) {
	eachUser(t, func(t *testing.T, s *cycle.Stage, p *cycle.Process) {
		idle(t, s, p)
		all := append(cycle.Children(p.PID), p.PID)
		var before []cycle.Appearance
		for _, pid := range all {
			before = append(before, cycle.Look(t, pid))
		}
		wasCopied(t, s.Discard(t, p.PID, "-v", "--precopy"))
		for i, pid := range all {
			if changes := before[i].Changes(cycle.Look(t, pid)); changes != "" {
				t.Errorf("process %d: %s", pid, changes)
			}
		}
	})
}

// The memory in the flat image is the same as without, byte for byte, and as long.
func TestSameImage(t *testing.T) {
	eachUser(t, func(t *testing.T, s *cycle.Stage, p *cycle.Process) {
		idle(t, s, p)
		var first []byte
		for _, line := range []string{
			"snapcat --raw --only process:$1 > img",
			"snapcat --raw --only --precopy process:$1 > img",
			"snapcat --raw --only --precopy process:$1 | cat > img",
			"snapcat --only --precopy process:$1 | snapresume --force --to file:img",
		} {
			if out, err := s.Script(line, strconv.Itoa(p.PID)).CombinedOutput(); err != nil {
				t.Fatalf("%s: %v: %s", line, err, out)
			}
			memory := memoryOf(t, s.Path("img"))
			if first == nil {
				first = memory
			}
			if !bytes.Equal(memory, first) {
				t.Errorf("%s: %d bytes of memory, which are not the %d of the fork", line, len(memory), len(first))
			}
		}
		if len(first) < 48<<20 {
			t.Errorf("the image has %d bytes of memory", len(first))
		}
	})
}

// memoryOf is what comes behind the header of an image, in which there is the time.
func memoryOf(t *testing.T, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	n, err := world.HeaderSize(b[:world.PrefixSize])
	if err != nil {
		t.Fatal(err)
	}
	return b[n:]
}

// Where a device might write to memory, and nobody would know, a fork keeps that.
func TestDirectIO(t *testing.T) {
	eachUser(t, func(t *testing.T, s *cycle.Stage, p *cycle.Process) {
		idle(t, s, p)
		r := s.Discard(t, p.PID, "-v", "--precopy")
		if m := copied.FindStringSubmatch(r.Text); !r.OK() || m == nil || m[2] != "0" || !strings.Contains(r.Text, "is for direct I/O") {
			t.Errorf("status %d: %s", r.Status, r.Text)
		}
	}, "direct")
}

// Who comes to have the memory while it is tracked is kept with it.
func TestJoinedMeanwhile(t *testing.T) {
	need(t)
	for _, u := range cycle.Users() {
		t.Run(u.Name, func(t *testing.T) {
			s := cycle.NewStage(t, u)
			if err := os.Link(cycle.Compile(t, filepath.Join("testdata", "joins.c")), s.Path("joins")); err != nil {
				t.Fatal(err)
			}
			p := s.Start(t, s.Path("joins"))
			s.Await(t, p, "ready")
			report := make(chan cycle.Report, 1)
			go func() { report <- s.Snapshot(t, p.PID, "-v", "--precopy") }()
			cycle.Until(t, "the tracking", func() bool { return isTracked(p.PID) || len(report) > 0 })
			p.Signal(t, unix.SIGUSR1)
			r := <-report
			if !r.OK() {
				t.Fatalf("status %d: %s", r.Status, r.Text)
			}
			if !s.Has("joined") || !copied.MatchString(r.Text) {
				t.Fatalf("it was over before: %s", r.Text)
			}
			p.Kill()
			cycle.Until(t, "the end of the other", func() bool { return len(cycle.Running(s.Path("joins"))) == 0 })
			p = s.Resume(t)
			cycle.Until(t, "both", func() bool { return len(cycle.Running(s.Path("joins"))) == 2 || p.Ended() })
			p.Signal(t, unix.SIGUSR2) // also if neither was let go yet
			if status := p.Status(t); status != 7 {
				t.Errorf("status %d: %s", status, p.Text())
			}
		})
	}
}

// isTracked reports whether some memory of a process is tracked (VM_UFFD_WP of
// fs/proc/task_mmu.c).
func isTracked(pid int) bool {
	b, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/smaps")
	return err == nil && bytes.Contains(b, []byte(" uw"))
}
