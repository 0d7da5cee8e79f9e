// Package stdio sees what a resumed program has on its descriptors 0 to 2: for
// all that it can have had there, and all ways to start snapresume.
package stdio

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"snappipe/tests/process/cycle"
)

func TestMain(m *testing.M) { cycle.Main(m) }

// kind is what a descriptor can be: of the program, or of snapresume.
type kind string

const (
	terminal kind = "terminal"
	file     kind = "file"
	pipe     kind = "pipe"   // of which another process has the other end
	socket   kind = "socket" // likewise
	null     kind = "null"
	closed   kind = "closed"
	broken   kind = "broken" // a pipe of which nobody has the other end
	// Of snapresume only:
	image kind = "image" // what the image is read from
	same  kind = "same"  // the same as the one before, as by 2>&1
)

var kinds = []kind{terminal, file, pipe, socket, null, closed}

// way is a way to start snapresume.
type way struct {
	name string
	has  [3]kind // descriptors of snapresume
	from kind    // where the image comes from: a file that it opens itself, unless one of has is it
	args []string
	// away is set where there is no controlling terminal.
	away bool
}

var ways = []way{
	{name: "snapresume img", has: [3]kind{terminal, same, same}},
	{name: "snapresume < img", has: [3]kind{image, terminal, same}, from: file},
	{name: "cat img | snapresume", has: [3]kind{image, terminal, same}, from: pipe},
	{name: "snapresume img > log", has: [3]kind{terminal, file, terminal}},
	{name: "snapresume < img > log 2>&1", has: [3]kind{image, file, same}, from: file},
	{name: "snapresume img < /dev/null > log", has: [3]kind{null, file, terminal}},
	{name: "snapresume img < file | cat", has: [3]kind{file, pipe, terminal}},
	{name: "snapresume img <&- >&- 2>&-", has: [3]kind{closed, closed, closed}},
	{name: "cron", has: [3]kind{null, pipe, same}, away: true},
	{name: "ssh host 'cat img | snapresume'", has: [3]kind{image, pipe, pipe}, from: pipe, away: true},
	{name: "ssh host snapresume < img", has: [3]kind{image, socket, pipe}, from: socket, away: true},
	{name: "inetd", has: [3]kind{socket, same, same}, away: true},
	{name: "$(snapresume --detach img)", has: [3]kind{terminal, pipe, terminal}, args: []string{"--detach"}},
	{name: "$(snapresume --detach < img 2>&1)", has: [3]kind{image, pipe, same}, from: file, args: []string{"--detach"}},
	{name: "ssh host snapresume --detach < img", has: [3]kind{image, pipe, socket}, from: socket, args: []string{"--detach"}, away: true},
	{name: "snapresume --detach img > log", has: [3]kind{null, file, same}, args: []string{"--detach"}},
	{name: "$(snapresume --detach --stdio mine img)", has: [3]kind{terminal, pipe, socket}, args: []string{"--detach", "--stdio", "mine"}},
	{name: "snapresume --stdio mine < img > log", has: [3]kind{image, file, terminal}, from: file, args: []string{"--stdio", "mine"}},
	{name: "snapresume --stdio null img", has: [3]kind{terminal, pipe, file}, args: []string{"--stdio", "null"}},
	{name: "snapresume --stdio saved img", has: [3]kind{terminal, pipe, socket}, args: []string{"--stdio", "saved"}},
}

func (w *way) says(option string) bool {
	return strings.Contains(strings.Join(w.args, " ")+" ", option+" ")
}

// outcome is what becomes of a descriptor of the program.
type outcome string

const (
	saved   outcome = "as it was"
	ours    outcome = "as snapresume has it"
	tty     outcome = "the controlling terminal"
	devNull outcome = "/dev/null"
	nothing outcome = "closed"
	refused outcome = "refused"
)

// rule is what is to become of the program's descriptor n that is a k. It is
// the rule of the manual page, once more.
func (w *way) rule(n int, k kind) outcome {
	leadsOut := k == terminal || k == pipe || k == socket
	here := w.at(n)
	switch {
	case k == closed:
		return nothing
	case w.says("--stdio null"):
		return devNull
	case w.says("--stdio saved"):
		if k == pipe || k == socket {
			return refused
		}
		return saved
	case !leadsOut && !w.says("--stdio mine"):
		return saved
	case here == image && !w.away:
		return tty
	case here == image || here == closed:
		return devNull
	case w.says("--detach") && !w.says("--stdio mine") && (here == pipe || here == socket):
		return devNull
	}
	return ours
}

// at is what snapresume has at n, same resolved.
func (w *way) at(n int) kind {
	if w.has[n] == same {
		return w.at(n - 1)
	}
	return w.has[n]
}

// TestMatrix tries every combination of kinds on the program's descriptors.
// Each goes a sixth of the ways, so that every kind on every descriptor goes all
// of them; with SNAPPIPE_SOAK=1 in the environment, each goes all.
func TestMatrix(t *testing.T) {
	every := 6
	if os.Getenv("SNAPPIPE_SOAK") != "" {
		every = 1
	}
	cycle.Need(t, "gcc")
	program := cycle.Compile(t, filepath.Join("programs", "still.c"), "-static", "-nostdlib", "-nostartfiles")
	users := cycle.Users()
	random := rand.New(rand.NewPCG(0, 0))
	for i, in := range kinds {
		for j, out := range kinds {
			for k, err := range kinds {
				u := users[random.IntN(len(users))]
				t.Run(fmt.Sprintf("%s,%s,%s", in, out, err), func(t *testing.T) {
					t.Parallel()
					p := start(t, cycle.NewStage(t, u), program, [3]kind{in, out, err})
					for l, w := range ways {
						if (i+j+k+l)%every == 0 {
							p.try(t, w)
						}
					}
				})
			}
		}
	}
}

// A pipe whose other end is closed is broken again, unless others are asked for.
func TestBroken(t *testing.T) {
	cycle.Need(t, "gcc")
	program := cycle.Compile(t, filepath.Join("programs", "still.c"), "-static", "-nostdlib", "-nostartfiles")
	for n := range 3 {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			t.Parallel()
			has := [3]kind{file, file, file}
			has[n] = broken
			p := start(t, cycle.NewStage(t, cycle.Users()[0]), program, has)
			for _, w := range ways {
				p.try(t, w)
			}
		})
	}
}

// try resumes the program in one way, and looks at its descriptors.
func (p *program) try(t *testing.T, w way) {
	t.Helper()
	want := [3]outcome{}
	isRefused := false
	for n, k := range p.has {
		want[n] = w.rule(n, k)
		isRefused = isRefused || want[n] == refused
	}
	r := p.resume(t, w)
	defer r.close()
	defer func() {
		if t.Failed() {
			t.Fatalf("that was %s, as %s; it says %s", w.name, p.User.Name, r.said())
		}
	}()
	if isRefused {
		if status := r.status(t); status != 4 || !strings.Contains(r.said(), "another process") {
			t.Errorf("not refused: status %d", status)
		}
		return
	}
	pid := r.program(t)
	for n := range want {
		p.check(t, pid, n, want[n], r)
	}
	p.checkSharing(t, pid, want, r)
	r.end(t, pid)
	r.checkHarm(t)
}
