package vm

import (
	"fmt"
	"strings"
	"testing"
)

// testimony is what one process of the witness says of itself.
type testimony struct {
	pid   int
	token string
	count int
	state string
}

func startWitnesses(m *Machine, mib int) {
	m.t.Helper()
	m.Run(fmt.Sprintf("witness start %d", mib))
}

func hear(t testing.TB, m *Machine) map[string]testimony {
	t.Helper()
	all := map[string]testimony{}
	for line := range strings.Lines(m.Run("witness show")) {
		var role string
		var w testimony
		if _, err := fmt.Sscan(line, &role, &w.pid, &w.token, &w.count, &w.state); err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		all[role] = w
	}
	if len(all) != 4 {
		t.Fatalf("not all witnesses speak: %v", all)
	}
	return all
}

// sameWitnesses fails unless they are those that were heard before, and go on
// counting.
func sameWitnesses(t testing.TB, m *Machine, before map[string]testimony) {
	t.Helper()
	now := hear(t, m)
	m.Run("sleep 2")
	later := hear(t, m)
	for role, b := range before {
		n, l := now[role], later[role]
		switch {
		case n.pid != b.pid || n.token != b.token:
			t.Errorf("%s is another: %v before, %v now", role, b, n)
		case n.count < b.count || l.count <= n.count:
			t.Errorf("%s does not go on: %v before, %v now, %v later", role, b, n, l)
		case l.state != "ok":
			t.Errorf("%s is not well: %v", role, l)
		}
	}
}
