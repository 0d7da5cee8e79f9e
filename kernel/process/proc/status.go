// /proc/PID/status and /proc/PID/stat; see proc_pid_status(5) and
// proc_pid_stat(5).

package proc

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// Status is what /proc/PID/status says.
type Status struct {
	fields map[string]string
}

// ReadStatus reads it, of a process or a thread.
func ReadStatus(pid int) (Status, error) {
	b, err := read(pid, "status")
	if err != nil {
		return Status{}, err
	}
	s := Status{make(map[string]string, 64)}
	for line := range strings.Lines(string(b)) {
		name, value, _ := strings.Cut(line, ":")
		s.fields[name] = strings.TrimSpace(value)
	}
	return s, nil
}

// Get returns a field, "" if this kernel doesn't have it.
func (s Status) Get(name string) string { return s.fields[name] }

// Int returns a decimal field, 0 if this kernel doesn't have it.
func (s Status) Int(name string) int {
	n, _ := strconv.Atoi(s.fields[name])
	return n
}

// Bytes returns a field that is shown in kB: VmSize, VmLck.
func (s Status) Bytes(name string) uint64 { return kilobytes(s.fields[name]) }

// Bits returns a field in the given base: signal masks and capabilities are
// hexadecimal, Umask is octal.
func (s Status) Bits(name string, base int) uint64 {
	n, _ := strconv.ParseUint(s.fields[name], base, 64)
	return n
}

// Capabilities are the sets of capabilities(7).
func (s Status) Capabilities() (inheritable, permitted, effective, bounding, ambient uint64) {
	return s.Bits("CapInh", 16), s.Bits("CapPrm", 16), s.Bits("CapEff", 16), s.Bits("CapBnd", 16), s.Bits("CapAmb", 16)
}

// Numbers returns a field of several decimal numbers: Uid, Gid, Groups, NSpid.
func (s Status) Numbers(name string) []int {
	var all []int
	for f := range strings.FieldsSeq(s.fields[name]) {
		if n, err := strconv.Atoi(f); err == nil {
			all = append(all, n)
		}
	}
	return all
}

// Innermost returns an ID as the process itself sees it, in its own PID namespace: the
// last of NSpid, NSpgid or NSsid; 0 if that is not shown.
func (s Status) Innermost(name string) int {
	ids := s.Numbers(name)
	if len(ids) == 0 {
		return 0
	}
	return ids[len(ids)-1]
}

// InnerID returns the ID that a process or thread has in its own PID namespace, or
// the one given if that is not to be found.
func InnerID(id int) int {
	s, err := ReadStatus(id)
	if err != nil {
		return id
	}
	if inner := s.Innermost("NSpid"); inner != 0 {
		return inner
	}
	return id
}

// Stat is what /proc/PID/stat says.
type Stat struct {
	Comm   string
	fields []string // from the third on
}

// ReadStat reads it.
func ReadStat(pid int) (Stat, error) {
	return readStat(pid, "stat")
}

// ReadThreadStat is that of one thread of a process. Of what is the whole process's it
// has the thread's, which the kernel need not add up.
func ReadThreadStat(pid, tid int) (Stat, error) {
	return readStat(pid, "task/"+strconv.Itoa(tid)+"/stat")
}

func readStat(pid int, name string) (Stat, error) {
	b, err := read(pid, name)
	if err != nil {
		return Stat{}, err
	}
	// The name is in parentheses, and may hold any of them and spaces too.
	text := string(b)
	open, end := strings.IndexByte(text, '('), strings.LastIndexByte(text, ')')
	if open < 0 || end < open {
		return Stat{}, fmt.Errorf("%s holds %q", path(pid, name), text)
	}
	s := Stat{Comm: text[open+1 : end], fields: strings.Fields(text[end+1:])}
	if len(s.fields) < 50 {
		return Stat{}, fmt.Errorf("%s has %d fields", path(pid, name), len(s.fields)+2)
	}
	return s, nil
}

// AtWork reports whether a thread of a process is running or about to.
func AtWork(pid, tid int) bool { return inState(pid, tid, 'R') }

