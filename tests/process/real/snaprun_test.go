// contrib/snaprun: a long computation that is interrupted again and again.

package real

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"snappipe/tests/process/cycle"
)

// computation has two processes, of which one waits for the other, and makes a new one
// for each step. Its result shows each step that was left out or made twice.
const computation = `
n=0
while [ ! -e "$1" ]; do
	n=$((n + 1))
	echo $n
	sleep 0.01
done | awk -v result="$2" '
	{ x = (x * 31 + $1) % 1000003 }
	END { print NR, x > result }'
`

// Killed ten times, by what it can see and by what it can't, it comes to the result that
// it comes to undisturbed.
func TestSnaprun(t *testing.T) {
	cycle.Need(t, "bash", "awk", "flock")
	asEach(t, func(t *testing.T, s *cycle.Stage) {
		s.Write(t, "compute", computation)
		t.Cleanup(func() {
			if t.Failed() {
				t.Log(s.Read(t, "log"))
			}
		})
		begin := func() *cycle.Process {
			return cycle.Launch(t, snaprun(t, s, "bash", s.Path("compute"), s.Path("enough"), s.Path("got")))
		}
		for n := range 10 {
			p := begin()
			stored := imageOf(s)
			cycle.Until(t, "an image to be stored", func() bool { return p.Ended() || imageOf(s).After(stored) })
			if p.Ended() {
				t.Fatalf("status %d", p.Status(t))
			}
			interrupt(t, s, p, n%2 == 0)
		}
		s.Write(t, "enough", "")
		if status := begin().Status(t); status != 0 {
			t.Fatalf("status %d", status)
		}
		var steps, got int
		if _, err := fmt.Sscan(s.Read(t, "got"), &steps, &got); err != nil {
			t.Fatalf("the result is %q", s.Read(t, "got"))
		}
		x := 0
		for n := 1; n <= steps; n++ {
			x = (x*31 + n) % 1000003
		}
		if got != x || steps < 10 {
			t.Errorf("after %d steps, the result is %d, not %d", steps, got, x)
		}
		if s.Has("kept/image") {
			t.Error("the image was left behind")
		}
	})
}

func snaprun(t *testing.T, s *cycle.Stage, command ...string) *exec.Cmd {
	t.Helper()
	script, err := filepath.Abs("../../../contrib/snaprun")
	if err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(script)
	if err != nil {
		t.Fatal(err)
	}
	s.Write(t, "snaprun", string(b))
	cmd := s.Script(`exec bash "$@" </dev/null >>`+s.Path("log")+` 2>&1`,
		append([]string{s.Path("snaprun"), "-d", s.Path("kept"), "-i", "0.3"}, command...)...)
	return cmd
}

// imageOf is when the last image was stored.
func imageOf(s *cycle.Stage) time.Time {
	st, err := os.Stat(s.Path("kept/image"))
	if err != nil {
		return time.Time{}
	}
	return st.ModTime()
}

// interrupt ends snaprun and what it runs, and waits until all are gone.
func interrupt(t *testing.T, s *cycle.Stage, p *cycle.Process, politely bool) {
	t.Helper()
	if politely {
		p.Signal(t, unix.SIGTERM)
		if status := p.Status(t); status != 143 {
			t.Fatalf("status %d after SIGTERM", status)
		}
		return
	}
	p.Kill()
	cycle.Until(t, "all that snaprun ran to be gone", func() bool {
		b, err := os.ReadFile(s.Path("kept/running"))
		if err != nil {
			t.Fatal(err)
		}
		var pid int
		for i, c := range b {
			if c == ' ' {
				pid, _ = strconv.Atoi(string(b[:i]))
			}
		}
		err = unix.Kill(pid, 0)
		return errors.Is(err, unix.ESRCH) || cycle.State(pid) == 'Z'
	})
}
