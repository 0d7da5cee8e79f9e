// What snapresume says that it would do, and what it does.

package plan

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"snappipe/format"
	"snappipe/tests/process/cycle"
	"snappipe/tests/process/table"
)

func TestMain(m *testing.M) { cycle.Main(m) }

type action struct{ Does, What, How, Of string }

// actions are those of the image of a stage.
func actions(t *testing.T, s *cycle.Stage) []action {
	t.Helper()
	cmd := s.Tool("snapresume", "--list", "--json", "img")
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("snapresume --list: %v", err)
	}
	var said struct{ Plan []action }
	if err := json.Unmarshal(out, &said); err != nil {
		t.Fatal(err)
	}
	if again, err := s.Tool("snapresume", "--list", "--json", "img").Output(); err != nil || string(again) != string(out) {
		t.Errorf("it says something else the second time: %v", err)
	}
	return said.Plan
}

// All that a program has open, of most kinds, is said before: what snapresume opens,
// makes, removes, binds and connects to while it resumes it is on the list.
func TestTruth(t *testing.T) {
	cycle.Need(t, "gcc")
	if os.Geteuid() != 0 {
		t.Skip("the rows are tried as root")
	}
	for _, section := range table.Sections {
		switch section.Title {
		case "Files", "Pipes, sockets and other descriptors", "Memory":
		default:
			continue
		}
		for _, row := range section.Rows {
			if row.Refused+row.ResumeRefused+row.Missing+row.Unseen != "" || row.Terminal || row.Stopped || row.Meanwhile != nil || slices.Contains(row.Flags, "-m32") {
				continue
			}
			t.Run(row.Program, func(t *testing.T) { tryRow(t, row) })
		}
	}
}

func tryRow(t *testing.T, row table.Row) {
	s := cycle.NewStage(t, cycle.Root)
	source := filepath.Join("..", "table", "programs", row.Program+".c")
	program := cycle.Compile(t, source, append([]string{"-mno-red-zone"}, row.Flags...)...)
	if err := os.Link(program, s.Path(row.Program)); err != nil {
		t.Fatal(err)
	}
	variant := ""
	if row.Variants != nil {
		variant = row.Variants[0]
	}
	p := s.Start(t, s.Path(row.Program), s.Dir, variant)
	cycle.Until(t, "the program to be ready", func() bool { return s.Has("ready") || s.Has("result") || p.Ended() })
	if !s.Has("ready") {
		t.Skip("the program cannot have that here: " + s.Read(t, "result"))
	}
	if r := s.Snapshot(t, p.PID, row.Args...); !r.OK() {
		t.Fatalf("no snapshot: status %d, %s", r.Status, r.Text)
	}
	p.Kill()
	said := actions(t, s)
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	cmd := s.Tool("snapresume", append(row.ResumeArgs, "--check", "img")...)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	deeds := watch(t, cmd)
	if len(deeds) == 0 || !strings.Contains(out.String(), "would resume pid ") {
		t.Fatalf("it was not tried: %d deeds, %s", len(deeds), out.String())
	}
	for _, d := range deeds {
		if !own(s, d) && !isSaid(d, said) {
			t.Errorf("it did %s %q, writing %v, which is not on the list:\n%+v", d.call, d.what, d.writes, said)
		}
	}
}

// own are deeds that any image has done: of the tool itself.
func own(s *cycle.Stage, d deed) bool {
	switch {
	case d.what == s.Path("img"), d.what == s.Dir && d.call == "chdir":
		return true
	case strings.HasPrefix(d.what, "/proc/"), strings.HasPrefix(d.what, "/sys/"):
		return !strings.Contains(d.what, "/sys/kernel/") || !d.writes
	case d.what == "an address of family 16": // netlink, to ask which interfaces there are
		return true
	case d.what == "/dev/null", d.what == "/dev/tty":
		return d.call == "open"
	case !d.writes:
		// The list of processes says who has an ID that is not free yet.
		return strings.HasPrefix(d.what, "/etc/") || strings.HasPrefix(d.what, "/usr/share/zoneinfo") || d.what == "/" || d.what == "/proc"
	}
	return false
}

