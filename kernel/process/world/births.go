// What processes have in common by clone(2), and by whom each has to be born to have
// it. There is no other way to come by it: a child has it of the process that makes it,
// and whoever is not to have it leaves it (unshare(2)) when those below him are born.

package world

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// Birth says how a process is made by its parent.
type Birth struct {
	With   uint64 // flags of clone(2): what it is born with
	Leaves uint64 // what of that it leaves, by unshare(2), when its children are there
}

// bonds are what can be shared so: those that have the same, which is not none.
var bonds = []struct {
	what string
	flag uint64
	kept bool // whoever is born with it has it for good
	none int
	of   func(*Task) int
}{
	{"memory", unix.CLONE_VM, true, NoIndex, func(t *Task) int { return t.Space }},
	{"signal actions", unix.CLONE_SIGHAND, true, 0, func(t *Task) int { return t.Actions }},
	{"open files", unix.CLONE_FILES, false, NoIndex, func(t *Task) int { return t.Table }},
	{"working directory, root and umask", unix.CLONE_FS, false, 0, func(t *Task) int { return t.FS }},
}

// UnbornError says that processes can't be made to share what they share.
type UnbornError struct {
	PID  int    // of one of them
	What string // they share
	With int    // the ID of another
	Why  string
}

func (e *UnbornError) Error() string {
	return fmt.Sprintf("it shares its %s with process %d, which could not be had again: %s", e.What, e.With, e.Why)
}

// Births finds out how tasks are made, by index: parents come before their children.
// An error is an [UnbornError].
func Births(tasks []Task) ([]Birth, error) {
	births := make([]Birth, len(tasks))
	parents := make([]int, len(tasks))
	index := make(map[int]int, len(tasks))
	for i := range tasks {
		parents[i] = NoIndex
		if p, ok := index[tasks[i].PPID]; ok && i > 0 {
			parents[i] = p
		}
		index[tasks[i].PID] = i
	}
	for _, b := range bonds {
		of := make([]int, len(tasks))
		for i := range tasks {
			of[i] = b.of(&tasks[i])
		}
		l := newLineage(tasks, parents, of, b.none)
		l.kept = b.kept
		for i := len(tasks) - 1; i >= 0; i-- {
			if err := l.pass(i); err != nil {
				err.What = b.what
				return nil, err
			}
		}
		for i := range births {
			if l.with[i] {
				births[i].With |= b.flag
			}
			if l.leaves[i] {
				births[i].Leaves |= b.flag
			}
		}
	}
	return births, nil
}

// lineage is how one thing that is shared comes down from parents to children. It is
// gone through from the last to the first.
type lineage struct {
	kept    bool // nobody can leave it
	tasks   []Task
	parents []int
	first   []int // by task, the first that has the same, or NoIndex if nobody else has
	members []int // by the first, how many have it
	// Of each task, whose it has when its children are made, and how many of those are
	// it or below it.
	passes, below []int
	with, leaves  []bool
}

func newLineage(tasks []Task, parents, of []int, none int) *lineage {
	n := len(tasks)
	l := &lineage{
		tasks: tasks, parents: parents, first: make([]int, n), members: make([]int, n),
		passes: make([]int, n), below: make([]int, n), with: make([]bool, n), leaves: make([]bool, n),
	}
	first := map[int]int{}
	for i, id := range of {
		l.first[i], l.passes[i] = NoIndex, NoIndex
		if id == none {
			continue
		}
		if _, ok := first[id]; !ok {
			first[id] = i
		}
		l.first[i] = first[id]
		l.members[first[id]]++
	}
	for i := range tasks {
		if f := l.first[i]; f == NoIndex || l.members[f] == 1 {
			l.first[i] = NoIndex
		} else {
			l.passes[i], l.below[i] = f, 1
		}
	}
	return l
}

// pass takes the lineage from a task, of which all children were seen, to its parent.
func (l *lineage) pass(i int) *UnbornError {
	f := l.passes[i]
	l.leaves[i] = f != NoIndex && l.first[i] != f
	if l.leaves[i] && l.kept {
		return l.unborn(f, fmt.Sprintf("process %d, by which it would come to one of them, does not have it", l.tasks[i].PID))
	}
	if f == NoIndex || l.below[i] == l.members[f] {
		return nil // nobody above it has to do with that
	}
	p := l.parents[i]
	if p == NoIndex {
		return l.unborn(f, "they descend from no process of the tree")
	}
	if other := l.passes[p]; other != NoIndex && other != f {
		return l.unborn(f, fmt.Sprintf("it would come to one of them by process %d, which has to do with what process %d shares with process %d",
			l.tasks[p].PID, l.tasks[other].PID, l.another(other)))
	}
	if l.isAway(i, p) {
		return l.unborn(f, fmt.Sprintf("process %d is in a session that its parent was never in", l.tasks[i].PID))
	}
	l.with[i] = true
	l.passes[p] = f
	l.below[p] += l.below[i]
	return nil
}

// isAway reports whether a task is in a session that its parent, p, can't have had it
// in: its own parent has ended.
func (l *lineage) isAway(i, p int) bool {
	c, parent := &l.tasks[i], &l.tasks[p]
	if c.SID == c.PID || c.SID == parent.SID {
		return false
	}
	above := l.parents[p]
	return parent.SID != parent.PID || above == NoIndex || l.tasks[above].SID != c.SID
}

func (l *lineage) unborn(first int, why string) *UnbornError {
	return &UnbornError{PID: l.another(first), With: l.tasks[first].PID, Why: why}
}

// another is the last of those who share something with the first.
func (l *lineage) another(first int) int {
	for i := len(l.tasks) - 1; i >= 0; i-- {
		if l.first[i] == first {
			return l.tasks[i].PID
		}
	}
	return l.tasks[first].PID
}
