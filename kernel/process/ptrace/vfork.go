// This file is about vfork(2), whose caller can't be stopped: it waits in the kernel
// until its child, which runs in its memory, has called exec or ended.
//
// If the child is stopped, both would wait for ever. So it is let go for that while,
// untraced, as any program that it executes then has the rights that it should
// have; once its parent is stopped it is one that is new.

package ptrace

import (
	"fmt"

	"snappipe/kernel/process/proc"
	"snappipe/kernel/process/sys"
)

// VforkError says that a process won't stop because its vfork child neither calls
// exec nor ends.
type VforkError struct{ Child int }

func (e *VforkError) Error() string {
	return fmt.Sprintf("%v: it waits for its vfork child %d", ErrWontStop, e.Child)
}
func (e *VforkError) Unwrap() error { return ErrWontStop }

// borrowers are the children that a member waits for in vfork(2).
func (m *Member) borrowers() (all []int) {
	for _, s := range m.waiting {
		tid := int(s.Thread)
		if !proc.Uninterruptible(m.PID, tid) {
			continue
		}
		children, _ := proc.ChildrenOf(m.PID, tid)
		for _, child := range children {
			if order, err := sys.Kcmp(m.PID, child, sys.KcmpVM, 0, 0); err == nil && order == 0 {
				all = append(all, child)
			}
		}
	}
	return all
}

func anyLends(members []*Member) bool {
	for _, m := range members {
		if len(m.borrowers()) > 0 {
			return true
		}
	}
	return false
}

// lend lets those go that others wait for.
func (t *Tree) lend() error {
	var lent []*Member
	for _, m := range t.known {
		if m.whole {
			continue
		}
		for _, child := range m.borrowers() {
			t.lent[child] = m
			if c := t.known[child]; c != nil && c.whole {
				lent = append(lent, c)
			}
		}
	}
	return t.release(lent, noMemory)
}

// isLent reports whether a process still runs in the memory of a member that waits
// for it.
func (t *Tree) isLent(pid int) bool {
	m := t.lent[pid]
	if m == nil {
		return false
	}
	order, err := sys.Kcmp(m.PID, pid, sys.KcmpVM, 0, 0)
	if err != nil || order != 0 || m.whole || m.ended {
		delete(t.lent, pid)
		return false
	}
	return true
}

// tooLate names who keeps the tree from being stopped in time: whoever waits for a
// child, or else the root, where they are born faster than they are stopped.
func (t *Tree) tooLate() error {
	for _, m := range t.known {
		if !m.whole && len(m.borrowers()) > 0 {
			return t.late(m)
		}
	}
	return &MemberError{t.root, ErrWontStop}
}

// late names a member that has not stopped in time, and whom it waits for.
func (t *Tree) late(m *Member) error {
	if all := m.borrowers(); len(all) > 0 {
		return &MemberError{m.PID, &VforkError{all[0]}}
	}
	if len(m.waiting) == 0 { // it goes on to have new threads
		return &MemberError{m.PID, ErrWontStop}
	}
	return &MemberError{m.PID, m.Group.late()}
}
