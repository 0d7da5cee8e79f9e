// The debuggers that core files are for, on the image of a program that runs.

package ways

import (
	"context"
	"maps"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"snappipe/tests/process/cycle"
)

// holds sees that a text has all of the parts.
func holds(t *testing.T, text string, parts ...string) {
	t.Helper()
	for _, part := range parts {
		if !strings.Contains(text, part) {
			t.Errorf("there is no %q in:\n%s", part, text)
		}
	}
}

// gdb shows threads by their names, their stacks, registers, and memory.
func TestGDB(t *testing.T) {
	cycle.Need(t, "gdb")
	asEach(t, func(t *testing.T, c *counter) {
		c.run(t, "snapcat --raw process:$1 > core")
		out, err := exec.Command("gdb", "-nx", "-batch",
			"-ex", "info threads", "-ex", "thread apply all backtrace", "-ex", "print marker",
			"-ex", "print count > 3", "-ex", "print $rip != 0", c.program, c.Path("core")).CombinedOutput()
		if err != nil {
			t.Fatalf("gdb: %v\n%s", err, out)
		}
		holds(t, string(out), `"what a debugger finds"`, "$2 = 1", "$3 = 1", "main ()", "count_up ()")
		if n := strings.Count(string(out), "wait_here ()"); n < 2 {
			t.Errorf("%d threads wait, not 2:\n%s", n, out)
		}
		if n := strings.Count(string(out), "LWP "); n < 3 {
			t.Errorf("%d threads, not 3:\n%s", n, out)
		}
	})
}

// Each process of a tree has a core file of its own, also one that has the memory of
// another.
func TestGDBOfEach(t *testing.T) {
	cycle.Need(t, "gcc")
	cycle.Need(t, "gdb")
	program := cycle.Compile(t, filepath.Join("testdata", "family.c"), "-g", "-O0")
	for _, u := range cycle.Users() {
		t.Run(u.Name, func(t *testing.T) {
			c := onStage(t, u, program, "family")
			c.Process = c.Start(t, c.program, c.Dir)
			c.Await(t, c.Process, "ready")
			facts := c.run(t, "snapcat process:$1 | snapverify > img && snapresume --to file:all img && snapverify --check img")
			seen := map[string]string{}
			for _, at := range coreFile.FindAllStringSubmatch(facts, -1) {
				c.run(t, "tail -c +$(( "+at[1]+" + 1 )) all > core")
				out, err := exec.Command("gdb", "-nx", "-batch", "-ex", "backtrace", "-ex", "print marker", c.program, c.Path("core")).CombinedOutput()
				if err != nil {
					t.Fatalf("gdb: %v\n%s", err, out)
				}
				seen[waits.FindString(string(out))] = marker.FindString(string(out))
			}
			want := map[string]string{
				"wait_as_first": `"what a debugger finds"`, "wait_as_sharer": `"what a debugger finds"`,
				"wait_as_child": `"What a debugger finds"`,
			}
			if !maps.Equal(seen, want) {
				t.Errorf("gdb sees %v, want %v; the facts are\n%s", seen, want, facts)
			}
		})
	}
}

var (
	coreFile = regexp.MustCompile(`core file at (\d+)`)
	waits    = regexp.MustCompile(`wait_as_\w+`)
	marker   = regexp.MustCompile(`"[Ww]hat a debugger finds"`)
)

// delve builds the debugger, which has a module file of its own, so that what
// it is made of is no concern of the tools.
func delve(t *testing.T, dir string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	dlv := filepath.Join(dir, "dlv")
	build := exec.CommandContext(ctx, "go", "build", "-modfile=delve.mod", "-o", dlv, "github.com/go-delve/delve/cmd/dlv")
	if out, err := build.CombinedOutput(); err != nil {
		t.Skipf("SKIPPED %s: Delve cannot be built, is there a network? %v\n%s", t.Name(), err, out)
	}
	return dlv
}

// Delve shows goroutines, their stacks and variables.
func TestDelve(t *testing.T) {
	dir := t.TempDir()
	dlv := delve(t, dir)
	program := filepath.Join(dir, "waits")
	build := exec.Command("go", "build", "-gcflags=all=-N -l", "-o", program, "testdata/waits.go")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, u := range cycle.Users() {
		t.Run(u.Name, func(t *testing.T) {
			c := onStage(t, u, program, "waits")
			c.Process = c.Start(t, c.program, c.Path("ready"))
			c.Await(t, c.Process, "ready")
			c.run(t, "snapcat --raw process:$1 > core")
			cmd := exec.Command(dlv, "core", c.program, c.Path("core"), "--allow-non-terminal-interactive", "--check-go-version=false")
			cmd.Stdin = strings.NewReader("goroutines -t\nthreads\nregs\nprint main.marker\nprint len(main.squares)\nexit\n")
			out, err := cmd.CombinedOutput()
			if err != nil {
				t.Fatalf("dlv: %v\n%s", err, out)
			}
			holds(t, string(out), "main.waitHere", "main.main", `"what a debugger finds"`, "1000", "Rip = 0x")
		})
	}
}
