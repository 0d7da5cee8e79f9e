// Work that is done by many processes, one after the other.

package real

import (
	"os/exec"
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
