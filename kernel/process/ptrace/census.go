// This file tells who is in a tree of processes, by proc_pid_children(5).

package ptrace

import (
	"errors"
	"time"

	"snappipe/kernel/process/proc"
)

// census lists the members, each after its parent, and the zombies, and returns who
// of them is not traced yet.
//
// Of a process that is stopped it misses no child. Of one that runs it may, as they
// come and go (fs/proc/array.c: get_children_pid); but then another census follows.
func (t *Tree) census() (fresh []*Member, err error) {
	type relative struct{ pid, parent int }
	t.Members, t.Zombies = nil, nil
	for line := []relative{{t.root, 0}}; len(line) > 0; line = line[1:] {
		pid, parent := line[0].pid, line[0].parent
		if m := t.known[pid]; m != nil {
			m.Parent = parent
			t.Members = append(t.Members, m)
		} else {
			lives, err := t.meet(pid, parent)
			if err != nil {
				return nil, &MemberError{pid, err}
			}
			if lives && !t.isLent(pid) {
				m := t.newMember(pid, parent)
				t.Members, fresh = append(t.Members, m), append(fresh, m)
			}
		}
		children, err := proc.Children(pid)
		if err != nil {
			continue // it has ended meanwhile
		}
		for _, child := range children {
			line = append(line, relative{child, pid})
		}
	}
	return fresh, nil
}

func (t *Tree) newMember(pid, parent int) *Member {
	tasks := func() ([]int, error) { return proc.Tasks(pid) }
	return &Member{Group: newGroup(pid, SysGood, t.until, tasks), Parent: parent}
}

// meet reports whether somebody who is new is to be a member.
func (t *Tree) meet(pid, parent int) (lives bool, err error) {
	s, err := statOfWhole(pid)
	switch {
	case errors.Is(err, ErrLeaderless):
		return false, err
	case err == nil && IsTwin(s):
		return false, nil
	case err == nil && s.State() != 'Z' && s.State() != 'X':
		return true, nil
	case pid == t.root:
		return false, ErrGone
	case err == nil && s.State() == 'Z':
		t.Zombies = append(t.Zombies, Zombie{pid, parent, s})
	}
	return false, nil
}

// leaderLimit is for how long the first thread of a process that ends may be seen to
// have ended before others.
const leaderLimit = 100 * time.Millisecond

// statOfWhole is that of a process that lives, or of which no thread does.
func statOfWhole(pid int) (proc.Stat, error) {
	for begun := time.Now(); ; nap(time.Since(begun)) {
		s, err := proc.ReadStat(pid)
		if err != nil || s.State() != 'Z' {
			return s, err
		}
		if tids, err := proc.Tasks(pid); err != nil || len(tids) <= 1 {
			return s, nil
		}
		if time.Since(begun) > leaderLimit {
			return s, ErrLeaderless
		}
	}
}

// IsTwin tells the twin of a snapshot, which has been told its name, from the
// program's own children.
func IsTwin(s proc.Stat) bool { return s.Comm == ChildName && s.ExitSignal() == 0 }
