// Who is taken: a process and all that descends from it.
//
// Before anything is stopped they are listed to refuse what can't be taken. Then
// each is stopped, and the children of what is stopped are listed, until there is
// nobody new: what is stopped neither forks nor ends, and who was orphaned before
// is no descendant any more, or is the child of a subreaper in the tree.

package capture

import (
	"cmp"
	"errors"
	"fmt"
	"slices"

	"snappipe/kernel/process/proc"
	"snappipe/kernel/process/ptrace"
	"snappipe/kernel/process/sys"
	"snappipe/kernel/process/world"
)

// surveyAll surveys the first process and its descendants.
func (t *tree) surveyAll() error {
	for i := 0; i < len(t.members); i++ {
		c := t.members[i]
		err := c.survey()
		if err != nil && i > 0 && hasEnded(c.pid) {
			t.leave(c)
			i--
			continue
		}
		if err != nil {
			return err
		}
		if err := t.descend(c); err != nil {
			return err
		}
	}
	return t.checkTracing()
}

// descend adds the living children of a process. What is left of a twin whose agent
// was killed is one that is dead; that is put away.
func (t *tree) descend(c *member) error {
	if t.o.Only {
		return nil
	}
	children, err := proc.Children(c.pid)
	if err != nil {
		return fmt.Errorf("%s: %w", c.object(), err)
	}
	for _, child := range children {
		s, err := proc.ReadStat(child)
		switch {
		case err != nil || t.has(child):
		case isTwin(s) && s.State() == 'Z' && c.frozen.group == nil:
			if err := Reap(c.pid, child); err != nil {
				return err
			}
		case isTwin(s), isOver(s):
		default:
			t.join(child)
		}
	}
	return nil
}

// isOver reports whether a process has ended, of which its parent may not know yet.
func isOver(s proc.Stat) bool { return s.State() == 'Z' || s.State() == 'X' }

func hasEnded(pid int) bool {
	s, err := proc.ReadStat(pid)
	return err != nil || isOver(s)
}

func (t *tree) has(pid int) bool {
	return slices.ContainsFunc(t.members, func(c *member) bool { return c.pid == pid })
}

// leave takes out a process that is none of the tree's any more.
func (t *tree) leave(c *member) {
	t.members = slices.DeleteFunc(t.members, func(d *member) bool { return d == c })
	c.closeMemory()
}

// stopAll stops all members, and who has become one meanwhile, which is surveyed
// while it stands still.
func (t *tree) stopAll() error {
	for i := 0; i < len(t.members); i++ {
		c := t.members[i]
		switch err := c.stop(); {
		case err != nil && i > 0 && (errors.Is(err, ptrace.ErrGone) || hasEnded(c.pid)):
			err = c.frozen.group.Release(nil)
			t.leave(c)
			i--
			if err != nil {
				return err
			}
		case err != nil:
			return err
		case !c.surveyed:
			if err := c.survey(); err != nil {
				return err
			}
		}
		if i+1 < len(t.members) {
			continue
		}
		if err := t.findBorn(); err != nil {
			return err
		}
	}
	return errors.Join(t.each((*member).readStat), t.arrange(), t.checkApart(), t.findDead())
}

// findBorn looks for children that were born since the survey, when all that are known
// are stopped.
func (t *tree) findBorn() error {
	known := len(t.members)
	for _, c := range t.members[:known] {
		if err := t.descend(c); err != nil {
			return err
		}
	}
	return nil
}

func (c *member) readStat() (err error) {
	c.before.stat, err = proc.ReadStat(c.pid)
	c.opener.Stat = c.before.stat
	return err
}

// Fields of proc_pid_stat(5).
const statParent, statGroup, statSession, statTerminal, statForeground, statExitSignal, statExitCode = 4, 5, 6, 7, 8, 38, 52

func (c *member) parent() int { return int(c.before.stat.Field(statParent)) }

// arrange puts parents before their children, and lets go who was orphaned before all
// stood still.
func (t *tree) arrange() error {
	old := t.members
	t.members = t.members[:1:1]
	for i := 0; i < len(t.members); i++ {
		for _, c := range old[1:] {
			if c.parent() == t.members[i].pid {
				t.members = append(t.members, c)
			}
		}
	}
	for _, c := range old {
		if t.has(c.pid) {
			continue
		}
		c.closeMemory()
		if err := c.frozen.group.Release(nil); err != nil {
			return c.explain(err)
		}
	}
	return nil
}

// findDead finds those that have ended and were not waited for.
func (t *tree) findDead() error {
	if t.o.Only {
		return nil
	}
	for _, c := range t.members {
		children, err := proc.Children(c.pid)
		if err != nil {
			return fmt.Errorf("%s: %w", c.object(), err)
		}
		for _, child := range children {
			s, err := proc.ReadStat(child)
			if err != nil || t.has(child) || isTwin(s) {
				continue
			}
			if tids, err := proc.Tasks(child); !isOver(s) || err == nil && len(tids) > 1 {
				return c.refuse("", "the main thread of its child %d (%s) has ended, which a resume could not bring back", child, s.Comm)
			}
			t.dead = append(t.dead, c.deadChild(child, s))
		}
	}
	return nil
}

func (c *member) deadChild(pid int, s proc.Stat) world.Task {
	task := world.Task{
		Space: world.NoIndex, Table: world.NoIndex, Exe: world.NoIndex, Cwd: world.NoIndex,
		PID: pid, PPID: c.pid, PGID: int(s.Field(statGroup)), SID: int(s.Field(statSession)),
		ExitSignal: int(s.Field(statExitSignal)), Status: int(s.Field(statExitCode)), Comm: world.Text(s.Comm),
	}
	if !c.before.namespaced {
		return task
	}
	task.PPID = c.innerID(c.pid)
	if s, err := proc.ReadStatus(pid); err == nil {
		task.PID, task.PGID, task.SID = innermost(s, "NSpid"), innermost(s, "NSpgid"), innermost(s, "NSsid")
	}
	return task
}

// innermost is an ID as the process itself sees it (proc_pid_status(5)).
func innermost(s proc.Status, field string) int {
	ids := s.Numbers(field)
	if len(ids) == 0 {
		return 0
	}
	return ids[len(ids)-1]
}

// checkApart refuses processes that share what clone(2) lets them share. Each has its
// place in the order of kcmp(2), so that two that share it come to stand side by side.
func (t *tree) checkApart() (err error) {
	for _, s := range sharedByProcesses {
		compare := func(a, b *member) int {
			order, e := sys.Kcmp(a.pid, b.pid, s.kind, 0, 0)
			if e != nil {
				err = e
			}
			return order
		}
		inOrder := slices.SortedFunc(slices.Values(t.members), func(a, b *member) int {
			return cmp.Or(compare(a, b), cmp.Compare(a.pid, b.pid))
		})
		for i, c := range inOrder[1:] {
			if compare(inOrder[i], c) == 0 && err == nil {
				return c.refuse("", "it shares its %s with %s", s.what, inOrder[i].object())
			}
		}
	}
	return err
}
