// A resumed program as a job of a shell.

package stdio

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"snappipe/tests/process/cycle"
)

// repl is a program that reads a line and answers it.
type repl struct {
	command            []string
	prompt             string
	ask, answer, leave string // leave ends it with status 7
	jobs               bool   // it is a shell, which ^Z does not stop
}

var repls = map[string]repl{
	"python3": {command: []string{"/usr/bin/python3", "-q", "-i"}, prompt: ">>> ",
		ask: "print('is', 6*7)\r", answer: "is 42\r\n", leave: "import sys; sys.exit(7)\r"},
	"sqlite3": {command: []string{"sqlite3"}, prompt: "sqlite> ",
		ask: "select 'is ' || (6*7);\r", answer: "is 42\r\n", leave: ".exit 7\r"},
	"bash": {command: []string{"bash", "--norc", "--noprofile", "-i"}, prompt: "$ ",
		ask: "echo is $((6*7))\r", answer: "is 42\r\n", leave: "exit 7\r", jobs: true},
}

// shell starts an interactive shell that finds the tools.
func shell(t *testing.T, s *cycle.Stage, x *cycle.Terminal, command ...string) *cycle.Process {
	t.Helper()
	cmd := s.Command(command[0], command[1:]...)
	cmd.Env = append(cmd.Env, "PS1=shell: ", "TERM=dumb", "PATH="+filepath.Dir(s.Tool("snapresume").Path)+":"+os.Getenv("PATH"))
	p := cycle.Launch(t, x.Take(cmd))
	x.Expect(t, "shell: ")
	return p
}

var bash = []string{"bash", "--norc", "--noprofile", "-i"}

// asEach runs a test as every user.
func asEach(t *testing.T, test func(*testing.T, *cycle.Stage)) {
	for _, u := range cycle.Users() {
		t.Run(u.Name, func(t *testing.T) {
			t.Parallel()
			test(t, cycle.NewStage(t, u))
		})
	}
}

// save takes the image of a program that waits for input, and kills it.
func save(t *testing.T, s *cycle.Stage, p *cycle.Process) {
	t.Helper()
	var r cycle.Report
	cycle.Until(t, "a snapshot of "+p.String(), func() bool {
		time.Sleep(100 * time.Millisecond) // what it started may not have ended yet
		r = s.Snapshot(t, p.PID)
		return r.OK() || p.Ended() || !strings.Contains(r.Text, "child")
	})
	if !r.OK() {
		t.Fatalf("no snapshot: status %d, %s", r.Status, r.Text)
	}
	p.Kill()
}

// start starts it, has it answer once, and takes its image.
func (r *repl) start(t *testing.T, s *cycle.Stage) {
	t.Helper()
	x := cycle.NewTerminal(t, s.User)
	cmd := s.Command(r.command[0], r.command[1:]...)
	cmd.Env = append(cmd.Env, "PS1=$ ", "TERM=dumb") // one that nothing but text is sent to
	p := cycle.Launch(t, x.Take(cmd))
	x.Expect(t, r.prompt)
	x.Type(t, r.ask)
	x.Expect(t, r.answer+r.prompt)
	save(t, s, p)
}

// answers asks it something on a terminal where it is in the foreground, or
// will be.
func (r *repl) answers(t *testing.T, x *cycle.Terminal) {
	t.Helper()
	x.Forget()
	x.Type(t, r.ask)
	x.Expect(t, r.answer)
}

// A resumed program is a job of the shell like any other: it is stopped, goes
// on in the background and in the foreground, and its status is the shell's.
func TestJob(t *testing.T) {
	for name, r := range repls {
		t.Run(name, func(t *testing.T) {
			cycle.Need(t, "bash", r.command[0])
			asEach(t, func(t *testing.T, s *cycle.Stage) {
				r.start(t, s)
				options := ""
				if r.jobs {
					options = " --same-pid" // it remembers its process group
				}
				for _, how := range []string{"snapresume img", "snapresume < img", "cat img | snapresume", "sh -c 'snapresume img; exit $?'"} {
					x := cycle.NewTerminal(t, s.User)
					sh := shell(t, s, x, bash...)
					x.Type(t, strings.Replace(how, "snapresume", "snapresume"+options, 1)+"\r")
					r.awaitForeground(t, x, sh)
					r.answers(t, x)
					r.stopAndGoOn(t, x, sh)
					ends(t, x, sh, r.leave, "status 7.\r\n")
				}
			})
		})
	}
}

