// What is looked at before the program is stopped: whether it can be taken at
// all, and what takes long to read.

package capture

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"time"

	"snappipe/kernel"
	"snappipe/kernel/process/proc"
	"snappipe/kernel/process/ptrace"

	"golang.org/x/sys/unix"
)

// survey is what it finds.
type survey struct {
	maps   map[uint64]proc.Map // by start, with flags
	ends   map[uint64]proc.Map // by end
	status proc.Status
	stat   proc.Stat
	// namespaced is set if the process has other IDs in its own PID namespace.
	namespaced bool
	executing  bool              // a program, and the kernel has not mapped all of it yet
	namespaces []string          // of the root
	comms      map[int]string    // names of threads
	policies   map[uint64]string // of mappings, by start, as /proc shows them
}

// survey refuses what can't be taken, by name and before it is touched. What can
// change until it is stopped is checked again then.
func (t *tree) survey() (err error) {
	if t.store, err = newStore(); err != nil {
		return err
	}
	for _, step := range []func() error{t.surveyAll, t.checkOthers, t.surveyOpen, t.checkOthers} {
		if err := step(); err != nil {
			return err
		}
	}
	var threads, files, maps int
	for _, c := range t.members {
		threads += len(c.before.comms)
		files += c.opener.Descriptors()
		maps += len(c.before.maps)
	}
	if err := warmUp(len(t.members), threads, files, maps); err != nil {
		return err
	}
	t.dry.WarmLocks()
	return t.fault(FaultSurveyed)
}

// surveyOpen looks at what is open. What several processes do meanwhile makes for looks
// that fit nothing: one has ended, a file was closed, an end of a pipe has gone to a
// child that a list of children did not have yet (proc_pid_task_children(5)). So what
// is refused is believed when it is so twice, or at once of a process that is alone, and
// nobody has come or gone meanwhile. If it is another thing each time, what is so when all
// stand still will tell.
func (t *tree) surveyOpen() error {
	const pause = 2 * time.Millisecond
	said := ""
	for range 10 {
		alone, moves := len(t.members) == 1, t.moves
		err := t.surveyFiles()
		if err == nil {
			err = t.each((*member).readComms)
		}
		if err == nil {
			return nil
		}
		t.leaveEnding()
		if err := t.surveyAll(); err != nil {
			return err
		}
		calm := t.moves == moves && !errors.Is(err, unix.EBADF)
		if calm && (alone || err.Error() == said) {
			return err
		}
		if said = ""; calm {
			said = err.Error()
		}
		time.Sleep(pause)
	}
	return nil
}

// survey looks at one process. What it finds is not of one moment: of a program that
// is being executed it may be half of that before, and half of the new one.
func (c *member) survey() (err error) {
	if c.surveyed {
		return nil
	}
	const tries, longer, pause = 3, 100, 2 * time.Millisecond
	for try := 1; ; try++ {
		c.closeMemory()
		c.before = survey{}
		if err = c.surveyOnce(); err == nil || try >= longer || try >= tries && !c.before.executing {
			break
		}
		time.Sleep(pause)
	}
	c.surveyed = err == nil
	return err
}

// surveyOnce ends with what may warn, which is to be said once.
func (c *member) surveyOnce() error {
	for _, check := range []func() error{
		c.checkExists, c.checkProgram, c.checkTraced, c.openMemory,
		c.checkNamespaces, c.checkRoot, c.checkShared, c.checkScheduling, c.checkMaps, c.checkSeccomp,
	} {
		if err := check(); err != nil {
			return err
		}
	}
	return nil
}

func (c *member) checkExists() (err error) {
	c.before.stat, err = proc.ReadStat(c.pid)
	if errors.Is(err, fs.ErrNotExist) {
		return kernel.Refuse(fmt.Sprintf("process %d", c.pid), "", "there is no such process")
	}
	if err != nil {
		return err
	}
	if c.before.status, err = proc.ReadStatus(c.pid); err != nil {
		return err
	}
	if s := c.before.status; s.Int("Tgid") != c.pid {
		return kernel.Refuse(fmt.Sprintf("process %d", c.pid), fmt.Sprintf("take process %d", s.Int("Tgid")),
			"it is a thread of process %d, not a process", s.Int("Tgid"))
	}
	switch s := c.before.stat; {
	case s.HasEnded():
		if tids, err := proc.Tasks(c.pid); err == nil && len(tids) > 1 {
			return c.refuse("", "its main thread has ended, which a resume could not bring back")
		}
		return c.refuse("", "it has ended already")
	case c.before.status.Get("VmSize") == "":
		return c.refuse("", "it is a kernel thread")
	}
	return nil
}

// refuse is a refusal because of the process as a whole.
func (c *member) refuse(advice, reason string, a ...any) error {
	return kernel.Refuse(c.object(), advice, reason, a...)
}

// checkProgram refuses programs of another kind than this one's.
func (c *member) checkProgram() error {
	f, err := os.Open(fmt.Sprintf("/proc/%d/exe", c.pid))
	if errors.Is(err, fs.ErrPermission) {
		return c.refuseAccess()
	}
	if err != nil {
		return fmt.Errorf("%s: %w", c.object(), err)
	}
	defer f.Close()
	var ident [20]byte
	if _, err := f.ReadAt(ident[:], 0); err != nil {
		return fmt.Errorf("%s: reading its executable: %w", c.object(), err)
	}
	const class64, x86_64 = 2, 62
	if string(ident[:4]) == "\x7fELF" && (ident[4] != class64 || ident[18] != x86_64) {
		return c.refuse("", "it is not a 64-bit x86 program")
	}
	if strings.Contains(c.before.status.Get("x86_Thread_features"), "shstk") {
		return c.refuse("", "it has a shadow stack (CET), which can't be put back")
	}
	// LAM lets pointers carry data, untag_mask says which bits.
	if mask := c.before.status.Get("untag_mask"); mask != "" && mask != "0xffffffffffffffff" {
		return c.refuse("", "it has tagged addresses (ARCH_ENABLE_TAGGED_ADDR), which can't be put back")
	}
	return nil
}

