// This file stops a process and all that descends from it.
//
// Who is stopped neither has children nor ends. So all that are known are stopped,
// who descends from those is listed, and both are done again until a list has nobody
// new. Who was orphaned before his turn came is no descendant any more, or is one of
// a subreaper in the tree, where the next list finds him.

package ptrace

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"snappipe/kernel/process/proc"

	"golang.org/x/sys/unix"
)

// Tree is a process with all that descends from it, all of which is stopped.
type Tree struct {
	Members []*Member // the root first, and each after its parent
	Zombies []Zombie
	// Since is when the first of the threads was asked to stop.
	Since time.Time

	root    int
	tracers *Tracers
	found   func(pid int) (Option, error)
	until   time.Time
	known   map[int]*Member // who is traced
	lent    map[int]*Member // who runs in the memory of a member: see vfork.go
}

// Member is a process of a tree.
type Member struct {
	*Group
	Parent int // process ID
	Share  int // of the [Tracers], on whose thread all requests are to be made

	cost  uint64
	ended bool
}

// Zombie is one that has ended, and was not waited for.
type Zombie struct {
	PID, Parent int
	Stat        proc.Stat
}

// MemberError is why a tree could not be stopped.
type MemberError struct {
	PID int // of the process that is the reason
	Err error
}

func (e *MemberError) Error() string { return fmt.Sprintf("process %d: %v", e.PID, e.Err) }
func (e *MemberError) Unwrap() error { return e.Err }

// TracedError says that somebody else traces a process.
type TracedError struct{ Tracer int }

func (e *TracedError) Error() string { return fmt.Sprintf("process %d traces it", e.Tracer) }

// ErrLeaderless says that the first thread of a process has ended, and others have
// not.
var ErrLeaderless = errors.New("its main thread has ended")

// StopTree stops the process root and all that descends from it, but for twins of
// snapshots (see [IsTwin]). It gives up after the given time.
//
// found is told of each member before that is traced, and says with which options
// that is to be, or why it must not be. It runs on the caller's thread, the first
// of the tracers. All that can be told of beforehand are, before the first of them
// is stopped.
//
// After an error, which is a [*MemberError] if one process is the reason, all that
// had stopped run on. Who had not is let go when its tracer ends, as by [StopAll].
func StopTree(root int, tracers *Tracers, limit time.Duration, found func(pid int) (Option, error)) (*Tree, error) {
	t := &Tree{
		root: root, tracers: tracers, found: found, until: time.Now().Add(limit),
		known: map[int]*Member{}, lent: map[int]*Member{},
	}
	for {
		whole, err := t.pass()
		if err == nil && whole {
			err = t.leaveOrphans()
		}
		if err != nil {
			return nil, errors.Join(err, t.abandon())
		}
		if whole {
			return t, nil
		}
	}
}

// pass lists who is there and stops who is not; whole says that all are.
func (t *Tree) pass() (whole bool, err error) {
	born := proc.Births()
	fresh, err := t.census()
	if err != nil {
		return false, err
	}
	if len(fresh) == 0 && t.stopped() {
		return true, nil
	}
	if time.Now().After(t.until) {
		return false, t.tooLate()
	}
	for _, step := range []func() error{
		func() error { return t.seize(fresh) }, t.settle, t.lend,
	} {
		if err := step(); err != nil {
			return false, err
		}
	}
	// To list the children of each of a thousand threads takes time. It need not be
	// done again if nobody at all was born, and all who were listed are here.
	return t.stopped() && len(t.lent) == 0 && !slices.ContainsFunc(t.Members, (*Member).hasEnded) &&
		born != "" && proc.Births() == born, nil
}

func (m *Member) hasEnded() bool { return m.ended }

func (t *Tree) stopped() bool {
	for _, m := range t.known {
		if !m.whole {
			return false
		}
	}
	return true
}

// everybody is who is traced.
func (t *Tree) everybody() []*Member {
	all := make([]*Member, 0, len(t.known))
	for _, m := range t.known {
		all = append(all, m)
	}
	return all
}

// seize begins to trace members. All of them are, before the first is stopped.
func (t *Tree) seize(fresh []*Member) (err error) {
	for _, m := range fresh {
		if m.options, err = t.found(m.PID); err != nil {
			return &MemberError{m.PID, err}
		}
	}
	t.tracers.share(fresh, t.known)
	for _, m := range fresh {
		t.known[m.PID] = m
	}
	return t.each(fresh, func(all []*Member) error {
		for _, m := range all {
			if err := t.blame(m, m.seizeNew()); err != nil {
				return err
			}
		}
		return nil
	})
}

