// The rows once more, each resumed twice in a row: what runs in a PID namespace has other
// IDs there than outside, and none of those outside may be in the second image.

package table

import (
	"testing"

	"snappipe/tests/process/cycle"
)

// TestAgain is for a user without rights, who gets the IDs of a program in a namespace
// only.
func TestAgain(t *testing.T) {
	cycle.Need(t, "gcc")
	users := cycle.Users()
	user := users[len(users)-1]
	seen := map[string]bool{} // rows differ in what happens meanwhile
	for _, section := range Sections {
		for _, row := range section.Rows {
			if !row.isKept() || !row.isFor(user) {
				continue
			}
			for _, v := range row.variants() {
				if seen[row.title(v)] {
					continue
				}
				seen[row.title(v)] = true
				t.Run(row.title(v), func(t *testing.T) {
					t.Parallel()
					play(t, row, v, user).tryAgain(t)
				})
			}
		}
	}
}

// isKept reports whether a program that has such an object is resumed with it.
func (r Row) isKept() bool { return r.Refused == "" && r.ResumeRefused == "" && !r.lacks() }

func (p *performance) tryAgain(t *testing.T) {
	id := cycle.InnerID(p.program.PID)
	tool, pid := p.program, p.program.PID
	for round := range 2 {
		if r := p.Snapshot(t, pid, p.Args...); !r.OK() {
			t.Fatalf("no snapshot %d: status %d, %s", round+1, r.Status, r.Text)
		}
		tool.Kill()
		if p.Meanwhile != nil && round == 0 {
			if err := p.Meanwhile(p.Dir); err != nil {
				t.Fatal(err)
			}
		}
		tool = p.resume(t, "--same-pid")
		if pid = cycle.Innermost(t, tool, id); pid == 0 {
			t.Fatalf("not resumed from image %d: status %d, %s", round+1, tool.Status(t), tool.Text())
		}
		if p.Stopped {
			p.awaitStop(t, pid)
		}
	}
	p.finish(t, tool, "resumed", pid)
}
