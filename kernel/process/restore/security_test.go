// Labels of security modules.

package restore

import (
	"errors"
	"os"
	"testing"

	"snappipe/kernel"
	"snappipe/kernel/process/proc"
	"snappipe/kernel/process/world"
)

// A program that a security module confined is not resumed unconfined.
func TestLabel(t *testing.T) {
	own, err := proc.Label(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	warned := 0
	p := &process{task: new(world.Task), stub: &stub{pid: os.Getpid()}}
	p.options.Warn = func(string) { warned++ }
	for _, test := range []struct {
		label   string
		force   bool
		refused bool
		warned  int
	}{
		{"", false, false, 0},
		{own, false, false, 0},
		{"system_u:system_r:httpd_t:s0", false, true, 0},
		{"system_u:system_r:httpd_t:s0", true, false, 1},
	} {
		warned = 0
		p.task.Label, p.options.Force = world.Text(test.label), test.force
		err := p.checkOrigin()
		if errors.As(err, new(*kernel.Refusal)) != test.refused || warned != test.warned {
			t.Errorf("label %q, force %v: %v, and %d warnings", test.label, test.force, err, warned)
		}
	}
}
