// This file says what a resume does with what is outside of the processes, from the
// headers of the image alone: it opens and makes nothing. What is open says so
// itself (package object).

package restore

import (
	"fmt"
	"strings"

	"golang.org/x/sys/unix"

	"snappipe/kernel"
	"snappipe/kernel/process/object"
	"snappipe/kernel/process/world"
)

// NewPlan begins to find out for an image of size bytes.
func NewPlan(size int64) kernel.Plan { return &plan{headers: headers{size: size}} }

// plan is an image of which the headers are kept.
type plan struct {
	headers
	whole bool // they are all there
}

func (p *plan) WriteAt(b []byte, off int64) (int, error) {
	if !p.whole {
		n, err := p.take(b, off)
		if err != nil {
			return n, err
		}
		p.whole = n < len(b)
	}
	return len(b), nil
}

func (p *plan) Actions() ([]kernel.Action, error) {
	w, err := p.decode()
	if err != nil {
		return nil, err
	}
	a := actions{world: w, first: map[shared]int{}}
	for i := range w.Tasks {
		a.task(&w.Tasks[i])
	}
	return append(a.All, object.Plan(w)...), nil
}

// actions gathers them, of one process after the other.
type actions struct {
	kernel.Actions
	world *world.World
	first map[shared]int // the first process that has that
}

// shared is what several may have in common, by its number among those of its kind.
type shared struct {
	what   string
	number int
}

func (a *actions) task(t *world.Task) {
	a.Of = fmt.Sprintf("process %d", t.PID)
	if t.Dead() {
		a.Say("make", "process that has ended", fmt.Sprintf("status %#x, child of %d", t.Status, t.PPID))
		a.Say("show", string(t.Comm), "as the name of a process")
		return
	}
	a.program(t)
	a.rights(t)
	a.standing(t)
	a.locked(t)
	a.mappings(&a.world.Spaces[t.Space])
}

// program is about what is executed, and what it calls itself.
func (a *actions) program(t *world.Task) {
	if t.Exe == world.NoIndex {
		a.Say("execute", "snapresume", "held before its first instruction, in the place of a program that was removed")
	} else {
		a.Say("execute", string(a.world.Files[t.Exe].Path),
			"held before its first instruction")
	}
	a.Say("run", "memory of the image", fmt.Sprintf("%d threads", len(t.Threads)))
	for i := range t.Threads {
		a.Say("show", string(t.Threads[i].Comm), fmt.Sprintf("as the name of thread %d", t.Threads[i].TID))
	}
	var words []string
	for _, w := range t.Cmdline {
		words = append(words, string(w))
	}
	a.Say("show", strings.Join(words, " "), "as a command line")
	a.Say("enter", string(a.world.Files[t.Cwd].Path), "as its working directory")
}

// rights are what only root can give, or what takes the same for others.
func (a *actions) rights(t *world.Task) {
	a.Say("become", fmt.Sprintf("user %d, group %d", t.UIDs[0], t.GIDs[0]),
		fmt.Sprintf("real, effective, saved and file system user IDs %v, group IDs %v, groups %v", t.UIDs, t.GIDs, t.Groups))
	c := t.Caps
	a.Say("have", "capabilities", fmt.Sprintf("permitted %#x, effective %#x, inheritable %#x, ambient %#x, bounding %#x, no_new_privs %v",
		uint64(c.Permitted), uint64(c.Effective), uint64(c.Inheritable), uint64(c.Ambient), uint64(c.Bounding), t.NoNewPrivs))
	a.Say("have", "settings", fmt.Sprintf("umask %#o, personality %#x, dumpable %d, oom_score_adj %d, coredump_filter %#x, I/O flusher %v, subreaper %v",
		t.Umask, t.Personality, t.Dumpable, t.OOMScoreAdj, uint64(t.CoreFilter), t.IOFlusher, t.Subreaper))
	if t.Label != "" {
		a.Say("have", string(t.Label), "as its security label, or is refused")
	}
	if t.Keyring != 0 {
		a.Say("have", fmt.Sprintf("session keyring %d", t.Keyring), "or is refused")
	}
	var limits []string
	for n, l := range t.Rlimits {
		limits = append(limits, fmt.Sprintf("%d=%s/%s", n, limit(l.Cur), limit(l.Max)))
	}
	a.Say("have", "resource limits", strings.Join(limits, " "))
	for i := range t.Threads {
		th := &t.Threads[i]
		s := &th.Sched
		a.Say("have", "scheduling", fmt.Sprintf("thread %d: policy %d, nice %d, priority %d, I/O priority %#x, processors %v, secure bits %#x",
			th.TID, s.Policy, s.Nice, s.Priority, s.IOPrio, s.Affinity, th.SecureBits))
	}
}

