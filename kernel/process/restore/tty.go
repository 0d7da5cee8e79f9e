// This file gives session leaders of a tree their controlling terminals, and those
// their foreground groups (tty_ioctl(4), ioctl_tty(2)). What is born in a session
// has its terminal, so that it is taken at once.

package restore

import (
	"encoding/binary"
	"errors"
	"fmt"

	"golang.org/x/sys/unix"

	"snappipe/kernel"
)

// hasTerminal reports whether a member leads a session whose terminal is in the image.
func (t *tree) hasTerminal(m *member) bool {
	for i := range t.img.Open {
		if p := t.img.Open[i].Pty; p != nil && p.Leader == m.index {
			return true
		}
	}
	return false
}

// giveTerminal has a new session leader take its controlling terminal.
func (t *tree) giveTerminal(m *member) error {
	if m.task.Dead() || m.parent != nil && m.task.TTY == 0 || m.parent == nil && !t.hasTerminal(m) {
		return nil
	}
	return t.onTerminal(m, m, "TIOCSCTTY", unix.TIOCSCTTY, nil)
}

// onTerminal has a member make a call of ioctl(2) on the terminal of a session leader,
// by a descriptor that it is lent for that.
func (t *tree) onTerminal(m, leader *member, what string, request uint64, arg []byte) error {
	fd, ok := t.objects.Terminal(leader.index)
	if !ok {
		return kernel.Refuse(fmt.Sprintf("process %d", leader.task.PID), "", "its controlling terminal is not in the image")
	}
	return m.of(m.stub.lend(fd, func(n uint64) error {
		_, err := m.stub.callWith(m.stub.Caller, what, unix.SYS_IOCTL, 2, arg, n, request, 0)
		return err
	}))
}

// lend calls f with the number that a descriptor of ours has in the stub.
func (s *stub) lend(fd int, f func(n uint64) error) error {
	n, err := s.hand(fd)
	if err != nil {
		return err
	}
	err = f(uint64(n))
	_, closed := s.call("close", unix.SYS_CLOSE, uint64(n))
	return errors.Join(err, closed)
}

// leadersWithTerminal are those that have one of the tree.
func (t *tree) leadersWithTerminal() (all []*member) {
	for _, m := range t.members {
		if t.leads(m) && m.task.TTY != 0 && !m.task.Dead() {
			all = append(all, m)
		}
	}
	return all
}

// foregroundGroups are the groups in the foreground of the terminals of the tree,
// of which all may have ended.
func (t *tree) foregroundGroups() (ids []int) {
	for _, m := range t.leadersWithTerminal() {
		if m.task.Foreground > 0 {
			ids = append(ids, m.task.Foreground)
		}
	}
	return ids
}

// leaderOf finds the session leader that has a group in its foreground.
func (t *tree) leaderOf(foreground int) *member {
	for _, m := range t.leadersWithTerminal() {
		if m.task.Foreground == foreground {
			return m
		}
	}
	return nil
}

// foreground puts groups into the foreground, and has those give the terminal up
// who had done so. All signals are blocked, so that SIGTTOU does not matter.
func (t *tree) foreground() error {
	for _, m := range t.leadersWithTerminal() {
		if m.task.Foreground <= 0 {
			continue
		}
		group := binary.NativeEndian.AppendUint32(nil, uint32(m.task.Foreground))
		if err := t.onTerminal(m, m, "TIOCSPGRP", unix.TIOCSPGRP, group); err != nil {
			return err
		}
	}
	for _, leader := range t.leadersWithTerminal() {
		for _, m := range t.members {
			if m.task.SID != leader.task.PID || m.task.TTY != 0 || m.task.Dead() {
				continue
			}
			if err := t.onTerminal(m, leader, "TIOCNOTTY", unix.TIOCNOTTY, nil); err != nil {
				return err
			}
		}
	}
	return nil
}
