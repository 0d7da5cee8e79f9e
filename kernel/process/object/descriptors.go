// This file puts open files at their numbers in the processes that had them.

package object

import (
	"fmt"
	"slices"

	"golang.org/x/sys/unix"

	"snappipe/kernel/process/world"
)

// holder is a process that has an open file, and a descriptor of that there.
type holder struct {
	task int // index in world.Tasks
	fd   world.FD
}

// findHolders finds those of every open file, in the order of the tasks.
func (m *Maker) findHolders() {
	m.holders = make([][]holder, len(m.world.Open))
	for t, p := range m.tasks {
		if p == nil || !m.isFirst(t) {
			continue
		}
		for _, f := range m.fds(t) {
			m.holders[f.Open] = append(m.holders[f.Open], holder{t, f})
		}
	}
}

// fds are the descriptors of a task, if it is alive.
func (m *Maker) fds(task int) []world.FD {
	if t := m.world.Tasks[task].Table; t != world.NoIndex {
		return m.world.Tables[t].FDs
	}
	return nil
}

// isFirst reports whether a task is the first of those that share its descriptors: what
// there is to do with these, it does for all.
func (m *Maker) isFirst(task int) bool { return m.firsts[m.world.Tasks[task].Table] == task }

// byTask returns the process that makes calls for an open file: the first that has
// it, or the root for what is on its way from one to another.
func (m *Maker) byTask(i int) Process {
	if len(m.holders[i]) == 0 {
		return m.tasks[0]
	}
	return m.tasks[m.holders[i][0].task]
}

// Place gives a process its descriptors, and Placed does what is left when all have
// theirs.
func (m *Maker) Place(p Process) error {
	task := slices.Index(m.tasks, p)
	if !m.isFirst(task) {
		return nil
	}
	return m.placeIn(p, m.fds(task))
}

func (m *Maker) Placed() error { return m.setAsync() }

// placeIn has a process receive open files, in the order of the numbers that they are
// to have. They come at the lowest that are free, so that none comes at a higher one
// than it is to have, and the last can be moved on first: what is there has been.
func (m *Maker) placeIn(p Process, fds []world.FD) error {
	numbers := map[int][]world.FD{} // by index in world.Open
	var order []int
	taken := map[int]bool{}
	for _, f := range fds {
		if numbers[f.Open] == nil {
			order = append(order, f.Open)
		}
		numbers[f.Open] = append(numbers[f.Open], f)
		taken[f.FD] = true
	}
	m.watchedNumbers(order, taken)
	free := 0
	for taken[free] {
		free++
	}
	if err := p.CloseAll(free); err != nil {
		return err
	}
	ours := make([]int, len(order))
	for k, i := range order {
		ours[k] = m.made[i].fd
	}
	came, err := p.Hand(ours...)
	if err != nil {
		return err
	}
	for k, i := range slices.Backward(order) {
		if err := placeOne(p, came[k], numbers[i]); err != nil {
			return m.about(i, err)
		}
	}
	return nil
}

// placeOne puts an open file, which has come at n, at its numbers.
func placeOne(p Process, n int, numbers []world.FD) error {
	stays := false
	for _, to := range numbers {
		if to.FD == n {
			stays = true
			if !to.CloseOnExec { // as which it came
				if _, err := p.Call("fcntl", unix.SYS_FCNTL, uint64(n), unix.F_SETFD, 0); err != nil {
					return err
				}
			}
			continue
		}
		if err := moveTo(p, uint64(n), to); err != nil {
			return err
		}
	}
	if stays {
		return nil
	}
	_, err := p.Call("close", unix.SYS_CLOSE, uint64(n))
	return err
}

// moveTo makes a descriptor of a process what is at number from.
func moveTo(p Process, from uint64, to world.FD) error {
	flags := uint64(0)
	if to.CloseOnExec {
		flags = unix.O_CLOEXEC
	}
	_, err := p.Call(fmt.Sprintf("dup3 to %d", to.FD), unix.SYS_DUP3, from, uint64(to.FD), flags)
	return err
}
