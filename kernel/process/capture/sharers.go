// What members share with each other by clone(2): memory, signal actions, descriptors, and
// the working directory, root and umask. Each has its place in the order of kcmp(2), so that
// those that share come to stand side by side, and nobody is compared with all others.
//
// Memory that several have is looked at, and read, as that of the first of them. Each of
// them forks all the same, since what else there is to know of a process its twin tells; but
// one after the other, as the calls by which it is done lie in that memory.

package capture

import (
	"cmp"
	"errors"
	"slices"

	"snappipe/kernel/process/object"
	"snappipe/kernel/process/proc"
	"snappipe/kernel/process/ptrace"
	"snappipe/kernel/process/sys"
	"snappipe/kernel/process/world"
)

// sharing is, of what a member shares with others, the first of those who have it; nil
// if it is the first itself, or has it alone.
type sharing struct{ memory, actions, files, fs *member }

// findSharers finds out who shares what, and refuses what could not be had again.
func (t *tree) findSharers() error {
	for _, s := range sharedByProcesses {
		alike, err := t.alike(s.kind)
		if err != nil {
			return err
		}
		for _, c := range t.members {
			s.note(c, alike[c])
		}
	}
	for _, c := range t.members {
		c.opener.Shares, c.lends = c.opens(), false
	}
	for _, c := range t.members {
		if first := c.sharing.memory; first != nil {
			first.lends = true
		}
	}
	return t.checkBirths()
}

// ownsMemory reports whether its memory is looked at as that of this member.
func (c *member) ownsMemory() bool { return c.sharing.memory == nil }

// eachSpace is each for the memory of all, which several may have.
func (t *tree) eachSpace(steps ...func(*member) error) error {
	for i, step := range steps {
		steps[i] = func(c *member) error {
			if c.ownsMemory() {
				return step(c)
			}
			return nil
		}
	}
	return t.each(steps...)
}

// inTurn are the members, in rounds of which each has one of those that share memory.
func (t *tree) inTurn() (rounds [][]*member) {
	taken := map[*member]int{}
	for _, c := range t.members {
		first := cmp.Or(c.sharing.memory, c)
		n := taken[first]
		taken[first]++
		if n == len(rounds) {
			rounds = append(rounds, nil)
		}
		rounds[n] = append(rounds[n], c)
	}
	return rounds
}

// notAreas are the mappings, and where others that have this memory had theirs for calls: if
// this process is killed, what is one's is not to be put away for another's.
func (c *member) notAreas() []proc.Map {
	owner := cmp.Or(c.sharing.memory, c)
	return slices.Concat(c.frozen.maps, owner.areas)
}

func (c *member) noteArea(a ptrace.Area) {
	owner := cmp.Or(c.sharing.memory, c)
	owner.areas = append(owner.areas, proc.Map{Start: a.Code, End: a.Code + a.Size})
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
		tasks[i] = world.Task{
			PID: c.pid, PPID: s.Parent(), SID: s.Session(),
			Space: t.firstOf(c, c.sharing.memory), Table: t.firstOf(c, c.sharing.files),
			Actions: 1 + t.firstOf(c, c.sharing.actions), FS: 1 + t.firstOf(c, c.sharing.fs),
		}
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

// joinSharers has those that share something refer to one thing in the image, or have
// one number.
func (t *tree) joinSharers() {
	tables := t.img.Tables
	t.img.Tables = nil
	for i, c := range t.members {
		if first := c.sharing.memory; first != nil {
			c.task.Space = first.task.Space
		} else {
			c.task.Space = len(t.img.Spaces)
			t.img.Spaces = append(t.img.Spaces, *c.space)
		}
		if first := c.sharing.files; first != nil {
			c.task.Table = first.task.Table
		} else {
			c.task.Table = len(t.img.Tables)
			t.img.Tables = append(t.img.Tables, tables[i])
		}
		if first := c.sharing.fs; first != nil {
			first.task.FS = 1 + t.firstOf(c, first)
			c.task.FS = first.task.FS
		}
		if first := c.sharing.actions; first != nil {
			first.task.Actions = 1 + t.firstOf(c, first)
			c.task.Actions = first.task.Actions
		}
	}
}
