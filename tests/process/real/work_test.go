// Work that is done by many processes, one after the other.

package real

import (
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"snappipe/tests/process/cycle"
)

// works has a program go on twice, and end well when it is told to.
func works(t *testing.T, s *cycle.Stage, name string, args ...string) {
	t.Helper()
	p := twice(t, s, s.Start(t, name, args...))
	s.Write(t, "stop", "")
	ends(t, s, p)
}

func TestXZ(t *testing.T) {
	cycle.Need(t, "bash", "xz", "cmp")
	asEach(t, func(t *testing.T, s *cycle.Stage) { works(t, s, "bash", script(t, s, "compress.sh"), s.Dir) })
}

func TestErlang(t *testing.T) {
	cycle.Need(t, "erl", "erlc")
	asEach(t, func(t *testing.T, s *cycle.Stage) {
		if out, err := exec.Command("erlc", "-o", s.Dir, script(t, s, "ports.erl")).CombinedOutput(); err != nil {
			t.Fatalf("erlc: %v\n%s", err, out)
		}
		works(t, s, "erl", "-noshell", "-pa", s.Dir, "-run", "ports", "main", s.Dir)
	})
}

func TestJavaThatStartsOthers(t *testing.T) {
	cycle.Need(t, "java", "javac")
	asEach(t, func(t *testing.T, s *cycle.Stage) {
		// Its figures are a file in a shared mapping, which a resume wants to be unchanged.
		works(t, s, "java", "-Xmx128m", "-XX:-UsePerfData", script(t, s, "Starts.java"), s.Dir)
	})
}

// What git packs is whole. It is taken while it compares files, which takes longest: what
// it renames and removes after a snapshot, the one that is resumed would miss.
func TestGit(t *testing.T) {
	cycle.Need(t, "git", "awk")
	asEach(t, func(t *testing.T, s *cycle.Stage) {
		git := func(args ...string) string { return says(t, s, "git", args...) }
		git("init", "--quiet")
		git("config", "pack.threads", "2")
		says(t, s, "bash", "-c", "set -o pipefail; awk -f $0 | git -c fastimport.unpackLimit=10000 fast-import --quiet", script(t, s, "blobs.awk"))
		p := s.Start(t, "git", "gc", "--aggressive", "--quiet")
		pid := p.PID
		for range 2 {
			cycle.Until(t, "threads to compare", func() bool { return compares(pid) || p.Ended() })
			p, pid = again(t, s, p, pid)
		}
		if packs, err := filepath.Glob(s.Path(".git/objects/pack/pack-*")); err != nil || len(packs) > 0 {
			t.Fatalf("it had packed before it was killed: %v, %v", packs, err)
		}
		if status := p.Status(t); status != 0 {
			t.Errorf("status %d, %s%s", status, p.Text(), s.Read(t, "output"))
		}
		git("fsck", "--full", "--strict")
		if counts := git("count-objects", "-v"); !strings.Contains(counts, "count: 0\n") || !strings.Contains(counts, "in-pack: 502\n") {
			t.Errorf("it has\n%s", counts)
		}
	})
}

// compares reports whether a process has a descendant of several threads.
func compares(pid int) bool {
	for _, child := range cycle.Children(pid) {
		tasks, _ := os.ReadDir("/proc/" + strconv.Itoa(child) + "/task")
		if len(tasks) > 1 || compares(child) {
			return true
		}
	}
	return false
}
