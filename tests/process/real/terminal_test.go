// Programs that have others on pseudo-terminals of their own, and programs with jobs on a
// terminal of ours.

package real

import (
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"snappipe/tests/process/cycle"
)

// client prepares a program that speaks to a server, or is one, without what this test
// may be running in.
func client(s *cycle.Stage, name string, args ...string) *exec.Cmd {
	cmd := s.Command(name, args...)
	cmd.Env = slices.DeleteFunc(cmd.Env, func(v string) bool { return strings.HasPrefix(v, "TMUX") || strings.HasPrefix(v, "STY=") })
	// screen takes the first digit of a path for that of its process ID.
	cmd.Env = append(cmd.Env, "TERM=vt100", "SCREENDIR=screens", "PS1=prompt> ")
	return cmd
}

// says is what a client says at its end.
func says(t *testing.T, s *cycle.Stage, name string, args ...string) string {
	t.Helper()
	out, err := client(s, name, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", name, args, err, out)
	}
	return string(out)
}

// replaceServer takes a snapshot of a server that is nobody's child, kills it, and resumes
// it.
func replaceServer(t *testing.T, s *cycle.Stage, pid int) (resumed *cycle.Process, is int) {
	t.Helper()
	if r := s.Snapshot(t, pid); !r.OK() {
		t.Fatalf("no snapshot: status %d, %s", r.Status, r.Text)
	}
	id := cycle.InnerID(pid)
	cycle.End(t, pid)
	resumed = s.Resume(t)
	if is = cycle.Innermost(t, resumed, id); is == 0 {
		t.Fatalf("not resumed: status %d, %s", resumed.Status(t), resumed.Text())
	}
	return resumed, is
}

// A server of three shells, at one of which somebody was before and is again.
func TestTmux(t *testing.T) {
	cycle.Need(t, "tmux", "bash")
	asEach(t, func(t *testing.T, s *cycle.Stage) {
		socket := s.Path("socket")
		tmux := func(args ...string) string {
			return says(t, s, "tmux", append([]string{"-S", socket, "-f", "/dev/null"}, args...)...)
		}
		tmux("new-session", "-d", "-s", "work", "-x", "80", "-y", "24", "bash", "--norc")
		tmux("set-option", "-g", "assume-paste-time", "0") // what comes fast is keys all the same
		tmux("split-window", "-t", "work", "bash", "--norc")
		tmux("new-window", "-d", "-t", "work", "bash", "--norc")
		pid, err := strconv.Atoi(strings.TrimSpace(tmux("display-message", "-p", "#{pid}")))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { unix.Kill(pid, unix.SIGKILL) })
		panes := strings.Fields(tmux("list-panes", "-a", "-F", "#{pane_id}"))
		if len(panes) != 3 {
			t.Fatalf("there are panes %q", panes)
		}
		enter := func(pane, line, answer string) {
			t.Helper()
			tmux("send-keys", "-t", pane, line, "Enter")
			cycle.Until(t, answer+" in "+pane, func() bool { return strings.Contains(tmux("capture-pane", "-p", "-t", pane), answer) })
		}
		for i, p := range panes {
			enter(p, fmt.Sprintf("kept=$((%d*111)); sleep 1000 & echo set $((kept+1))", i+1), fmt.Sprint("set ", (i+1)*111+1))
		}
		for round := range 2 {
			tmux("send-keys", "-t", panes[0], "echo half a li") // which stays unread or is in the line that bash edits
			_, pid = replaceServer(t, s, pid)
			cycle.Until(t, "the server to answer", func() bool {
				return client(s, "tmux", "-S", socket, "has-session").Run() == nil
			})
			enter(panes[0], "ne", "half a line")
			for i, p := range panes {
				enter(p, fmt.Sprintf("clear; jobs; echo is $((kept+%d))", round+2), fmt.Sprint("is ", (i+1)*111+round+2))
				if shown := tmux("capture-pane", "-p", "-t", p); !strings.Contains(shown, "Running") {
					t.Errorf("its job is not there: %s", shown)
				}
			}
		}
		terminal := cycle.NewTerminal(t, s.User)
		attached := cycle.Launch(t, terminal.Take(client(s, "tmux", "-S", socket, "attach", "-t", panes[1])))
		terminal.Type(t, "echo back at $((kept*2))\r")
		terminal.Expect(t, "back at 444")
		terminal.Type(t, "\x02d")
		if status := attached.Status(t); status != 0 {
			t.Errorf("the client ended with status %d, %s", status, terminal.Text())
		}
		tmux("kill-server")
		cycle.Until(t, "the end of the server", func() bool { s := cycle.State(pid); return s == 0 || s == 'Z' })
	})
}

