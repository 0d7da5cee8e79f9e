// What can be seen of a process from outside, to compare before and after.

package cycle

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// Appearance is what a snapshot must not change: what is mapped and open, at
// which offset, what is done about signals and which are pending, threads,
// children.
type Appearance map[string]string

// Look takes it. It is for a process that does nothing but wait.
func Look(t *testing.T, pid int) Appearance {
	t.Helper()
	dir := fmt.Sprintf("/proc/%d", pid)
	a := Appearance{}
	read := func(name string) string {
		b, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatalf("look at a process: %v", err)
		}
		return string(b)
	}
	list := func(name string) (names []string) {
		entries, err := os.ReadDir(filepath.Join(dir, name))
		if err != nil {
			t.Fatalf("look at a process: %v", err)
		}
		for _, e := range entries {
			names = append(names, e.Name())
		}
		return names
	}
	a["maps"] = read("maps")
	a["children"] = fmt.Sprint(Children(pid))
	a["threads"] = fmt.Sprint(list("task"))
	a["status"] = lines(read("status"), "Name", "Umask", "TracerPid", "Uid", "Gid", "FDSize", "SigPnd",
		"ShdPnd", "SigBlk", "SigIgn", "SigCgt", "CapEff", "Seccomp", "NoNewPrivs", "Cpus_allowed")
	a["limits"] = read("limits")
	for _, fd := range list("fd") {
		link, err := os.Readlink(filepath.Join(dir, "fd", fd))
		if err != nil {
			t.Fatalf("look at a process: %v", err)
		}
		a["fd "+fd] = link + "\n" + lines(read("fdinfo/"+fd), "pos", "flags", "lock", "sigmask", "tfd", "inotify", "eventfd-count")
	}
	return a
}

// lines picks those of a text that begin with one of the names.
func lines(text string, names ...string) string {
	var kept []string
	for line := range strings.Lines(text) {
		name := strings.FieldsFunc(line, func(r rune) bool { return r == ':' || r == ' ' })
		if len(name) > 0 && slices.Contains(names, name[0]) {
			kept = append(kept, line)
		}
	}
	return strings.Join(kept, "")
}

// Changes says what is different in b, nothing if it is the same.
func (a Appearance) Changes(b Appearance) string {
	var changes []string
	for name, was := range a {
		if is := b[name]; is != was {
			changes = append(changes, name+":\n"+difference(was, is))
		}
	}
	for name, is := range b {
		if _, ok := a[name]; !ok {
			changes = append(changes, fmt.Sprintf("%s is new:\n%s", name, is))
		}
	}
	slices.Sort(changes)
	return strings.Join(changes, "\n")
}

// difference lists the lines that are only in was, or only in is.
func difference(was, is string) string {
	var text strings.Builder
	only := func(sign, in, out string) {
		for line := range strings.Lines(in) {
			if !strings.Contains("\n"+out+"\n", "\n"+strings.TrimSuffix(line, "\n")+"\n") {
				fmt.Fprintf(&text, "%s %s\n", sign, strings.TrimSuffix(line, "\n"))
			}
		}
	}
	only("-", was, is)
	only("+", is, was)
	return text.String()
}
