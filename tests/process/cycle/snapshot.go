// The pipeline of the README, and its end.

package cycle

import (
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
)

// Report is what became of a run of tools.
type Report struct {
	Status []int // of each, in their order
	Text   string
}

// OK reports whether all of them did what they were asked to.
func (r Report) OK() bool {
	for _, s := range r.Status {
		if s != 0 {
			return false
		}
	}
	return true
}

// Tool prepares one of the four tools.
func (s *Stage) Tool(name string, args ...string) *exec.Cmd {
	return s.Command(bin+"/"+name, args...)
}

// Script prepares a shell script that finds the tools by their names. It fails
// if any command of a pipeline does.
func (s *Stage) Script(text string, args ...string) *exec.Cmd {
	cmd := s.Command("bash", append([]string{"-c", "set -o pipefail; " + text, "bash"}, args...)...)
	cmd.Env = append(cmd.Env, "PATH="+bin+":"+os.Getenv("PATH"))
	return cmd
}

// Snapshot does what a user would:
//
//	snapcat [ARGS] process:PID | snapcompress --codec s2 | snapverify > img
func (s *Stage) Snapshot(t *testing.T, pid int, args ...string) (r Report) {
	t.Helper()
	Again(func() string {
		img, err := os.Create(s.Path("img"))
		if err != nil {
			t.Fatal(err)
		}
		defer img.Close()
		r = s.pipeline(t, img,
			s.Tool("snapcat", append(args, "process:"+strconv.Itoa(pid))...),
			s.Tool("snapcompress", "--codec", "s2"),
			s.Tool("snapverify"))
		return r.Text
	})
	return r
}

// Again takes a snapshot, and tries again, four times at most, where what snapcat said,
// which is returned, is to do so: on a busy machine, a thread may not come to run within
// the second in which it is to stop.
func Again(snapshot func() (said string)) {
	for range 5 {
		said := snapshot()
		if !strings.Contains(said, "it does not stop") || !strings.Contains(said, "try again later") {
			return
		}
	}
}

// Discard takes a snapshot that nobody keeps.
func (s *Stage) Discard(t *testing.T, pid int, args ...string) (r Report) {
	t.Helper()
	null, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer null.Close()
	Again(func() string {
		r = s.pipeline(t, null, s.Tool("snapcat", append(args, "process:"+strconv.Itoa(pid))...))
		return r.Text
	})
	return r
}

// pipeline runs commands as a shell does, the last one's output going to out.
func (s *Stage) pipeline(t *testing.T, out *os.File, commands ...*exec.Cmd) Report {
	t.Helper()
	var running []*Process
	var from *os.File
	for i, cmd := range commands {
		if from != nil {
			cmd.Stdin = from
		}
		to, next := out, (*os.File)(nil)
		if i < len(commands)-1 {
			r, w, err := os.Pipe()
			if err != nil {
				t.Fatal(err)
			}
			to, next = w, r
		}
		cmd.Stdout = to
		running = append(running, Launch(t, cmd))
		if from != nil {
			from.Close()
		}
		if to != out {
			to.Close()
		}
		from = next
	}
	var r Report
	for _, p := range running {
		r.Status = append(r.Status, p.Status(t))
		r.Text += p.Text()
	}
	return r
}

// Resume starts snapresume on the image.
func (s *Stage) Resume(t *testing.T, args ...string) *Process {
	t.Helper()
	img, err := os.Open(s.Path("img"))
	if err != nil {
		t.Fatal(err)
	}
	defer img.Close()
	cmd := s.Tool("snapresume", args...)
	cmd.Stdin = img
	return Launch(t, cmd)
}

// ResumeOn starts snapresume on a terminal. The image is its argument, so that
// its input is the program's.
func (s *Stage) ResumeOn(t *testing.T, terminal *Terminal, args ...string) *Process {
	t.Helper()
	return Launch(t, terminal.Take(s.Tool("snapresume", append(args, s.Path("img"))...)))
}

// Program waits for the program that snapresume runs, and returns its PID, or
// 0 if snapresume has ended. Until then it traces all its children, but for the
// first moment of each, when they are called as it is.
func Program(t *testing.T, snapresume *Process) (pid int) {
	t.Helper()
	Until(t, "the resumed program", func() bool {
		for _, child := range Children(snapresume.PID) {
			if IsLetGo(child) {
				pid = child
			}
		}
		return pid != 0 || snapresume.Ended()
	})
	return pid
}

// InnerID is the ID that a process has in its own PID namespace, or 0 if it has ended.
func InnerID(pid int) int {
	b, _ := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/status")
	_, ids, _ := strings.Cut(string(b), "\nNSpid:")
	line, _, _ := strings.Cut(ids, "\n")
	words := strings.Fields(line)
	if len(words) == 0 {
		return 0
	}
	id, err := strconv.Atoi(words[len(words)-1])
	if err != nil {
		return 0
	}
	return id
}

// Innermost waits for the process that snapresume runs under an ID in its own PID
// namespace, which may be one below that of the test, and returns the PID that it has
// here, or 0 if snapresume has ended.
func Innermost(t *testing.T, snapresume *Process, id int) (pid int) {
	t.Helper()
	Until(t, "process "+strconv.Itoa(id)+" of the resumed program", func() bool {
		pid = innermost(snapresume.PID, id)
		return pid != 0 || snapresume.Ended()
	})
	return pid
}

func innermost(parent, id int) int {
	for _, child := range Children(parent) {
		if InnerID(child) == id && IsLetGo(child) {
			return child
		}
		if pid := innermost(child, id); pid != 0 {
			return pid
		}
	}
	return 0
}

// IsLetGo reports whether a process is one that snapresume has made, and let go. One
// that it has killed and is just reaping has no tracer any more, either, but is dead
// (kernel/exit.c: release_task).
func IsLetGo(pid int) bool {
	b, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/status")
	status := string(b)
	return err == nil && strings.Contains(status, "TracerPid:\t0\n") && !strings.Contains(status, "State:\tX") && !isTool(pid, status)
}

// isTool reports whether a process is snapresume still, or its guard.
func isTool(pid int, status string) bool {
	arguments, _ := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/cmdline")
	return strings.HasPrefix(status, "Name:\tsnapresume\n") || strings.HasPrefix(string(arguments), "snapresume-guard")
}