// enter are arguments for nsenter(1), by which a command has the PID namespace of a process.
func enter(t *testing.T, s *cycle.Stage, pid int) []string {
	t.Helper()
	args := []string{"--preserve-credentials", "--wd=" + s.Dir, "--target=" + strconv.Itoa(pid)}
	for _, n := range []struct{ name, option string }{{"user", "--user"}, {"pid", "--pid"}, {"mnt", "--mount"}} {
		theirs, err := os.Readlink(fmt.Sprintf("/proc/%d/ns/%s", pid, n.name))
		if err != nil {
			t.Fatal(err)
		}
		if ours, err := os.Readlink("/proc/self/ns/" + n.name); err != nil || ours != theirs {
			args = append(args, n.option)
		}
	}
	return args
}

func TestScreen(t *testing.T) {
	cycle.Need(t, "screen", "bash", "nsenter")
	asEach(t, func(t *testing.T, s *cycle.Stage) {
		says(t, s, "mkdir", "-m", "700", s.Path("screens"))
		says(t, s, "screen", "-c", "/dev/null", "-dmS", "work", "bash", "--norc")
		list := func() string {
			out, _ := client(s, "screen", "-ls").CombinedOutput() // its status says how many there are
			return string(out)
		}
		var found []string
		cycle.Until(t, "the server", func() bool {
			found = regexp.MustCompile(`(\d+)\.work`).FindStringSubmatch(list())
			return found != nil
		})
		pid, _ := strconv.Atoi(found[1])
		t.Cleanup(func() { unix.Kill(pid, unix.SIGKILL) })
		// at has somebody come back to it, type a line, see the answer, and go. That works
		// only where the server has the process ID by which screen looks for it.
		at := func(line, answer string) {
			t.Helper()
			terminal := cycle.NewTerminal(t, s.User)
			attached := cycle.Launch(t, terminal.Take(client(s, "nsenter", append(enter(t, s, pid), "screen", "-r", "work")...)))
			terminal.Expect(t, "prompt>")
			terminal.Type(t, line+"\r")
			terminal.Expect(t, answer)
			terminal.Type(t, "\x01d")
			if status := attached.Status(t); status != 0 {
				t.Errorf("the client ended with status %d, %s", status, terminal.Text())
			}
		}
		at("kept=$((6*7)); echo set $kept", "set 42")
		for i := range 2 {
			_, pid = replaceServer(t, s, pid)
			at(fmt.Sprintf("clear; echo is $((kept+%d))", i), fmt.Sprint("is ", 42+i))
		}
		says(t, s, "screen", "-S", "work", "-X", "quit")
		cycle.Until(t, "the end of the server", func() bool { s := cycle.State(pid); return s == 0 || s == 'Z' })
	})
}

// onTerminals drives a program on a terminal of ours, and on another each time that it is
// resumed.
type onTerminals struct {
	*cycle.Stage
	*cycle.Terminal
	program *cycle.Process
	pid     int // here, also if that is in a namespace
}

func playOn(t *testing.T, s *cycle.Stage, name string, args ...string) *onTerminals {
	t.Helper()
	p := &onTerminals{Stage: s, Terminal: cycle.NewTerminal(t, s.User)}
	p.program = cycle.Launch(t, p.Take(client(s, name, args...)))
	p.pid = p.program.PID
	return p
}

// enter types a line and waits for the answer.
func (p *onTerminals) enter(t *testing.T, line, answer string) {
	t.Helper()
	p.Type(t, line+"\r")
	p.Expect(t, answer)
}

// job types a command, and waits until it is in the foreground.
func (p *onTerminals) job(t *testing.T, line string) {
	t.Helper()
	shell := p.Foreground()
	p.Type(t, line+"\r")
	cycle.Until(t, line+" to be in the foreground", func() bool { return p.Foreground() != shell })
}

// suspend stops the job, and waits until the shell is in the foreground.
func (p *onTerminals) suspend(t *testing.T) {
	t.Helper()
	job := p.Foreground()
	p.Forget()
	p.Type(t, "\x1a") // ^Z
	p.Expect(t, "Stopped")
	p.Expect(t, "prompt>")
	if p.Foreground() == job {
		t.Error("the job is still in the foreground")
	}
}

