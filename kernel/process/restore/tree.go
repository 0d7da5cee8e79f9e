// This file is a tree of processes in the making: who is in it, and how all of
// it is given up again. A single process is the smallest.

package restore

import (
	"errors"
	"fmt"
	"os"
	"os/signal"
	"slices"

	"golang.org/x/sys/unix"

	"snappipe/kernel"
	"snappipe/kernel/process/lazy"
	"snappipe/kernel/process/object"
	"snappipe/kernel/process/ptrace"
	"snappipe/kernel/process/world"
)

// tree is an image on its way to be processes. Its methods but WriteAt, commit
// and abort run on the tracing thread.
type tree struct {
	img     *world.World
	options kernel.Options
	tracer  *ptrace.Tracer
	objects *object.Maker
	root    *process
	signals chan os.Signal // that are meant for the program
	members []*member      // by index in Tasks: parents before their children
	births  []world.Birth  // by the same index
	byID    map[int]*member

	segments []segment     // where the bytes of the image go
	server   *lazy.Server  // that brings what is in none of them, or nil,
	image    kernel.Source // from here

	orphans  []*member // that are still to be born: see orphans.go
	spare    int       // the last ID that was taken for a moment
	standIns []*standIn
	raced    bool   // an ID that was free is not any more
	guard    *guard // while they are let go one by one; nil for one, or in a namespace
}

// member is a process of the tree, alive or not.
type member struct {
	index    int // in Tasks
	task     *world.Task
	process  *process // nil if it has ended
	parent   *member
	children []*member
	stub     *stub // nil until it is born, and when it has ended
	zombie   int   // by which ID we know it, if it has ended

	// The session that it is in now: by the ID that it has in the image, 0 for
	// that of this process.
	session int
}

func newTree(img *world.World, o kernel.Options) *tree {
	t := &tree{img: img, options: o, tracer: ptrace.NewTracer(), byID: map[int]*member{}, signals: earlySignals()}
	if len(img.Tasks) > 1 {
		t.options.SamePID = true // they know each other by them
	}
	tasks := make([]object.Process, len(img.Tasks))
	for i := range img.Tasks {
		m := &member{index: i, task: &img.Tasks[i]}
		if i > 0 {
			m.parent = t.byID[m.task.PPID]
			m.parent.children = append(m.parent.children, m)
		}
		if !m.task.Dead() {
			m.process = t.newProcess(m.task)
			tasks[i] = m.process
		}
		t.byID[m.task.PID] = m
		t.members = append(t.members, m)
	}
	t.root = t.members[0].process
	t.objects = object.NewMaker(img, t.options, tasks)
	t.root.ownTerminal = t.hasTerminal(t.members[0])
	t.root.standsLate = t.root.leadsSession() && t.hasChildrenIn(t.members[0], 0)
	sharers := make([][]*process, len(img.Spaces))
	for _, p := range t.alive() {
		p.objects = t.objects
		sharers[p.task.Space] = append(sharers[p.task.Space], p)
	}
	for _, p := range t.alive() {
		p.sharers = sharers[p.task.Space]
	}
	return t
}

func (t *tree) newProcess(task *world.Task) *process {
	return &process{
		img: t.img, task: task, space: &t.img.Spaces[task.Space], table: &t.img.Tables[task.Table],
		options: t.options, tracer: t.tracer,
	}
}

// alive are the processes that have not ended, in order.
func (t *tree) alive() (all []*process) {
	for _, m := range t.members {
		if m.process != nil {
			all = append(all, m.process)
		}
	}
	return all
}

// each is a step that is taken with all of them: while one makes a call, it goes on
// with the others.
func (t *tree) each(do func(*process) error) func() error {
	return t.among(func(*process) bool { return true }, do)
}

// eachSpace is a step that is taken with the memory of all, which several may have.
func (t *tree) eachSpace(do func(*process) error) func() error {
	return t.among((*process).ownsMemory, do)
}

func (t *tree) among(which func(*process) bool, do func(*process) error) func() error {
	return func() error {
		all := slices.DeleteFunc(t.alive(), func(p *process) bool { return !which(p) })
		return ptrace.Together(len(all), func(i int, turn *ptrace.Turn) error {
			p := all[i]
			p.take(turn)
			defer p.take(nil)
			err := do(p)
			if err == nil || p == t.root || errors.As(err, new(*kernel.Refusal)) {
				return err
			}
			return fmt.Errorf("process %d: %w", p.task.PID, err)
		})
	}
}

func (t *tree) closeSources() {
	for _, p := range t.alive() {
		p.closeSources()
	}
}

// makeAll makes the terminals that are their own, and the stubs of all, with their IDs.
func (t *tree) makeAll() error {
	if err := t.objects.MakeTerminals(); err != nil {
		return err
	}
	if err := t.identify(); err != nil {
		return err
	}
	identified()
	err := t.populate()
	if err != nil && t.raced && t.root.pids == nil {
		err = errors.Join(t.unmake(), t.root.identifyInNamespace(t.root.task.PID))
		if err == nil {
			err = t.populate()
		}
	}
	if err != nil {
		return err
	}
	for _, m := range t.members[1:] {
		if p := m.process; p != nil {
			p.stub, p.pids, p.ids.same = m.stub, t.root.pids, true
			// Where both are the same, it is the right one already.
			p.borrowed = t.root.borrowed || p.programPath() != t.root.programPath()
			if err := p.checkStub(); err != nil {
				return m.of(err)
			}
		}
	}
	return nil
}

