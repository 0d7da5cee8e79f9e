// Each row, tried.

package table

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"snappipe/tests/process/cycle"
)

func TestMain(m *testing.M) { cycle.Main(m) }

// TestTable tries every row, as every user who can be tried, in two ways:
//
//	original  the program a snapshot was taken of, or refused, goes on
//	resumed   the program is killed and resumed from the image
func TestTable(t *testing.T) {
	cycle.Need(t, "gcc")
	for _, section := range Sections {
		for _, row := range section.Rows {
			for _, v := range row.variants() {
				tryRow(t, row, v)
			}
		}
	}
}

// variants are the arguments to try, one of which may be none.
func (r Row) variants() []string {
	if r.Variants == nil {
		return []string{""}
	}
	return r.Variants
}

// title is what a test of a variant is called.
func (r Row) title(variant string) string {
	if variant == "" {
		return r.Program
	}
	return r.Program + "-" + variant
}

// isFor reports whether a user can have such an object.
func (r Row) isFor(u cycle.User) bool {
	return r.Users == nil || slices.ContainsFunc(r.Users, func(w cycle.User) bool { return w.Name == u.Name })
}

func tryRow(t *testing.T, row Row, variant string) {
	t.Run(row.title(variant), func(t *testing.T) {
		for _, u := range cycle.Users() {
			if !row.isFor(u) {
				continue
			}
			t.Run(u.Name, func(t *testing.T) {
				t.Run("original", func(t *testing.T) {
					t.Parallel()
					play(t, row, variant, u).tryOriginal(t)
				})
				if row.Refused == "" || row.Forced != "" {
					t.Run("resumed", func(t *testing.T) {
						t.Parallel()
						play(t, row, variant, u).tryResumed(t)
					})
				}
			})
		}
	})
}

// performance is one run of a program, which is ready.
type performance struct {
	Row
	*cycle.Stage
	program *cycle.Process
}

// removeLeft removes what a program has left, killed before it could.
func (p *performance) removeLeft(t *testing.T) {
	for name, remove := range map[string]func(string) error{"segment": removeSegment, "semaphores": removeSemaphores} {
		if !p.Has(name) {
			continue
		}
		if err := remove(p.Dir); err != nil {
			t.Errorf("removing the %s: %v", name, err)
		}
	}
}

func play(t *testing.T, row Row, variant string, u cycle.User) *performance {
	t.Helper()
	p := &performance{Row: row, Stage: cycle.NewStage(t, u)}
	// No red zone: some programs push within assembly.
	program := cycle.Compile(t, filepath.Join("programs", row.Program+".c"), append([]string{"-mno-red-zone"}, row.Flags...)...)
	if slices.Contains(row.Flags, "-m32") {
		skipUnless32Bit(t, program)
	}
	// A link, since an executable can't be run while a copy of it is written.
	if err := os.Link(program, p.Path(row.Program)); err != nil {
		t.Fatal(err)
	}
	cmd := p.Command(p.Path(row.Program), p.Dir, variant)
	if slices.Contains(row.Flags, "-lm") {
		cmd.Env = append(cmd.Env, "LD_LIBRARY_PATH="+ownLibrary(t, p.Dir))
	}
	if row.Terminal {
		cmd = cycle.NewTerminal(t, u).Take(cmd)
	}
	p.program = p.Launch(t, cmd)
	t.Cleanup(func() {
		p.removeLeft(t)
		if t.Failed() {
			t.Logf("%v, its verdict: %q, its output: %q", p.program, p.Read(t, "result")+p.Read(t, "result.part"), p.Read(t, "output"))
		}
	})
	cycle.Until(t, "the program to be ready", func() bool {
		return p.Has("ready") || p.Has("result") || p.program.Ended()
	})
	p.skipIfUnable(t)
	if !p.Has("ready") {
		t.Fatalf("the program could not begin: %s%s", p.Read(t, "result"), p.Read(t, "output"))
	}
	if row.Stopped {
		p.awaitStop(t, p.program.PID)
	}
	return p
}

// tryOriginal sees that a snapshot, or its refusal, has not harmed the program.
func (p *performance) tryOriginal(t *testing.T) {
	var before cycle.Appearance
	if !p.Moves {
		before = settled(t, p.program.PID)
	}
	for range 2 { // what the first left behind, the second may stumble over
		report := p.Discard(t, p.program.PID, p.Args...)
		p.judge(t, report)
		if !p.Moves {
			unchanged(t, before, p.program.PID)
		}
	}
	p.finish(t, p.program, "original", p.program.PID)
}

// judge sees whether snapcat did what the table says.
func (p *performance) judge(t *testing.T, report cycle.Report) {
	t.Helper()
	if p.Missing != "" && p.Refused != "" {
		if report.Status[0] == 4 {
			t.Errorf("this is refused, and no longer missing: %s", report.Text)
		}
		return
	}
	if p.Refused == "" {
		if !report.OK() {
			t.Fatalf("no snapshot: status %d, %s", report.Status, report.Text)
		}
		if !regexp.MustCompile(p.Said).MatchString(report.Text) {
			t.Errorf("it does not say %q: %s", p.Said, report.Text)
		}
		return
	}
	if report.Status[0] != 4 {
		t.Errorf("not refused: status %d, %s", report.Status, report.Text)
	} else if !regexp.MustCompile(p.Refused).MatchString(report.Text) {
		t.Errorf("the refusal does not say %q: %s", p.Refused, report.Text)
	}
}