// ends types what makes a program end, and sees what the shell has of it.
func ends(t *testing.T, x *cycle.Terminal, sh *cycle.Process, leave, status string) {
	t.Helper()
	defer logForeground(t, x)
	x.Type(t, leave)
	cycle.Until(t, "the shell to be back", func() bool { return x.Foreground() == sh.PID })
	x.Type(t, "echo status $?.\r")
	x.Expect(t, status)
}

func logForeground(t *testing.T, x *cycle.Terminal) {
	if t.Failed() {
		t.Logf("process group %d, %s, is in the foreground, and the terminal shows %q", x.Foreground(), commOf(x.Foreground()), x.Text())
	}
}

// awaitForeground waits until the program has the terminal.
func (r *repl) awaitForeground(t *testing.T, x *cycle.Terminal, sh *cycle.Process) {
	t.Helper()
	defer logForeground(t, x)
	cycle.Until(t, r.command[0]+" in the foreground", func() bool {
		group := x.Foreground()
		return group != sh.PID && commOf(group) == filepath.Base(r.command[0])
	})
}

func (r *repl) stopAndGoOn(t *testing.T, x *cycle.Terminal, sh *cycle.Process) {
	t.Helper()
	if r.jobs {
		x.Forget()
		x.Type(t, "sleep 1000\r")
		cycle.Until(t, "the shell's own job", func() bool { return commOf(x.Foreground()) == "sleep" })
		x.Type(t, "\x1a")
		x.Expect(t, "Stopped")
		x.Type(t, "fg\r")
		cycle.Until(t, "the shell's own job", func() bool { return commOf(x.Foreground()) == "sleep" })
		x.Type(t, "\x03")
		cycle.Until(t, "the end of it", func() bool { return commOf(x.Foreground()) == "bash" })
		r.answers(t, x)
		return
	}
	for range 3 {
		x.Forget()
		x.Type(t, "\x1a")
		x.Expect(t, "Stopped")
		x.Expect(t, "shell: ")
		x.Type(t, "bg\r")
		x.Expect(t, " &\r\n")
		x.Type(t, "fg\r")
		r.awaitForeground(t, x, sh)
		r.answers(t, x)
		if x.Foreground() == sh.PID {
			t.Fatalf("it did not stay in the foreground: %q", x.Text())
		}
	}
}

// What is resumed in the background gets the terminal when the shell takes it
// into the foreground, though that says nothing to a job that runs.
func TestFromTheBackground(t *testing.T) {
	cycle.Need(t, "bash", "sqlite3")
	r := repls["sqlite3"]
	asEach(t, func(t *testing.T, s *cycle.Stage) {
		r.start(t, s)
		x := cycle.NewTerminal(t, s.User)
		sh := shell(t, s, x, bash...)
		x.Type(t, "snapresume img &\r")
		tool := 0
		cycle.Until(t, "snapresume", func() bool {
			for _, tool = range cycle.Children(sh.PID) {
				return len(cycle.Children(tool)) > 0
			}
			return false
		})
		x.Type(t, "fg\r")
		r.awaitForeground(t, x, sh)
		r.answers(t, x)
		x.Type(t, r.leave)
	})
}

// Where nobody manages jobs, ^Z does nothing, as for any program there.
func TestWithoutShell(t *testing.T) {
	cycle.Need(t, "sqlite3")
	r := repls["sqlite3"]
	asEach(t, func(t *testing.T, s *cycle.Stage) {
		r.start(t, s)
		x := cycle.NewTerminal(t, s.User)
		tool := s.ResumeOn(t, x)
		r.awaitForeground(t, x, tool)
		x.Type(t, "\x1a")
		time.Sleep(100 * time.Millisecond)
		r.answers(t, x)
		x.Type(t, r.leave)
		if status := tool.Status(t); status != 7 {
			t.Errorf("status %d, not 7", status)
		}
	})
}

const cooked = unix.ICANON | unix.ECHO

