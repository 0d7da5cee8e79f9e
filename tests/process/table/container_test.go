// The rows about groups, sessions and terminals once more, as in a container: the group
// and the session that a program was started in are outside of its PID namespace, or
// those of the first process there.

package table

import (
	"os"
	"os/exec"
	"strings"
	"testing"

	"snappipe/tests/process/cycle"
)

func TestContainer(t *testing.T) {
	cycle.Need(t, "gcc")
	if os.Getuid() != 0 {
		t.Skip("only root makes a PID namespace that others can be in")
	}
	rows := "^TestTable$/^(tree-(line|zombies|sessions|stopped)|pty-(session|own|own-with-child))$"
	for name, by := range map[string][]string{"outside": nil, "first": {"setsid"}} {
		t.Run(name, func(t *testing.T) {
			args := append([]string{"--pid", "--fork", "--mount-proc"}, by...)
			cmd := exec.Command("unshare", append(args, os.Args[0], "-test.run", rows, "-test.v")...)
			out, err := cmd.CombinedOutput()
			if n := strings.Count(string(out), "/resumed ("); err != nil || n < 14 {
				t.Errorf("%d programs were resumed: %v\n%s", n, err, out)
			}
		})
	}
}