func (p *onTerminals) replace(t *testing.T) {
	t.Helper()
	if r := p.Snapshot(t, p.pid); !r.OK() {
		t.Fatalf("no snapshot: status %d, %s", r.Status, r.Text)
	}
	id := cycle.InnerID(p.pid)
	p.program.Kill()
	p.Terminal = cycle.NewTerminal(t, p.User)
	p.program = p.ResumeOn(t, p.Terminal, "--same-pid")
	p.pid = cycle.Innermost(t, p.program, id)
}

// script writes down what is said to and by a shell, which is a job of another one.
func TestScript(t *testing.T) {
	cycle.Need(t, "script", "bash")
	asEach(t, func(t *testing.T, s *cycle.Stage) {
		p := playOn(t, s, "env", "SHELL=/bin/sh", "script", "-q", "-e", "-f", "-c", "PS1='prompt> ' bash --norc -i", s.Path("typescript"))
		p.Expect(t, "prompt>")
		p.enter(t, "kept=$((6*7)); echo set $kept", "set 42")
		for i := range 2 {
			p.replace(t)
			p.enter(t, fmt.Sprintf("echo is $((kept+%d))", i), fmt.Sprint("is ", 42+i))
		}
		p.Type(t, "exit 7\r")
		if status := p.program.Status(t); status != 7 {
			t.Errorf("status %d, not the shell's 7: %s", status, p.Text())
		}
		for _, line := range []string{"set 42", "is 42", "is 43"} {
			if written := s.Read(t, "typescript"); strings.Count(written, line+"\r\n") != 1 {
				t.Errorf("the typescript has %q other than once: %q", line, written)
			}
		}
	})
}

// A pager that man has started goes on where it was.
func TestMan(t *testing.T) {
	cycle.Need(t, "man", "less")
	asEach(t, func(t *testing.T, s *cycle.Stage) {
		var page strings.Builder
		page.WriteString(".TH PAGE 1\n.SH NAME\npage\n.nf\n")
		for i := range 200 {
			fmt.Fprintf(&page, "line %d of it\n", i)
		}
		s.Write(t, "page.1", page.String())
		p := playOn(t, s, "man", "-P", "less -X", "-l", s.Path("page.1"))
		p.Expect(t, "line 10 of it")
		for i := range 2 {
			p.replace(t)
			at := (i + 1) * 60
			p.enter(t, fmt.Sprintf("%dg", at), fmt.Sprintf("line %d of it", at))
		}
		p.Type(t, "q")
		if status := p.program.Status(t); status != 0 {
			t.Errorf("status %d: %s", status, p.Text())
		}
	})
}

// A shell with a job that runs, one that is stopped, and one that reads.
func TestBashOnTerminal(t *testing.T) {
	cycle.Need(t, "bash", "cat")
	asEach(t, func(t *testing.T, s *cycle.Stage) {
		p := playOn(t, s, "bash", "--norc", "-i")
		p.Expect(t, "prompt>")
		p.enter(t, "sleep 1001 & kept=$((6*7)); echo set $kept", "set 42")
		p.job(t, "cat")
		p.enter(t, "first", "first\r\nfirst")
		p.suspend(t)
		for i := range 2 {
			p.replace(t)
			p.enter(t, fmt.Sprintf("echo is $((kept+%d))", i), fmt.Sprint("is ", 42+i))
			p.Type(t, "jobs\r")
			p.Expect(t, "Running")
			p.Expect(t, "Stopped")
			p.job(t, "fg")
			p.enter(t, "again", "again\r\nagain")
			p.suspend(t)
		}
		p.job(t, "fg")
		p.enter(t, "last", "last\r\nlast")
		p.Type(t, "\x04")
		p.enter(t, "kill %1; wait; echo done $((kept))", "done 42")
		p.Type(t, "exit 5\r")
		if status := p.program.Status(t); status != 5 {
			t.Errorf("status %d, not the shell's 5: %s", status, p.Text())
		}
	})
}

// A Python program that drives another one, by a pseudo-terminal.
func TestPythonPty(t *testing.T) {
	python := interpreter(t)
	asEach(t, func(t *testing.T, s *cycle.Stage) { works(t, s, python, script(t, s, "drive.py"), s.Dir) })
}

func TestExpect(t *testing.T) {
	cycle.Need(t, "expect", "bash")
	asEach(t, func(t *testing.T, s *cycle.Stage) { works(t, s, "expect", "-f", script(t, s, "drive.exp"), s.Dir) })
}