// settled waits until the program looks the same twice: a thread that it has
// just made may still be about to wait.
func settled(t *testing.T, pid int) cycle.Appearance {
	t.Helper()
	last := cycle.Look(t, pid)
	for range 100 {
		time.Sleep(2 * time.Millisecond)
		now := cycle.Look(t, pid)
		if last.Changes(now) == "" {
			return now
		}
		last = now
	}
	return last
}

// unchanged waits until the program looks as before: a moment after a signal
// it may not.
func unchanged(t *testing.T, before cycle.Appearance, pid int) {
	t.Helper()
	var changes string
	for range 100 {
		if changes = before.Changes(cycle.Look(t, pid)); changes == "" {
			return
		}
	}
	t.Errorf("the program has changed: %s", changes)
}

func (p *performance) tryResumed(t *testing.T) {
	args := p.Args
	if p.Forced != "" && args == nil {
		args = []string{"--force"}
	}
	if p.Again {
		p.judge(t, p.Discard(t, p.program.PID))
	}
	r := p.Snapshot(t, p.program.PID, args...)
	if p.lacks() && !r.OK() {
		return // and nobody takes it for an image
	}
	if !r.OK() {
		t.Fatalf("no snapshot: status %d, %s", r.Status, r.Text)
	}
	p.program.Kill()
	if p.Meanwhile != nil {
		if err := p.Meanwhile(p.Dir); err != nil {
			t.Fatal(err)
		}
	}
	args = p.ResumeArgs
	if p.SamePID {
		args = []string{"--same-pid"}
	}
	tool := p.resume(t, args...)
	if p.ResumeRefused != "" {
		if p.Missing != "" {
			t.Errorf("there is an image, which is no longer missing")
		}
		if status := tool.Status(t); status != 4 {
			t.Errorf("not refused: status %d, %s", status, tool.Text())
		} else if !regexp.MustCompile(p.ResumeRefused).MatchString(tool.Text()) {
			t.Errorf("the refusal does not say %q: %s", p.ResumeRefused, tool.Text())
		}
		return
	}
	pid := 0
	if p.Stopped {
		pid = cycle.Program(t, tool)
		p.awaitStop(t, pid)
	}
	if !p.lacks() {
		p.finish(t, tool, "resumed", pid)
		return
	}
	p.Write(t, "go", "resumed")
	if tool.Status(t) == 0 {
		t.Errorf("this is kept, and no longer missing")
	}
}

// resume starts snapresume on the image.
func (p *performance) resume(t *testing.T, args ...string) *cycle.Process {
	t.Helper()
	if p.Terminal {
		return p.ResumeOn(t, cycle.NewTerminal(t, p.User), args...)
	}
	return p.Resume(t, args...)
}

// lacks reports whether the row says that the object is lost.
func (r Row) lacks() bool { return r.Missing != "" || r.Unseen != "" }

// finish tells the program to go on, and asks for its verdict.
func (p *performance) finish(t *testing.T, runs *cycle.Process, as string, pid int) {
	t.Helper()
	p.Write(t, "go", as)
	if p.Stopped && pid != 0 {
		// snapresume stops with the program, and passes SIGCONT on.
		if err := unix.Kill(runs.PID, unix.SIGCONT); err != nil {
			t.Fatal(err)
		}
	}
	status := runs.Status(t)
	verdict := p.Read(t, "result")
	if verdict == "" {
		verdict = p.Read(t, "result.part")
	}
	if verdict != "ok" || status != 0 {
		t.Errorf("status %d, verdict %q\n%s%s", status, verdict, runs.Text(), p.Read(t, "output"))
	}
}

func (p *performance) awaitStop(t *testing.T, pid int) {
	t.Helper()
	cycle.Until(t, "the program to stop", func() bool { return cycle.State(pid) == 'T' })
}

func (p *performance) skipIfUnable(t *testing.T) {
	t.Helper()
	if reason, ok := strings.CutPrefix(p.Read(t, "result"), "SKIP: "); ok {
		t.Skip(reason)
	}
}

// skipUnless32Bit runs a 32-bit program, which ends at once without arguments.
func skipUnless32Bit(t *testing.T, program string) {
	t.Helper()
	if err := exec.Command(program).Run(); errors.Is(err, unix.ENOEXEC) {
		t.Skip("this kernel runs no 32-bit programs")
	}
}

// ownLibrary gives a stage its own copy of the mathematical library.
func ownLibrary(t *testing.T, dir string) string {
	t.Helper()
	out, err := exec.Command("gcc", "-print-file-name=libm.so.6").Output()
	if err != nil {
		t.Fatal(err)
	}
	lib := filepath.Join(dir, "lib")
	if err := os.Mkdir(lib, 0o755); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(strings.TrimSpace(string(out)))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(lib, "libm.so.6"), b, 0o644); err != nil {
		t.Fatal(err)
	}
	return lib
}