// isSaid reports whether a deed is on the list.
func isSaid(d deed, said []action) bool {
	for _, a := range said {
		same := a.What == d.what || strings.HasSuffix(d.what, "/"+a.What) // a socket of a relative path
		switch d.call {
		case "bind", "unlink":
			if same && a.Does == "bind" {
				return true
			}
		case "connect":
			if same && (a.Does == "connect" || a.Does == "bind" || a.Does == "listen") {
				return true
			}
		case "inotify_add_watch":
			if same && a.Does == "watch" {
				return true
			}
		case "open":
			switch {
			case !same:
			case !d.writes:
				return slices.Contains([]string{"open", "map", "execute", "enter", "watch", "bind", "make"}, a.Does)
			case a.Does == "make" && strings.Contains(a.How, "without a name"):
				return true
			case (a.Does == "open" || a.Does == "map" && strings.HasPrefix(a.How, "shared")) && strings.Contains(a.How, "writing"):
				return true
			}
		}
	}
	return false
}

// flat is an image that was changed by hand.
type flat struct{ *bytes.Reader }

func (f flat) Data() iter.Seq2[int64, int64] {
	return func(yield func(int64, int64) bool) { yield(0, f.Size()) }
}

// TestHostile has names in an image be what they can be at worst: they are shown, as they
// are, and do nothing to a terminal. Nothing is executed, opened or made for that.
func TestHostile(t *testing.T) {
	s := cycle.NewStage(t, cycle.Root)
	if os.Geteuid() != 0 {
		s = cycle.NewStage(t, cycle.Unprivileged)
	}
	const name, evil = "hostile-name-of-a-file-that-islong", `\u001b[2J\n\u202e\u009b;/../etc/sh`
	p := s.Start(t, "bash", "-c", `exec 3>>`+name+`; echo > ready; exec sleep 1000`)
	s.Await(t, p, "ready")
	cycle.Until(t, "sleep", func() bool {
		comm, err := os.ReadFile(fmt.Sprintf("/proc/%d/comm", p.PID))
		return err != nil || string(comm) == "sleep\n"
	})
	if r := s.Snapshot(t, p.PID); !r.OK() {
		t.Fatalf("no snapshot: status %d, %s", r.Status, r.Text)
	}
	p.Kill()
	edit(t, s, name, evil)

	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	var out bytes.Buffer
	cmd := s.Tool("snapresume", "--list", "img")
	cmd.Stdout = &out
	for _, d := range watch(t, cmd) {
		if d.writes && !own(s, d) || d.call == "bind" || d.call == "connect" {
			t.Errorf("it did %s %q to make a list", d.call, d.what)
		}
	}
	if strings.ContainsFunc(out.String(), func(r rune) bool { return r != '\n' && (r < ' ' || r > '~') }) {
		t.Errorf("it prints what a terminal acts on: %q", out.String())
	}
	if want := `would open "` + s.Dir + `/\x1b[2J\n\u202e\u009b;/../etc/sh": writing, appending`; !strings.Contains(out.String(), want) {
		t.Errorf("it does not say %s:\n%s", want, out.String())
	}
	listed, err := s.Tool("snapresume", "--list", "--json", "img").Output()
	if err != nil || strings.ContainsFunc(strings.TrimSuffix(string(listed), "\n"), func(r rune) bool { return r < ' ' || r > '~' }) {
		t.Errorf("as JSON: %v, %q", err, listed)
	}
	found := false
	for _, a := range actions(t, s) {
		found = found || a.Does == "open" && a.What == s.Dir+"/\x1b[2J\n\u202e\u009b;/../etc/sh"
	}
	if !found {
		t.Error("the path is not the same in JSON")
	}
}

// edit replaces a text in the image by one of the same length.
func edit(t *testing.T, s *cycle.Stage, was, is string) {
	t.Helper()
	if len(was) != len(is) {
		t.Fatalf("%d and %d bytes", len(was), len(is))
	}
	b, err := os.ReadFile(s.Path("img"))
	if err != nil {
		t.Fatal(err)
	}
	info, err := format.NewReader(bytes.NewReader(b)).Info()
	if err != nil {
		t.Fatal(err)
	}
	if out, err := s.Tool("snapresume", "--to", "file:flat", "img").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	all, err := os.ReadFile(s.Path("flat"))
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Contains(all, []byte(was)) {
		t.Fatalf("%s is not in the image", was)
	}
	var out bytes.Buffer
	w, err := format.NewWriter(&out, info)
	if err == nil {
		err = w.WriteImage(context.Background(), flat{bytes.NewReader(bytes.ReplaceAll(all, []byte(was), []byte(is)))})
	}
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(s.Path("img"), out.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
}
