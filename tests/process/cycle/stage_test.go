// Whatever plays on a stage is gone with it.

package cycle

import (
	"strconv"
	"strings"
	"testing"
)

// What has left its family, and what it inherited from the test, is still gone
// at the end.
func TestNothingIsLeft(t *testing.T) {
	pid := 0
	t.Run("stage", func(t *testing.T) {
		s := NewStage(t, Users()[0])
		p := s.Start(t, "setsid", "sh", "-c", "(sleep 1000 & echo $! >.pid; mv .pid pid) >/dev/null 2>&1 </dev/null")
		s.Await(t, p, "pid")
		p.Status(t) // so that nobody's child is left
		var err error
		if pid, err = strconv.Atoi(strings.TrimSpace(s.Read(t, "pid"))); err != nil || State(pid) == 0 {
			t.Fatalf("process %d does not run: %v", pid, err)
		}
	})
	Until(t, "the end of it", func() bool { return State(pid) == 0 || State(pid) == 'Z' })
}