// each runs f for each share of the members, on the thread that traces it. Who is
// found to have ended is forgotten.
func (t *Tree) each(members []*Member, f func(all []*Member) error) error {
	shares := make([][]*Member, t.tracers.count())
	for _, m := range members {
		shares[m.Share] = append(shares[m.Share], m)
	}
	err := t.tracers.Each(func(share int) error { return f(shares[share]) })
	for _, m := range members {
		if m.ended {
			delete(t.known, m.PID)
		}
	}
	return err
}

// blame names the process of an error. That one has ended is none, but for the root:
// the next list has it as a zombie, or not at all.
func (t *Tree) blame(m *Member, err error) error {
	if err == nil {
		return nil
	}
	s, e := proc.ReadStatus(m.PID)
	switch {
	case e == nil && errors.Is(err, unix.EPERM) && s.Int("TracerPid") != 0:
		err = &TracedError{s.Int("TracerPid")}
	case errors.Is(err, ErrGone) || proc.Exiting(m.PID):
		m.ended = m.reap(leaderLimit)
		switch {
		case !m.ended:
			err = ErrLeaderless
		case m.PID != t.root:
			return nil
		default:
			err = ErrGone
		}
	}
	return &MemberError{m.PID, err}
}

// settle waits for all members to be stopped, but for those that can't be because
// of their children.
func (t *Tree) settle() error {
	return t.each(t.everybody(), func(all []*Member) error {
		for begun := time.Now(); ; {
			moved, left, err := t.advance(all)
			switch waited := time.Since(begun); {
			case err != nil || len(left) == 0:
				return err
			case left[0].overdue():
				return t.late(left[0])
			case moved:
				begun = time.Now()
			case waited > patience && anyLends(left):
				return nil
			default:
				nap(waited)
			}
		}
	})
}

// patience is after what time it is looked why a process does not stop, which most
// do within microseconds.
const patience = 200 * time.Microsecond

// advance takes those members that run closer to where they are stopped, and returns
// those that are not there.
func (t *Tree) advance(all []*Member) (moved bool, left []*Member, err error) {
	for _, m := range all {
		if m.whole || m.ended {
			continue
		}
		closer, err := m.advance()
		if err := t.blame(m, err); err != nil {
			return moved, nil, err
		}
		moved = moved || closer || m.ended
		if !m.whole && !m.ended {
			left = append(left, m)
		}
	}
	return moved, left, nil
}

// leaveOrphans lets those go that were descendants when they were stopped, and are
// not any more, since their parents have ended.
func (t *Tree) leaveOrphans() error {
	in := map[int]bool{}
	for _, m := range t.Members {
		in[m.PID] = true
		if t.Since.IsZero() || m.Since.Before(t.Since) {
			t.Since = m.Since
		}
	}
	var orphans []*Member
	for _, m := range t.known {
		if !in[m.PID] {
			orphans = append(orphans, m)
		}
	}
	return t.release(orphans, noMemory)
}

// abandon lets everybody go, also who was not asked to stop yet.
func (t *Tree) abandon() error {
	const moment = 100 * time.Millisecond
	until := time.Now().Add(moment)
	return t.each(t.everybody(), func(all []*Member) (err error) {
		for _, m := range all {
			err = errors.Join(err, m.abandon(until))
		}
		return err
	})
}

// Release restores all threads of all members, and lets them go when that is done:
// those that run first would take the processor from the others. memory is that of
// a member, as [Group.Release] needs it.
func (t *Tree) Release(memory func(*Member) *Memory) error {
	err := t.release(t.Members, memory)
	t.Members = nil
	return err
}

func noMemory(*Member) *Memory { return nil }

func (t *Tree) release(members []*Member, memory func(*Member) *Memory) error {
	if len(members) == 0 {
		return nil
	}
	restore := func(all []*Member) (err error) {
		for _, m := range all {
			err = errors.Join(err, m.Restore(memory(m)))
		}
		return err
	}
	letGo := func(all []*Member) (err error) {
		for _, m := range all {
			err = errors.Join(err, m.letGo())
			m.ended = true // to this tracer
		}
		return err
	}
	return errors.Join(t.each(members, restore), t.each(members, letGo))
}
