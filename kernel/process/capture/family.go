// Who is taken: a process and all that descends from it.
//
// Before anything is stopped they are listed to refuse what can't be taken. Who is
// there at the moment that counts, package ptrace finds when it stops them.

package capture

import (
	"errors"
	"fmt"
	"slices"

	"snappipe/kernel/process/proc"
	"snappipe/kernel/process/ptrace"
	"snappipe/kernel/process/world"
)

// surveyAll surveys the first process and its descendants.
func (t *tree) surveyAll() error {
	for i := 0; i < len(t.members); i++ {
		c := t.members[i]
		err := c.survey()
		if err == nil {
			err = t.descend(c)
		}
		if err != nil && i > 0 && isEnding(c.pid) {
			t.leave(c)
			i--
			continue
		}
		if err != nil {
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
		case ptrace.IsTwin(s) && s.State() == 'Z':
			if err := Reap(c.pid, child); err != nil {
				return err
			}
		case ptrace.IsTwin(s), s.HasEnded():
		default:
			t.join(child)
		}
	}
	return nil
}

// isEnding reports whether a process has ended, or has no more to do than that.
func isEnding(pid int) bool {
	s, err := proc.ReadStat(pid)
	return err != nil || s.HasEnded() || proc.Exiting(pid)
}

// member returns the one of a process ID, or nil.
func (t *tree) member(pid int) *member { return among(t.members, pid) }

func among(members []*member, pid int) *member {
	i := slices.IndexFunc(members, func(c *member) bool { return c.pid == pid })
	if i < 0 {
		return nil
	}
	return members[i]
}

func (t *tree) has(pid int) bool { return t.member(pid) != nil }

// leave takes out a process that is none of the tree's any more.
func (t *tree) leave(c *member) {
	t.members = slices.DeleteFunc(t.members, func(d *member) bool { return d == c })
	t.moves++
	c.closeMemory()
}

// leaveEnding takes out who has ended since he was surveyed.
func (t *tree) leaveEnding() {
	for _, c := range slices.Clone(t.members[1:]) {
		if isEnding(c.pid) {
			t.leave(c)
		}
	}
}

// stopAll stops the tree. Who has become a member meanwhile is surveyed before it is
// stopped, while others stand still.
func (t *tree) stopAll() error {
	if t.o.Only {
		if err := t.root().stop(); err != nil {
			return err
		}
		return t.root().readStat()
	}
	stopped, err := ptrace.StopTree(t.root().pid, ptrace.NewTracers(1), stopLimit, t.found)
	if err != nil {
		return t.explain(err)
	}
	t.stopped = stopped
	old := t.members
	t.members = nil
	for _, m := range stopped.Members {
		c := among(old, m.PID)
		c.frozen.group = m.Group
		t.members = append(t.members, c)
	}
	for _, c := range old {
		if !t.has(c.pid) {
			c.closeMemory()
		}
	}
	if err := errors.Join(t.each((*member).readStat), t.findSharers(), t.checkOthers()); err != nil {
		return err
	}
	for _, z := range stopped.Zombies {
		t.dead = append(t.dead, t.member(z.Parent).deadChild(z))
	}
	return nil
}

// found is told of everybody who is about to be stopped. Who is about to end anyway
// is not looked at.
func (t *tree) found(pid int) (o ptrace.Option, err error) {
	c := t.member(pid)
	if c == nil {
		c = t.join(pid)
		if err := c.survey(); err != nil && !isEnding(pid) {
			return 0, err
		}
	}
	return c.traceOptions(), nil
}

// explain says of what process it is that the tree can't be stopped.
func (t *tree) explain(err error) error {
	var of *ptrace.MemberError
	if err == nil {
		return nil
	}
	if !errors.As(err, &of) {
		return fmt.Errorf("%s: %w", t.root().object(), err)
	}
	c := t.member(of.PID)
	var traced *ptrace.TracedError
	switch {
	case c == nil:
		return err
	case errors.As(err, &traced):
		return c.refuseTraced(traced.Tracer)
	case errors.Is(err, ptrace.ErrLeaderless):
		return c.refuse("", "its main thread has ended, which a resume could not bring back")
	}
	return c.explain(of.Err)
}

func (c *member) readStat() (err error) {
	c.before.stat, err = proc.ReadStat(c.pid)
	c.opener.Stat = c.before.stat
	return err
}

func (c *member) deadChild(z ptrace.Zombie) world.Task {
	s := z.Stat
	task := world.Task{
		Space: world.NoIndex, Table: world.NoIndex, Exe: world.NoIndex, Cwd: world.NoIndex,
		PID: z.PID, PPID: c.pid, PGID: s.Group(), SID: s.Session(),
		ExitSignal: s.ExitSignal(), Status: int(s.ExitStatus()), Comm: world.Text(s.Comm),
	}
	if !c.before.namespaced {
		return task
	}
	task.PPID = c.innerID(c.pid)
	if s, err := proc.ReadStatus(z.PID); err == nil {
		task.PID, task.PGID, task.SID = s.Innermost("NSpid"), s.Innermost("NSpgid"), s.Innermost("NSsid")
		c.deadGroups[z.Stat.Group()] = task.PGID
	}
	return task
}
