// This file makes the processes of a tree, each by clone3(2) in the stub of its
// parent while that holds nothing yet. What is born is traced, and killed with
// this process, from its first moment on (kernel/ptrace.c: ptrace_init_task).
//
// What it has in common with its parent, and others, it is born with.
//
// In which session a process is, is settled by when it was born. Who leads one
// makes those of its children that are in the session it came from, calls
// setsid(2), and makes the others.

package restore

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"

	"snappipe/kernel"
	"snappipe/kernel/process/ptrace"
	"snappipe/kernel/process/sys"
)

// populate makes all processes but the root, as empty stubs, with their IDs,
// groups and sessions. Those that have ended have ended.
func (t *tree) populate() error {
	root := t.members[0]
	root.stub = t.root.stub
	if !t.root.standsLate && t.root.leadsSession() {
		if err := t.giveTerminal(root); err != nil {
			return err
		}
	}
	if t.isSingle() {
		return nil // in the foreground of its terminal, if it has one
	}
	// Helpers that end are not to stay as zombies, nor to tell of it.
	if err := root.stub.handleDeaths(unix.SIGCHLD, ignoreSignal); err != nil {
		return err
	}
	if !t.root.standsLate {
		root.session = t.sessionOf(root)
	}
	for _, step := range []func() error{t.makeGuard, func() error { return t.bear(root) }, t.bearOrphans, t.part, t.group, t.foreground, t.dismiss, t.endAll} {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

// bear makes the children of a member that has just been born, and theirs.
func (t *tree) bear(m *member) error {
	var late []*member
	for _, c := range m.children {
		switch t.whenBorn(c) {
		case beforeSetsid:
			if err := t.bearOne(m, c); err != nil {
				return err
			}
		case afterSetsid:
			late = append(late, c)
		case elsewhere:
			if t.births[c.index].With != 0 {
				return kernel.Refuse(fmt.Sprintf("process %d", c.task.PID), "",
					"it shares what only its parent could give it, and is in a session that this was never in")
			}
			t.orphans = append(t.orphans, c)
		}
	}
	if t.leads(m) && m.session != m.task.PID {
		if err := t.lead(m); err != nil {
			return m.of(err)
		}
	}
	for _, c := range late {
		if err := t.bearOne(m, c); err != nil {
			return err
		}
	}
	for _, c := range m.children {
		if c.stub != nil {
			if err := t.bear(c); err != nil {
				return err
			}
		}
	}
	return nil
}

// moment is when, in the life of its parent, a process is born.
type moment int

const (
	beforeSetsid moment = iota
	afterSetsid
	elsewhere // its parent was never in the session: see orphans.go
)

func (t *tree) whenBorn(c *member) moment {
	before, after := c.parent.session, t.sessionOf(c.parent)
	if !t.leads(c) {
		switch t.sessionOf(c) {
		case after:
			return afterSetsid
		case before:
			return beforeSetsid
		}
		return elsewhere
	}
	if before != after && t.hasChildrenIn(c, before) {
		return beforeSetsid
	}
	if !t.hasChildrenIn(c, after) && t.origin(c) != 0 {
		return elsewhere
	}
	return afterSetsid
}

// hasChildrenIn reports whether a session leader has children of the session that
// it was born in, if that is the one given.
func (t *tree) hasChildrenIn(leader *member, session int) bool {
	for _, c := range leader.children {
		if t.leads(c) && t.hasChildrenIn(c, session) || !t.leads(c) && t.sessionOf(c) == session {
			return true
		}
	}
	return false
}

// origin is a session, of a leader elsewhere in the tree, in which a session
// leader must have been to have a child there; 0 if there is none.
func (t *tree) origin(leader *member) int {
	for _, c := range leader.children {
		id := t.sessionOf(c)
		if other := t.byID[id]; id != 0 && other != nil && !other.descends(leader) && !leader.descends(other) {
			return id
		}
	}
	return 0
}

func (t *tree) bearOne(parent, c *member) error {
	s, err := parent.stub.clone(t.births[c.index].With, c.task.PID, c.task.ExitSignal)
	if err != nil {
		return t.unborn(c.task.PID, err)
	}
	c.stub, c.session = s, parent.session
	return nil
}

// part has those leave what they share with others of whom it only came to others.
func (t *tree) part() error {
	for _, m := range t.members {
		flags := t.births[m.index].Leaves
		if flags == 0 {
			continue
		}
		if _, err := m.stub.call("unshare", unix.SYS_UNSHARE, flags); err != nil {
			return m.of(err)
		}
		if flags&unix.CLONE_FILES != 0 {
			m.stub.channel.part()
		}
	}
	return nil
}

// lead begins a session.
func (t *tree) lead(m *member) error {
	if _, err := m.stub.call("setsid", unix.SYS_SETSID); err != nil {
		return err
	}
	m.session = m.task.PID
	return t.giveTerminal(m)
}

// bear makes a child with the given ID.
func (s *stub) bear(id, exitSignal int) (*stub, error) { return s.clone(0, id, exitSignal) }

// clone makes a process that is a copy of the stub.
func (s *stub) clone(flags uint64, id, exitSignal int) (*stub, error) {
	at, err := s.lay(sys.Words(uint64(id)), cloneArgs(flags, exitSignal, s.scratch))
	if err != nil {
		return nil, err
	}
	t, err := s.clone3(at[1])
	if err != nil {
		return nil, err
	}
	// It is a copy, also of which signals are blocked.
	child := &stub{pid: int(t), scratch: s.scratch, channel: s.channel.shared(flags)}
	if child.mem, err = ptrace.OpenMemory(child.pid); err == nil {
		child.Caller, err = newCaller(t, s.Site)
	}
	if err != nil {
		return nil, errors.Join(err, child.kill())
	}
	return child, nil
}

// handleDeaths has a stub ignore a signal, or take it as is the default.
func (s *stub) handleDeaths(sig unix.Signal, handler uint64) error {
	_, err := s.callWith(s.Caller, "sigaction", unix.SYS_RT_SIGACTION, 1, sys.Words(handler, 0, 0, 0), uint64(sig), 0, 0, 8)
	return err
}