// The terminal is as it was when the program is gone, however it goes. It never
// has the modes that a shell gave it while the program was in the background.
func TestModes(t *testing.T) {
	cycle.Need(t, "bash", "gcc", "sqlite3")
	r := repls["sqlite3"]
	t.Run("killed", func(t *testing.T) {
		asEach(t, func(t *testing.T, s *cycle.Stage) {
			r.start(t, s)
			x := cycle.NewTerminal(t, s.User)
			before := x.Modes(t)
			sh := shell(t, s, x, "sh", "-i") // which leaves them alone, and bash does not
			x.Type(t, "snapresume img\r")
			r.awaitForeground(t, x, sh)
			if x.Modes(t)&cooked != 0 {
				t.Errorf("modes %#x, which are not those of the program", x.Modes(t))
			}
			if err := unix.Kill(x.Foreground(), unix.SIGKILL); err != nil {
				t.Fatal(err)
			}
			cycle.Until(t, "the shell", func() bool { return x.Foreground() == sh.PID })
			x.Type(t, "echo status $?.\r")
			x.Expect(t, "status 137.")
			if x.Modes(t) != before {
				t.Errorf("modes %#x, not %#x", x.Modes(t), before)
			}
		})
	})
	program := cycle.Compile(t, filepath.Join("programs", "still.c"), "-static", "-nostdlib", "-nostartfiles")
	t.Run("of the background", func(t *testing.T) {
		asEach(t, func(t *testing.T, s *cycle.Stage) {
			x := cycle.NewTerminal(t, s.User)
			sh := shell(t, s, x, bash...)
			x.Type(t, program+" &\r")
			x.Expect(t, "[1] ")
			cycle.Until(t, "the shell at its prompt", func() bool { return x.Modes(t)&cooked == 0 })
			pid := cycle.Children(sh.PID)[0]
			awaitStill(t, pid)
			if r := s.Snapshot(t, pid); !r.OK() {
				t.Fatalf("no snapshot: status %d, %s", r.Status, r.Text)
			}
			sh.Kill()
			y := cycle.NewTerminal(t, s.User)
			tool := s.ResumeOn(t, y)
			pid = cycle.Program(t, tool)
			cycle.Until(t, "it in the foreground", func() bool { return y.Foreground() == pid })
			if y.Modes(t)&cooked != cooked {
				t.Errorf("modes %#x are those of the shell that it was a job of", y.Modes(t))
			}
		})
	})
}

// A program that draws its screen draws it again, whatever the terminal's size.
func TestRedraw(t *testing.T) {
	for _, c := range []struct {
		command     []string
		shows, quit string
	}{
		{[]string{"less", "text"}, "the first line", "q"},
		{[]string{"vim.tiny", "-n", "-u", "NONE", "text"}, "the first line", ":q\r"},
		{[]string{"watch", "-n", "1000", "cat", "text"}, "the first line", "\x03"},
		{[]string{"htop", "-d", "100"}, "PID", "q"},
		{[]string{"top", "-d", "1000"}, "PID", "q"},
	} {
		t.Run(c.command[0], func(t *testing.T) {
			cycle.Need(t, "bash", c.command[0])
			asEach(t, func(t *testing.T, s *cycle.Stage) {
				s.Write(t, "text", "the first line\n"+strings.Repeat("and more\n", 50))
				x := cycle.NewTerminal(t, s.User)
				cmd := s.Command(c.command[0], c.command[1:]...)
				cmd.Env = append(cmd.Env, "TERM=xterm")
				p := cycle.Launch(t, x.Take(cmd))
				x.Expect(t, c.shows)
				save(t, s, p)
				for _, size := range [][2]uint16{{24, 80}, {30, 100}, {0, 0}} {
					x := cycle.NewTerminal(t, s.User)
					x.SetSize(t, size[0], size[1])
					sh := shell(t, s, x, bash...)
					x.Type(t, "snapresume img\r")
					x.Expect(t, c.shows)
					want := size
					if size == [2]uint16{} {
						want = [2]uint16{24, 80} // what it was, where nobody knows better
					}
					cycle.Until(t, fmt.Sprintf("the size to be %d", want), func() bool {
						rows, columns := x.Size(t)
						return [2]uint16{rows, columns} == want
					})
					awaitQuiet(t, x)
					ends(t, x, sh, c.quit, "status 0.\r\n")
				}
			})
		})
	}
}

// awaitQuiet waits until nothing more is drawn: less forgets a key that comes
// while it is told to draw once more.
func awaitQuiet(t *testing.T, x *cycle.Terminal) {
	t.Helper()
	last, since := x.Text(), time.Now()
	cycle.Until(t, "the screen to be done", func() bool {
		if now := x.Text(); now != last {
			last, since = now, time.Now()
		}
		return time.Since(since) > 300*time.Millisecond
	})
}

func commOf(pid int) string {
	b, _ := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/comm")
	return strings.TrimSpace(string(b))
}
