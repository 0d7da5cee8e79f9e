// This file puts the processes of a tree into their groups, and makes those of
// which the leader is gone, like sessions: by a process that has the ID of the
// leader, and ends when others are there. The ID is theirs until the last of them
// has ended (kernel/pid.c).

package restore

import (
	"errors"
	"fmt"
	"maps"
	"slices"

	"golang.org/x/sys/unix"
)

// standIn is a process in the place of a leader that is gone.
type standIn struct {
	*stub
	id      int // in the image
	session int
	parent  *member
}

// bearStandIn makes one.
func (t *tree) bearStandIn(id, session int, parent *member) (*standIn, error) {
	s, err := parent.stub.bear(id, int(unix.SIGCHLD))
	if err != nil {
		return nil, t.unborn(id, err)
	}
	h := &standIn{s, id, session, parent}
	t.standIns = append(t.standIns, h)
	return h, nil
}

// leadInstead begins a session, in a child of parent.
func (t *tree) leadInstead(session int, parent *member) (*stub, error) {
	h, err := t.bearStandIn(session, session, parent)
	if err != nil {
		return nil, err
	}
	_, err = h.call("setsid", unix.SYS_SETSID)
	return h.stub, err
}

// dismiss ends those that stand in for others.
func (t *tree) dismiss() error {
	var errs []error
	for _, h := range t.standIns {
		errs = append(errs, h.kill())
	}
	t.standIns = nil
	return errors.Join(errs...)
}

// group makes the groups, by those who lead them or did once, and then has the
// others join them.
func (t *tree) group() error {
	used := map[int]*member{} // groups, with one that is in it
	for _, m := range t.members {
		if id := t.groupOf(m); used[id] == nil || used[id].task.Dead() {
			used[id] = m
		}
	}
	for _, id := range t.foregroundGroups() {
		if leader := t.leaderOf(id); used[id] == nil && leader != nil {
			used[id] = leader
		}
	}
	for _, id := range slices.Sorted(maps.Keys(used)) {
		if err := t.makeGroup(id, used[id]); err != nil {
			return err
		}
	}
	return t.joinGroups(used)
}

// joinGroups has those join who lead none, and then those who once led one and
// left it: that is there only as long as somebody is in it.
func (t *tree) joinGroups(used map[int]*member) error {
	var left []*member
	for _, m := range t.members[1:] {
		id := t.groupOf(m)
		switch {
		case id == m.task.PID:
		case used[m.task.PID] != nil:
			s, err := t.bearSpare(m.stub)
			if err != nil {
				return m.of(err)
			}
			t.standIns = append(t.standIns, &standIn{stub: s, parent: m})
			left = append(left, m)
		default:
			if err := m.joinGroup(id); err != nil {
				return err
			}
		}
	}
	for _, m := range left {
		if err := m.joinGroup(t.groupOf(m)); err != nil {
			return err
		}
	}
	return nil
}

// makeGroup has the process of its ID lead a group, or somebody in its place,
// who has to be of the same session as m.
func (t *tree) makeGroup(id int, m *member) error {
	if leader := t.byID[id]; leader != nil {
		if t.leads(leader) || leader.parent == nil {
			return nil // as it does since setsid, or when it was made
		}
		return leader.joinGroup(0)
	}
	for _, h := range t.standIns {
		if h.id == id {
			return nil // it leads a session
		}
	}
	h, err := t.bearStandIn(id, m.session, m)
	if err != nil {
		return err
	}
	_, err = h.call("setpgid", unix.SYS_SETPGID, 0, 0)
	return err
}

// joinGroup has a member join a group; 0 is its own.
func (m *member) joinGroup(id int) error {
	_, err := m.stub.call(fmt.Sprintf("setpgid to %d", id), unix.SYS_SETPGID, 0, uint64(id))
	return m.of(err)
}