func limit(h world.Hex) string {
	if uint64(h) == unix.RLIM_INFINITY {
		return "unlimited"
	}
	return fmt.Sprint(uint64(h))
}

// standing is about IDs, groups, sessions and terminals.
func (a *actions) standing(t *world.Task) {
	a.Say("take", fmt.Sprintf("process ID %d", t.PID), fmt.Sprintf("child of %d, process group %d, session %d", t.PPID, t.PGID, t.SID))
	if t.OwnPIDs {
		a.Say("make", "namespaces", "of process IDs and mounts, and without privilege of users")
	} else if t == &a.world.Tasks[0] {
		a.Say("make", "namespaces", "of process IDs and mounts, and without privilege of users, if process IDs are taken and needed")
	}
	a.shared(t)
	if t.TTY != 0 {
		n := uint64(t.TTY)
		a.Say("control", fmt.Sprintf("terminal %d:%d", unix.Major(n), unix.Minor(n)),
			fmt.Sprintf("group %d in its foreground; that of snapresume stands for that of the first process", t.Foreground))
	}
}

// shared is about what it has in common with a process before it.
func (a *actions) shared(t *world.Task) {
	all := []shared{{"memory", t.Space}, {"descriptors", t.Table}}
	if t.FS != 0 {
		all = append(all, shared{"working directory, root and umask", t.FS})
	}
	if t.Actions != 0 {
		all = append(all, shared{"signal actions", t.Actions})
	}
	for _, s := range all {
		if first, ok := a.first[s]; ok {
			a.Say("share", s.what, fmt.Sprintf("with process %d", first))
			continue
		}
		a.first[s] = t.PID
	}
}

// locked is about memory that others cannot have.
func (a *actions) locked(t *world.Task) {
	bytes := lockedBytes(&a.world.Spaces[t.Space])
	if bytes > 0 || t.LockFuture != 0 {
		a.Say("lock", "memory", fmt.Sprintf("%d bytes, mlockall flags %#x", bytes, t.LockFuture))
	}
}

// mappings of a file are one action, or two if some of them are shared with whoever
// else has it.
func (a *actions) mappings(s *world.Space) {
	type way struct {
		file   int
		shared bool
	}
	type use struct {
		bytes uint64
		prot  int
	}
	uses, order := map[way]*use{}, []way{}
	for i := range s.VMAs {
		v := &s.VMAs[i]
		if ofKernel(string(v.Name)) {
			continue
		}
		w := way{v.File, v.Shared}
		if uses[w] == nil {
			uses[w], order = &use{}, append(order, w)
		}
		uses[w].bytes += uint64(v.End - v.Start)
		uses[w].prot |= v.Prot
		if m := (&mapping{VMA: v}); v.Shared && m.writable() {
			uses[w].prot |= unix.PROT_WRITE // it is opened for that
		}
	}
	for _, w := range order {
		how := "private"
		if w.shared {
			how = "shared"
		}
		a.Say("map", a.mapped(w.file), fmt.Sprintf("%s, %s%d bytes", how, protection(uses[w].prot), uses[w].bytes))
	}
}

// mapped names what is mapped.
func (a *actions) mapped(file int) string {
	if file == world.NoIndex || a.world.Files[file].Anon {
		return "memory of the image"
	}
	return string(a.world.Files[file].Path)
}

// protection is what a mapping is for.
func protection(prot int) (text string) {
	for bit, what := range []string{"reading, ", "writing, ", "executing, "} { // PROT_READ is bit 0
		if prot&(1<<bit) != 0 {
			text += what
		}
	}
	return text
}