func (c *member) refuseAccess() error {
	advice := "it has to run as your own user and be dumpable; or run this as root"
	if b, err := os.ReadFile("/proc/sys/kernel/yama/ptrace_scope"); err == nil && strings.TrimSpace(string(b)) != "0" {
		advice = "this system lets only root trace processes (kernel.yama.ptrace_scope)"
	}
	return c.refuse(advice, "tracing it is not permitted")
}

// checkTraced refuses one that has a tracer already: there is only one for each.
func (c *member) checkTraced() error {
	t := c.before.status.Int("TracerPid")
	if s, err := proc.ReadStatus(t); t == 0 || err == nil && c.has(s.Int("Tgid")) {
		return nil // or checkTracing is to say so of that one
	}
	return c.refuseTraced(t)
}

func (c *member) refuseTraced(by int) error {
	return c.refuse("end the debugger first", "it is being traced by process %d", by)
}

// checkTracing refuses tracers, which can't be resumed without what they traced.
func (t *tree) checkTracing() error {
	tracers := map[int]*member{}
	for _, c := range t.members {
		tids, err := proc.Tasks(c.pid)
		if err != nil && !proc.IsGone(err) {
			return fmt.Errorf("%s: %w", c.object(), err)
		}
		for _, tid := range tids {
			tracers[tid] = c
		}
	}
	pids, err := proc.Processes()
	if err != nil {
		return err
	}
	for _, pid := range pids {
		s, err := proc.ReadStatus(pid)
		if err != nil {
			continue // ended, or hidden
		}
		if c, ok := tracers[s.Int("TracerPid")]; ok {
			return c.refuse("", "it is tracing process %d", pid)
		}
	}
	return nil
}

func (c *member) checkSeccomp() error {
	mode := c.before.status.Int("Seccomp")
	if mode == 0 {
		return nil
	}
	const advice = "--force, as root, takes it without its filter"
	if !c.o.Force {
		return c.refuse(advice, "it runs under seccomp, and its filter could not be put back")
	}
	if os.Geteuid() != 0 {
		return c.refuse(advice, "it runs under seccomp, and only root can suspend that")
	}
	c.o.Warn(fmt.Sprintf("dropped: the seccomp filter of %s", c.object()))
	return nil
}

// openMemory also shows whether tracing is permitted at all.
func (c *member) openMemory() (err error) {
	c.mem, err = ptrace.OpenMemory(c.pid)
	if errors.Is(err, fs.ErrPermission) {
		return c.refuseAccess()
	}
	if err != nil {
		return fmt.Errorf("%s: opening its memory: %w", c.object(), err)
	}
	return nil
}

func (c *member) closeMemory() {
	if c.mem != nil {
		c.mem.Close()
		c.mem = nil
	}
}

// checkMaps refuses mappings of what is not memory, and finds the vdso.
func (c *member) checkMaps() error {
	// For both, the kernel looks at every page.
	beside := make(chan error, 1)
	go func() { beside <- c.notePolicies() }()
	maps, err := proc.Smaps(c.pid)
	if err = errors.Join(err, <-beside); err != nil {
		return fmt.Errorf("%s: %w", c.object(), err)
	}
	c.hideTracking(maps)
	c.before.maps = make(map[uint64]proc.Map, len(maps))
	c.before.ends = make(map[uint64]proc.Map, len(maps))
	for i := range maps {
		if err := c.checkMap(&maps[i]); err != nil {
			return err
		}
		c.before.maps[maps[i].Start] = maps[i]
		c.before.ends[maps[i].End] = maps[i]
	}
	c.landing, err = ptrace.FindLanding(maps, c.mem)
	if errors.Is(err, io.EOF) || errors.Is(err, unix.EIO) {
		return fmt.Errorf("%s: %w", c.object(), err) // it has executed another program meanwhile
	}
	if err != nil {
		c.before.executing = errors.Is(err, ptrace.ErrNoVDSO)
		return c.refuse("", "%v", err)
	}
	return nil
}

// readComms reads the names of threads, which takes as long as all else for
// each.
func (c *member) readComms() error {
	tids, err := proc.Tasks(c.pid)
	if err != nil {
		return fmt.Errorf("%s: %w", c.object(), err)
	}
	c.before.comms = make(map[int]string, len(tids))
	for _, tid := range tids {
		comm, err := proc.Comm(c.pid, tid)
		if err != nil && !proc.IsGone(err) {
			return fmt.Errorf("%s: %w", c.object(), err)
		}
		c.before.comms[tid] = comm
	}
	return nil
}

// innerID returns the ID that a thread has in the process's own PID namespace.
func (c *member) innerID(tid int) int {
	if !c.before.namespaced {
		return tid
	}
	return proc.InnerID(tid)
}

// ownGroup returns the ID that the process's group has in its own PID namespace, 0 if it
// is from outside of that.
func (c *member) ownGroup() int {
	id := c.before.stat.Group()
	if !c.before.namespaced {
		return id
	}
	status, err := proc.ReadStatus(c.pid)
	if err != nil {
		return id // it is gone, which is no matter before it was stopped
	}
	return status.Innermost("NSpgid")
}
