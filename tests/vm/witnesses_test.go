// The processes that look whether all is as it was.

package vm

import (
	"fmt"
	"strings"
	"testing"
	"time"
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
// counting for so long that each has looked at its ballast.
func sameWitnesses(t testing.TB, m *Machine, before map[string]testimony) {
	t.Helper()
	now := hear(t, m)
	for role, b := range before {
		if n := now[role]; n.pid != b.pid || n.token != b.token || n.count < b.count {
			t.Errorf("%s is another: %v before, %v now", role, b, n)
		}
	}
	later := now
	for deadline := time.Now().Add(m.patience); !allFurther(now, later); later = hear(t, m) {
		if time.Now().After(deadline) {
			t.Fatalf("not all go on: %v now, %v later", now, later)
		}
		m.Run("sleep 1")
	}
	for role, l := range later {
		if l.state != "ok" {
			t.Errorf("%s is not well: %v", role, l)
		}
	}
}

// ballastEvery is after how many counts a witness looks at its ballast.
const ballastEvery = 10

// allFurther also holds for those that have stopped because they are not well.
func allFurther(now, later map[string]testimony) bool {
	for role, n := range now {
		if l := later[role]; l.state == "ok" && l.count <= n.count+ballastEvery {
			return false
		}
	}
	return true
}
