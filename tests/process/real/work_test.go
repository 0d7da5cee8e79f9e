// Work that is done by many processes, one after the other.

package real

import (
	"os/exec"
	"testing"

	"snappipe/tests/process/cycle"
)

// works has a program go on twice, and end well when it is told to.
func works(t *testing.T, command func(s *cycle.Stage) []string) {
	asEach(t, func(t *testing.T, s *cycle.Stage) {
		c := command(s)
		p := twice(t, s, s.Start(t, c[0], c[1:]...))
		s.Write(t, "stop", "")
		ends(t, s, p)
	})
}

func TestXZ(t *testing.T) {
	cycle.Need(t, "bash", "xz", "cmp")
	works(t, func(s *cycle.Stage) []string { return []string{"bash", script(t, s, "compress.sh"), s.Dir} })
}

func TestErlang(t *testing.T) {
	cycle.Need(t, "erl", "erlc")
	works(t, func(s *cycle.Stage) []string {
		if out, err := exec.Command("erlc", "-o", s.Dir, script(t, s, "ports.erl")).CombinedOutput(); err != nil {
			t.Fatalf("erlc: %v\n%s", err, out)
		}
		return []string{"erl", "-noshell", "-pa", s.Dir, "-run", "ports", "main", s.Dir}
	})
}
