// This file makes processes in sessions that their parents were never in: those
// whose first parents have ended, so that they became a subreaper's. They are made
// in the same way: by a helper in the session, below the parent to be, that ends.

package restore

import (
	"cmp"
	"errors"
	"fmt"
	"slices"

	"golang.org/x/sys/unix"

	"snappipe/kernel"
	"snappipe/kernel/process/proc"
)

// bearOrphans makes them, and their children, in whatever order the leaders of
// their sessions come to be there.
func (t *tree) bearOrphans() error {
	for len(t.orphans) > 0 {
		all := t.orphans
		t.orphans = nil
		// Below the deepest, a helper is below the parents of all.
		slices.SortStableFunc(all, func(a, b *member) int { return cmp.Compare(b.depth(), a.depth()) })
		var left []*member
		for _, c := range all {
			host, err := t.hostOf(c)
			if err != nil {
				return err
			}
			if host == nil {
				left = append(left, c)
				continue
			}
			if err := t.bearOrphan(host, c); err != nil {
				return err
			}
			if err := t.bear(c); err != nil {
				return err
			}
		}
		if len(left) == len(all) {
			c := left[0]
			return kernel.Refuse(fmt.Sprintf("process %d", c.task.PID), "",
				"nobody below process %d, its parent, is in session %d, where it was born", c.task.PPID, t.birthplace(c))
		}
		t.orphans = append(t.orphans, left...)
	}
	return nil
}

// birthplace is the session that an orphan was born in.
func (t *tree) birthplace(c *member) int {
	if t.leads(c) {
		return t.origin(c)
	}
	return t.sessionOf(c)
}

// hostOf finds who is in the session that an orphan was born in and below its
// parent, or makes somebody if nobody in the tree leads it; nil is nobody yet.
func (t *tree) hostOf(c *member) (*stub, error) {
	session := t.birthplace(c)
	for _, m := range t.members {
		if m.stub != nil && m.session == session && m.descends(c.parent) {
			return m.stub, nil
		}
	}
	for _, s := range t.standIns {
		if s.session == session && s.parent.descends(c.parent) {
			return s.stub, nil
		}
	}
	if t.byID[session] != nil || session == 0 {
		return nil, nil
	}
	return t.leadInstead(session, c.parent)
}

func (t *tree) bearOrphan(host *stub, c *member) error {
	const subreaper = unix.PR_SET_CHILD_SUBREAPER
	if c.task.ExitSignal != int(unix.SIGCHLD) {
		return kernel.Refuse(fmt.Sprintf("process %d", c.task.PID), "",
			"it has another parent than it was born to, and tells that one of its end by signal %d", c.task.ExitSignal)
	}
	between, err := t.bearSpare(host)
	if err != nil {
		return err
	}
	s, err := between.bear(c.task.PID, c.task.ExitSignal)
	if err != nil {
		return errors.Join(t.unborn(c.task.PID, err), between.kill())
	}
	c.stub, c.session = s, t.birthplace(c)
	parent := c.parent.stub
	if _, err := parent.call("PR_SET_CHILD_SUBREAPER", unix.SYS_PRCTL, subreaper, 1, 0, 0, 0); err != nil {
		return errors.Join(err, between.kill())
	}
	if err := between.kill(); err != nil {
		return err
	}
	if _, err := parent.call("PR_SET_CHILD_SUBREAPER", unix.SYS_PRCTL, subreaper, 0, 0, 0, 0); err != nil {
		return err
	}
	stat, err := proc.ReadStat(s.pid)
	if err != nil {
		return err
	}
	if got := stat.Parent(); got != parent.pid {
		return fmt.Errorf("process %d became a child of %d, not of %d", s.pid, got, parent.pid)
	}
	return nil
}

// bearSpare makes a child with an ID that nobody of the tree is to have.
func (t *tree) bearSpare(host *stub) (*stub, error) { return t.cloneSpare(host, 0, int(unix.SIGCHLD)) }

func (t *tree) cloneSpare(host *stub, flags uint64, exitSignal int) (*stub, error) {
	const first, limit = 300, 1 << 22 // include/linux/threads.h: PID_MAX_LIMIT
	needed := t.neededIDs()
	for t.spare = max(t.spare, first); t.spare < limit; t.spare++ {
		if needed[t.spare] {
			continue
		}
		s, err := host.clone(flags, t.spare, exitSignal)
		if !errors.Is(err, unix.EEXIST) {
			return s, err
		}
	}
	return nil, fmt.Errorf("there is no process ID left for a moment")
}
