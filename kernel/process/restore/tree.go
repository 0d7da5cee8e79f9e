// This file is a tree of processes in the making: who is in it, and how all of
// it is given up again. A single process is the smallest.

package restore

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"

	"snappipe/kernel"
	"snappipe/kernel/process/ptrace"
	"snappipe/kernel/process/world"
)

// tree is an image on its way to be processes. Its methods but WriteAt, commit
// and abort run on the tracing thread.
type tree struct {
	img     *world.World
	options kernel.Options
	tracer  *ptrace.Tracer
	root    *process
	members []*member // by index in Tasks: parents before their children
	byID    map[int]*member

	orphans  []*member // that are still to be born: see orphans.go
	spare    int       // the last ID that was taken for a moment
	standIns []*standIn
	// terminal returns a descriptor of the terminal that has a number, which a
	// session leader is to have for its controlling one.
	terminal func(device int) (fd int, err error)
}

// member is a process of the tree.
type member struct {
	task     *world.Task
	parent   *member
	children []*member
	stub     *stub // nil until it is born, and when it has ended
	zombie   int   // by which ID we know it, if it has ended

	// The session that it is in now: by the ID that it has in the image, 0 for
	// that of this process.
	session int
}

func newTree(img *world.World, root *process) *tree {
	t := &tree{img: img, options: root.options, tracer: root.tracer, root: root, byID: map[int]*member{}}
	for i := range img.Tasks {
		m := &member{task: &img.Tasks[i], parent: t.byID[img.Tasks[i].PPID]}
		if i == 0 {
			m.parent = nil
		}
		if m.parent != nil {
			m.parent.children = append(m.parent.children, m)
		}
		t.byID[m.task.PID] = m
		t.members = append(t.members, m)
	}
	root.standsLate = root.leadsSession() && t.hasChildrenIn(t.members[0], 0)
	return t
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
	if id == 0 || id == t.members[0].task.SID && !t.root.leadsSession() {
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
// see standing.
func (t *tree) groupOf(m *member) int {
	root := t.members[0].task
	if m.task.PGID == root.PGID {
		return root.PID
	}
	return m.task.PGID
}

// of names a process in an error.
func (m *member) of(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("process %d: %w", m.task.PID, err)
}

// kill ends all that was made, and leaves no zombie: those whose parents are
// killed before them become ours. (In a namespace they are its first process's.)
func (t *tree) kill() error {
	if t.isSingle() || t.root.stub == nil {
		return nil // which is the root's to do
	}
	const subreaper = unix.PR_SET_CHILD_SUBREAPER
	errs := []error{unix.Prctl(subreaper, 1, 0, 0, 0), t.root.stub.kill()}
	t.root.stub = nil
	for _, m := range t.members[1:] {
		if m.stub != nil {
			errs = append(errs, m.stub.kill())
			m.stub = nil
		}
	}
	errs = append(errs, t.dismiss())
	for _, m := range t.members {
		if m.zombie != 0 {
			errs = append(errs, ptrace.Thread(m.zombie).Reap())
		}
	}
	return errors.Join(append(errs, unix.Prctl(subreaper, 0, 0, 0, 0))...)
}

// check refuses what can't be made as it was.
func (t *tree) check() error {
	root := t.members[0].task
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
