// What members share with each other by clone(2): descriptors, and the working
// directory, root and umask. Each has its place in the order of kcmp(2), so that those
// that share come to stand side by side, and nobody is compared with all others.

package capture

import (
	"cmp"
	"errors"
	"slices"

	"snappipe/kernel/process/object"
	"snappipe/kernel/process/proc"
	"snappipe/kernel/process/sys"
	"snappipe/kernel/process/world"
)

// sharing is, of what a member shares with others, the first of those who have it; nil
// if it is the first itself, or has it alone.
type sharing struct{ files, fs *member }

// findSharers finds out who shares what, and refuses what could not be had again. While
// the program runs, what several share may be about to be one's alone: a child of
// vfork(2) has the memory of its parent. That is for when all stand still.
func (t *tree) findSharers() error {
	for _, s := range sharedByProcesses {
		if s.note == nil && t.stopped == nil {
			continue
		}
		alike, err := t.alike(s.kind)
		if err != nil {
			return err
		}
		for _, c := range t.members {
			first := alike[c]
			if first != nil && s.note == nil {
				return c.refuse("", "it shares its %s with %s", s.what, first.object())
			}
			if s.note != nil {
				s.note(c, first)
			}
		}
	}
	for _, c := range t.members {
		c.opener.Shares = c.opens()
	}
	return t.checkBirths()
}

// opens is who looks at the descriptors of a member, or nil if it has its own.
func (c *member) opens() *object.Task {
	if c.sharing.files == nil {
		return nil
	}
	return c.sharing.files.opener
}

// alike returns for each that has something in common with others the first of them,
// but for that itself.
func (t *tree) alike(kind int) (map[*member]*member, error) {
	var failed error
	place := make(map[*member]int, len(t.members))
	for i, c := range t.members {
		place[c] = i
	}
	compare := func(a, b *member) int {
		order, err := sys.Kcmp(a.pid, b.pid, kind, 0, 0)
		if err != nil && t.stopped == nil {
			return cmp.Compare(place[a], place[b]) // one has ended
		}
		failed = errors.Join(failed, err)
		return order
	}
	inOrder := slices.SortedFunc(slices.Values(t.members), func(a, b *member) int {
		return cmp.Or(compare(a, b), cmp.Compare(place[a], place[b]))
	})
	first := map[*member]*member{}
	for i, c := range inOrder[1:] {
		if before := inOrder[i]; compare(before, c) == 0 {
			first[c] = cmp.Or(first[before], before)
		}
	}
	return first, failed
}

// checkBirths refuses processes that no tree could be made of in which they share what
// they share.
func (t *tree) checkBirths() error {
	if !slices.ContainsFunc(t.members, func(c *member) bool { return c.sharing != sharing{} }) {
		return nil
	}
	if t.stopped == nil {
		for _, c := range t.members {
			if err := c.readStat(); err != nil && !proc.IsGone(err) {
				return err
			}
		}
	}
	tasks := make([]world.Task, len(t.members))
	for i, c := range t.members {
		s := &c.before.stat
		tasks[i] = world.Task{PID: c.pid, PPID: s.Parent(), SID: s.Session(), Table: t.firstOf(c, c.sharing.files), FS: 1 + t.firstOf(c, c.sharing.fs)}
	}
	_, err := world.Births(tasks)
	var unborn *world.UnbornError
	if !errors.As(err, &unborn) {
		return err
	}
	return t.member(unborn.PID).refuse("", "%v", unborn)
}

// firstOf is the index of the first of those who share something with a member.
func (t *tree) firstOf(c, first *member) int { return slices.Index(t.members, cmp.Or(first, c)) }

// leaveOneTable gives those that share their descriptors one table of the image, and
// what else they share one number.
func (t *tree) leaveOneTable() {
	all := t.img.Tables
	t.img.Tables = nil
	for i, c := range t.members {
		if first := c.sharing.files; first != nil {
			c.task.Table = first.task.Table
			continue
		}
		c.task.Table = len(t.img.Tables)
		t.img.Tables = append(t.img.Tables, all[i])
	}
	for i, c := range t.members {
		if first := c.sharing.fs; first != nil {
			first.task.FS = 1 + slices.Index(t.members[:i], first)
			c.task.FS = first.task.FS
		}
	}
}