// isSingle reports whether the tree is one process.
func (t *tree) isSingle() bool { return len(t.members) == 1 }

// descends reports whether m is below another, or that itself.
func (m *member) descends(from *member) bool {
	for ; m != nil; m = m.parent {
		if m == from {
			return true
		}
	}
	return false
}

func (m *member) depth() (n int) {
	for ; m.parent != nil; m = m.parent {
		n++
	}
	return n
}

// leads reports whether it leads a session of its own.
func (t *tree) leads(m *member) bool {
	if m.parent == nil {
		return t.root.leadsSession()
	}
	return m.task.SID == m.task.PID
}

// sessionOf is the session that a member is to be in. That of the root, unless it
// leads one without a terminal, becomes ours; and so does what has a terminal
// although the leader is not in the tree, for with the end of that one it would
// have lost it (drivers/tty/tty_jobctrl.c: disassociate_ctty).
func (t *tree) sessionOf(m *member) int {
	id := m.task.SID
	if t.isOutside(id) || id == t.members[0].task.SID && !t.root.leadsSession() {
		return 0
	}
	if t.byID[id] != nil {
		return id
	}
	for _, other := range t.members {
		if other.task.SID == id && other.task.TTY != 0 {
			return 0
		}
	}
	return id
}

// groupOf is the process group that a member is to be in. The root leads its own:
// see standing. What was a group outside is led by somebody who is in it.
func (t *tree) groupOf(m *member) int {
	root, id := t.members[0].task, m.task.PGID
	switch {
	case id == root.PGID:
		return root.PID
	case t.isOutside(id):
		for _, in := range t.members {
			if in.task.PGID == id && !t.isGroup(in.task.PID) {
				return in.task.PID
			}
		}
	}
	return id
}

// isOutside reports whether a group or session can't have its ID again: it was outside
// of the PID namespace (0), or is that of the first process there, which is always taken.
func (t *tree) isOutside(id int) bool { return id == 0 || id == 1 && t.byID[id] == nil }

// isGroup reports whether somebody is in the group of an ID.
func (t *tree) isGroup(id int) bool {
	return slices.ContainsFunc(t.members, func(m *member) bool { return m.task.PGID == id })
}

// of names a process in an error.
func (m *member) of(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("process %d: %w", m.task.PID, err)
}

// abort leaves nothing. It may be called at any time before the release.
func (t *tree) abort() error {
	t.closeFillers()
	err := t.tracer.Do(func() error {
		errs := []error{t.kill()}
		if t.root.stub != nil {
			errs = append(errs, t.root.stub.kill())
		}
		if t.root.pids != nil {
			errs = append(errs, t.root.pids.end())
		}
		return errors.Join(append(errs, t.objects.Undo())...)
	})
	signal.Stop(t.signals)
	t.tracer.Close()
	t.objects.Close()
	if t.server != nil {
		t.server.Stop()
	}
	return err
}

// kill ends all that was made, and leaves no zombie: those whose parents are
// killed before them become ours. (In a namespace they are its first process's.)
func (t *tree) kill() error {
	if t.isSingle() || t.root.stub == nil {
		return nil // which is the root's to do
	}
	return adopting(func() error {
		err := t.root.stub.kill()
		t.root.stub = nil
		return errors.Join(err, t.killOthers())
	})
}

// unmake ends all but the root, for them to be made again.
func (t *tree) unmake() error {
	t.orphans = nil
	return adopting(t.killOthers)
}

func (t *tree) killOthers() error {
	var errs []error
	for _, m := range t.members[1:] {
		if m.stub != nil {
			errs = append(errs, m.stub.kill())
			m.stub = nil
		}
	}
	errs = append(errs, t.dismiss(), t.guard.end())
	for _, m := range t.members {
		if m.zombie != 0 {
			errs = append(errs, ptrace.Thread(m.zombie).Reap())
		}
	}
	return errors.Join(errs...)
}

// adopting has this process be the parent of who loses theirs meanwhile.
func adopting(f func() error) error {
	const subreaper = unix.PR_SET_CHILD_SUBREAPER
	err := unix.Prctl(subreaper, 1, 0, 0, 0)
	return errors.Join(err, f(), unix.Prctl(subreaper, 0, 0, 0, 0))
}

// checkMembers refuses what can't be made as it was.
func (t *tree) checkMembers() error {
	root := t.members[0].task
	if err := t.checkBirths(); err != nil {
		return err
	}
	for _, m := range t.members {
		if m.task.PGID == root.PID && root.PGID != root.PID {
			return kernel.Refuse(fmt.Sprintf("process %d", m.task.PID), "",
				"it is in a group of which the first process of the tree has the ID, but is not a member")
		}
		if m.task.Status&0x80 != 0 {
			t.options.Warn(fmt.Sprintf("process %d had ended with a core, of which its parent will not be told", m.task.PID))
		}
	}
	return nil
}

// checkBirths finds out what processes are to be born with, and refuses what none can
// be.
func (t *tree) checkBirths() (err error) {
	t.births, err = world.Births(t.img.Tasks)
	var unborn *world.UnbornError
	if errors.As(err, &unborn) {
		return kernel.Refuse(fmt.Sprintf("process %d", unborn.PID), "", "%v", unborn)
	}
	return err
}