// Uninterruptible reports whether a thread of a process waits for something that no
// signal ends.
func Uninterruptible(pid, tid int) bool { return inState(pid, tid, 'D') }

func inState(pid, tid int, state byte) bool {
	b, err := read(pid, "task/"+strconv.Itoa(tid)+"/stat")
	end := bytes.LastIndexByte(b, ')') // of the name, which may hold anything
	return err == nil && bytes.HasPrefix(b[end+1:], []byte{' ', state})
}

// Exiting reports whether a thread is on its way out, or gone. From then on it
// has no files, no namespaces and no tracer, whatever else is there of it
// (kernel/exit.c: do_exit).
func Exiting(tid int) bool {
	const flags, exiting = 9, 0x4 // PF_EXITING, include/linux/sched.h
	s, err := ReadStat(tid)
	return err != nil || s.Field(flags)&exiting != 0
}

// State is the letter of the third field: R, S, D, Z, T, t, X, I.
func (s Stat) State() byte { return s.fields[0][0] }

// Parent, Group and Session are process IDs.
func (s Stat) Parent() int  { return int(s.Field(4)) }
func (s Stat) Group() int   { return int(s.Field(5)) }
func (s Stat) Session() int { return int(s.Field(6)) }

// Terminal is the number of the controlling terminal, as TIOCGDEV has it, or 0, and
// Foreground the process group in its foreground.
func (s Stat) Terminal() int   { return int(s.Field(7)) }
func (s Stat) Foreground() int { return int(s.Field(8)) }

// HasEnded reports whether it has, of which the parent may not know yet.
func (s Stat) HasEnded() bool { return s.State() == 'Z' || s.State() == 'X' }

// ExitSignal is what a process sends its parent when it ends; 0 if nothing.
func (s Stat) ExitSignal() int { return int(s.Field(38)) }

// ExitStatus is what wait(2) says of a process that has ended. The kernel shows it
// to who may trace the process.
func (s Stat) ExitStatus() unix.WaitStatus { return unix.WaitStatus(s.Field(52)) }

// Started is when a process did.
func Started(s Stat) (time.Time, error) {
	const start, perSecond = 22, 100 // USER_HZ, which clock ticks are counted in everywhere
	var now unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_BOOTTIME, &now); err != nil {
		return time.Time{}, err
	}
	ago := time.Duration(now.Nano()) - time.Duration(s.Field(start))*(time.Second/perSecond)
	return time.Now().Add(-ago), nil
}

// Field returns a numeric field by its number in the manual page, from 4 on.
func (s Stat) Field(n int) int64 {
	if n-3 >= len(s.fields) {
		return 0
	}
	v, err := strconv.ParseInt(s.fields[n-3], 10, 64)
	if err != nil {
		// Addresses are unsigned; the caller converts back.
		u, _ := strconv.ParseUint(s.fields[n-3], 10, 64)
		return int64(u)
	}
	return v
}

// Children returns the live and zombie children of all threads of a process.
func Children(pid int) ([]int, error) {
	tids, err := Tasks(pid)
	if err != nil {
		return nil, err
	}
	var all []int
	for _, tid := range tids {
		some, err := ChildrenOf(pid, tid)
		if err != nil {
			return childrenByParent(pid) // no CONFIG_PROC_CHILDREN, or the thread is gone
		}
		all = append(all, some...)
	}
	return all, nil
}

// ChildrenOf returns those of one thread.
func ChildrenOf(pid, tid int) (all []int, err error) {
	b, err := read(pid, "task/"+strconv.Itoa(tid)+"/children")
	for f := range strings.FieldsSeq(string(b)) {
		if n, err := strconv.Atoi(f); err == nil {
			all = append(all, n)
		}
	}
	return all, err
}

func childrenByParent(pid int) ([]int, error) {
	pids, err := Processes()
	if err != nil {
		return nil, err
	}
	var all []int
	for _, p := range pids {
		if s, err := ReadStat(p); err == nil && s.Parent() == pid {
			all = append(all, p)
		}
	}
	return all, nil
}
