// The programs that are snapshotted, and how they are found to be unharmed.

package agent

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"snappipe/kernel/process/proc"

	"golang.org/x/sys/unix"
)

// program is a running program of testdata, which tells of disturbances.
type program struct {
	source string
	pid    int
	output string
}

func startProgram(t *testing.T, source string, args ...string) *program {
	t.Helper()
	dir := t.TempDir()
	bin := filepath.Join(dir, strings.TrimSuffix(source, ".c"))
	if out, err := exec.Command("gcc", "-O1", "-pthread", "-o", bin, "testdata/"+source).CombinedOutput(); err != nil {
		t.Fatalf("gcc: %v\n%s", err, out)
	}
	output, err := os.Create(filepath.Join(dir, "output"))
	if err != nil {
		t.Fatal(err)
	}
	defer output.Close()
	cmd := exec.Command(bin, args...)
	cmd.Stdout = output
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
	})
	p := &program{source, cmd.Process.Pid, output.Name()}
	p.await(t, 5)
	return p
}

// look is what can be seen of a program from outside.
type look struct {
	beat, disturbances int
	maps               []string
	fds, tasks         []int
	blocked            string
}

func (p *program) look(t *testing.T) look {
	t.Helper()
	var l look
	l.beat, l.disturbances, _ = p.line(t)
	maps, err := proc.Smaps(p.pid)
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range maps {
		l.maps = append(l.maps, fmt.Sprintf("%x-%x %d %s %s", m.Start, m.End, m.Prot, m.Path, m.VMFlags))
	}
	open, err := proc.OpenFDs(p.pid)
	if err != nil {
		t.Fatal(err)
	}
	defer open.Close()
	if l.fds, err = open.List(); err != nil {
		t.Fatal(err)
	}
	if l.tasks, err = proc.Tasks(p.pid); err != nil {
		t.Fatal(err)
	}
	status, err := proc.ReadStatus(p.pid)
	if err != nil {
		t.Fatal(err)
	}
	l.blocked = status.Get("SigBlk") + status.Get("SigPnd") + status.Get("ShdPnd") + status.Get("TracerPid")
	return l
}

// line is the last one of output: beats, disturbances, the last of those.
func (p *program) line(t *testing.T) (beat, disturbances int, last string) {
	t.Helper()
	b, err := os.ReadFile(p.output)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSuffix(string(b), "\n"), "\n")
	f := strings.SplitN(lines[len(lines)-1], " ", 3)
	if len(f) == 3 {
		fmt.Sscan(f[0], &beat)
		fmt.Sscan(f[1], &disturbances)
		last = f[2]
	}
	return beat, disturbances, last
}

// disturbances are those up to now, all of which the program has told of.
func (p *program) disturbances(t *testing.T) int {
	t.Helper()
	beat, _, _ := p.line(t)
	p.await(t, beat+2)
	_, n, _ := p.line(t)
	return n
}

// await waits for the program to reach a beat.
func (p *program) await(t *testing.T, want int) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(2 * time.Millisecond) {
		if beat, _, _ := p.line(t); beat >= want {
			return
		}
		if err := unix.Kill(p.pid, 0); err != nil || time.Now().After(deadline) {
			beat, _, last := p.line(t)
			stat, _ := proc.ReadStat(p.pid)
			t.Fatalf("the program is at beat %d, not %d; kill: %v; last disturbance: %s; stat: %+v", beat, want, err, last, stat)
		}
	}
}

// unharmed checks that the program goes on, and is as it was.
func (p *program) unharmed(t *testing.T, before look) {
	t.Helper()
	p.awaitAlone(t)
	beat, _, _ := p.line(t)
	p.await(t, beat+8)
	_, disturbances, last := p.line(t)
	if disturbances != before.disturbances {
		t.Errorf("the program was disturbed %d times, the last time by %s", disturbances-before.disturbances, last)
	}
	after := p.look(t)
	if !slices.Equal(before.maps, after.maps) {
		t.Errorf("mappings were\n%s\nand are\n%s", strings.Join(before.maps, "\n"), strings.Join(after.maps, "\n"))
	}
	if !slices.Equal(before.fds, after.fds) || !slices.Equal(before.tasks, after.tasks) || before.blocked != after.blocked {
		t.Errorf("it was %+v\nand is %+v", before, after)
	}
}

// awaitAlone waits for agents and twins to be gone.
func (p *program) awaitAlone(t *testing.T) {
	t.Helper()
	for deadline := time.Now().Add(5 * time.Second); ; time.Sleep(2 * time.Millisecond) {
		left := leftovers(p.pid)
		if len(left) == 0 {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("what is left: %s", strings.Join(left, ", "))
		}
	}
}

// leftovers are processes that a snapshot of pid has left: its children, and
// agents that this test started, which execute the same file.
func leftovers(pid int) (left []string) {
	pids, _ := proc.Processes()
	own, _, _ := proc.Link(os.Getpid(), "exe")
	for _, p := range pids {
		s, err := proc.ReadStat(p)
		if err != nil {
			continue
		}
		exe, _, _ := proc.Link(p, "exe")
		if s.Field(4) == int64(pid) || exe == own && p != os.Getpid() {
			left = append(left, fmt.Sprintf("%d (%s) %c", p, s.Comm, s.State()))
		}
	}
	return left
}
