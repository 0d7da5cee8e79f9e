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

// Appearance is what a snapshot must not change: all that can be read of a
// process, but for what changes by itself. What is "" could not be said just
// then.
type Appearance map[string]string

// texts are files below /proc/PID that are to stay as they are.
var texts = []string{
	"attr/current", "autogroup", "auxv", "cgroup", "cmdline", "comm", "coredump_filter", "environ", "gid_map", "limits",
	"loginuid", "maps", "oom_score_adj", "personality", "projid_map", "sessionid", "setgroups", "timers", "timerslack_ns", "uid_map",
}

// restless are the lines of /proc/PID/status that change by themselves, or with
// the memory that is there: the pages of a program are shared with its twin.
var restless = []string{
	"State", "SigQ", "VmPeak", "VmHWM", "VmRSS", "RssAnon", "RssFile", "RssShmem", "VmPTE", "VmSwap", "HugetlbPages",
	"voluntary_ctxt_switches", "nonvoluntary_ctxt_switches",
}

// Look takes it. It is for a process that does nothing but wait.
func Look(t *testing.T, pid int) Appearance {
	t.Helper()
	dir := fmt.Sprintf("/proc/%d", pid)
	a := Appearance{}
	for _, name := range texts {
		a[name] = text(filepath.Join(dir, name))
	}
	links := []string{"cwd", "root", "exe"}
	for _, name := range entries(t, dir, "ns") {
		links = append(links, "ns/"+name)
	}
	for _, name := range links {
		a[name], _ = os.Readlink(filepath.Join(dir, name))
	}
	a["mappings"] = only(text(dir+"/smaps"), "VmFlags", "KernelPageSize", "MMUPageSize", "ProtectionKey", "Locked")
	a["children"] = fmt.Sprint(Children(pid))
	threads := entries(t, dir, "task")
	a["threads"] = fmt.Sprint(threads)
	for _, tid := range threads {
		a.addThread(filepath.Join(dir, "task", tid))
	}
	for _, fd := range entries(t, dir, "fd") {
		a["fd "+fd], _ = os.Readlink(filepath.Join(dir, "fd", fd))
		a["fd "+fd+", as /proc has it"] = but(text(filepath.Join(dir, "fdinfo", fd)), "it_value")
	}
	a.addDescriptors(t, pid)
	return a
}

func (a Appearance) addThread(dir string) {
	status := text(filepath.Join(dir, "status"))
	name := "thread " + filepath.Base(dir)
	a[name+", status"] = but(status, restless...)
	a[name+", stopped"] = fmt.Sprint(strings.Contains(status, "\nState:\tT"))
	a[name+", name"] = text(filepath.Join(dir, "comm"))
	a[name+", place"] = place(text(filepath.Join(dir, "syscall")))
	a[name+", stat"] = settled(text(filepath.Join(dir, "stat")))
}

// place is where a thread waits: the last two fields of proc_pid_syscall(5). Its
// call may have become restart_syscall(2) meanwhile, with any arguments.
func place(syscall string) string {
	fields := strings.Fields(syscall)
	if len(fields) < 3 { // it is running
		return ""
	}
	return strings.Join(fields[len(fields)-2:], " ")
}

// settled are fields of proc_pid_stat(5) that do not change by themselves, by
// number: its family, its scheduling, its address space, the signal of its end.
func settled(stat string) string {
	// The name, in parentheses, may hold some.
	fields := strings.Fields(stat[strings.LastIndexByte(stat, ')')+1:]) // from number 3 on
	var kept []string
	for _, n := range []int{4, 5, 6, 7, 8, 18, 19, 20, 22, 23, 26, 27, 28, 38, 40, 41, 45, 46, 47, 48, 49, 50, 51} {
		if n-3 < len(fields) {
			kept = append(kept, fmt.Sprintf("%d: %s\n", n, fields[n-3]))
		}
	}
	return strings.Join(kept, "")
}

// text is "" where a kernel does not have such a file, or says EINVAL.
func text(path string) string {
	b, _ := os.ReadFile(path)
	return string(b)
}

func entries(t *testing.T, dir, name string) (names []string) {
	t.Helper()
	all, err := os.ReadDir(filepath.Join(dir, name))
	if err != nil {
		t.Fatalf("look at a process: %v", err)
	}
	for _, e := range all {
		names = append(names, e.Name())
	}
	return names
}

// only picks those lines that begin with one of the names, and but the others.
func only(text string, names ...string) string {
	return pick(text, func(name string) bool { return slices.Contains(names, name) })
}

func but(text string, names ...string) string {
	return pick(text, func(name string) bool { return !slices.Contains(names, name) })
}

func pick(text string, which func(name string) bool) string {
	var kept []string
	for line := range strings.Lines(text) {
		name := strings.FieldsFunc(line, func(r rune) bool { return r == ':' || r == ' ' })
		if len(name) > 0 && which(name[0]) {
			kept = append(kept, line)
		}
	}
	return strings.Join(kept, "")
}

// Changes says what is different in b, nothing if it is the same.
func (a Appearance) Changes(b Appearance) string {
	var changes []string
	for name, was := range a {
		if is, ok := b[name]; is != was && (!ok || is != "" && was != "") {
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
