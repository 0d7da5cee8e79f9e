// This file finds out which of the program's open files follow ours.
//
// A file or device on descriptors 0 to 2 is there again as it was, like on any
// other number. What leads out of the program, to a terminal or to another
// process, can't be: it becomes what we have there, 0 our 0, 1 our 1, and 2
// our 2. All that shared it goes along: duplicates, and what was opened on the
// same terminal or the same end of the same pipe.

package object

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"

	"snappipe/kernel"
	"snappipe/kernel/process/world"
)

// followStandard gives all that is to follow one of ours what it becomes.
func (m *Maker) followStandard() error {
	if m.options.Stdio == kernel.StdioSaved {
		return nil
	}
	at := map[int][]int{} // by index in Open, the standard descriptors that it is
	for _, f := range m.fds(0) {
		if f.FD <= 2 {
			at[f.Open] = append(at[f.Open], f.FD)
		}
	}
	leads := make([][]int, len(m.world.Open))
	for i := range leads {
		leads[i] = m.leads(i, at)
	}
	for i, numbers := range leads {
		if len(numbers) == 0 {
			continue
		}
		if err := m.follow(i, numbers, len(at[i]) > 0); err != nil {
			return err
		}
	}
	return nil
}

// leads lists the standard descriptors that an open file follows.
func (m *Maker) leads(i int, at map[int][]int) []int {
	o := &m.world.Open[i]
	if numbers := at[i]; len(numbers) > 0 {
		if m.leaves(o) {
			return numbers
		}
		return nil
	}
	if o.Terminal == nil && o.Pipe == nil {
		return nil
	}
	if o.Terminal != nil && o.Terminal.Controlling && m.options.Stdio != kernel.StdioNull && m.standards.controlling() >= 0 {
		return nil // it is opened by itself
	}
	for n := range 3 {
		for j, numbers := range at {
			if e := &m.world.Open[j]; numbers[0] == n && m.leaves(e) && sameEnd(o, e) {
				return numbers
			}
		}
	}
	return nil
}

// leaves reports whether a standard descriptor is not to be as it was.
func (m *Maker) leaves(o *world.OpenFile) bool {
	if o.Terminal != nil || o.Outside {
		return true
	}
	if m.options.Stdio != kernel.StdioMine && m.options.Stdio != kernel.StdioNull {
		return false
	}
	ends := byName[o.Kind].ends
	return ends != nil && ends(m, o)
}

// sameEnd reports whether two open files are on one terminal, or the same end
// of one pipe.
func sameEnd(a, b *world.OpenFile) bool {
	if a.Terminal != nil && b.Terminal != nil {
		return a.Terminal.Device == b.Terminal.Device
	}
	return a.Pipe != nil && b.Pipe != nil && a.Pipe.Ino == b.Pipe.Ino && (a.Flags^b.Flags)&unix.O_ACCMODE == 0
}

// follow hands on what open file i becomes. Where it is several of the
// standard descriptors and they differ here, it becomes several open files.
func (m *Maker) follow(i int, numbers []int, isThere bool) error {
	groups, err := m.alike(numbers)
	if err != nil {
		return err
	}
	best := 0 // for numbers above 2, and whatever watches it
	for g := range groups {
		if groups[g].to.suits(&m.world.Open[i]) > groups[best].to.suits(&m.world.Open[i]) {
			best = g
		}
	}
	for g := range groups {
		open := i
		if g != best {
			if !isThere {
				continue
			}
			open = m.splitOff(i, groups[g].numbers)
		}
		m.become(open, groups[g].to)
	}
	return nil
}

// alike are standard descriptors that are one and the same here.
type alike struct {
	to      *standard
	numbers []int
}

func (m *Maker) alike(numbers []int) (groups []alike, err error) {
next:
	for _, n := range numbers {
		d, err := m.standards.at(n)
		if err != nil {
			return nil, err
		}
		for g := range groups {
			if g := &groups[g]; g.to.same(d) {
				g.numbers = append(g.numbers, n)
				if g.to.instead != "" {
					g.to = d // which is not called /dev/tty
				}
				continue next
			}
		}
		groups = append(groups, alike{d, []int{n}})
	}
	return groups, nil
}

// splitOff makes an open file of its own for some of the descriptors of
// another, with the watches of epoll sets that were made by those numbers.
func (m *Maker) splitOff(i int, numbers []int) int {
	part := len(m.world.Open)
	m.world.Open = append(m.world.Open, m.world.Open[i])
	m.made = append(m.made, made{fd: -1})
	is := map[int]bool{}
	for _, n := range numbers {
		is[n] = true
	}
	for f := range m.fds(0) {
		if is[m.fds(0)[f].FD] {
			m.fds(0)[f].Open = part
		}
	}
	for j := range m.world.Open {
		set := m.world.Open[j].Epoll
		if set == nil {
			continue
		}
		for w := range set.Watches {
			if watch := &set.Watches[w]; watch.Open == i && is[watch.FD] {
				watch.Open = part
			}
		}
	}
	m.findHolders()
	return part
}

// openOutside opens what leads out of the program and follows nothing: a FIFO
// is still known by its name, if there is somebody at its other end.
func (m *Maker) openOutside(i int) (int, error) {
	o := &m.world.Open[i]
	if o.File == world.NoIndex {
		return -1, m.refuseOutside(i)
	}
	f, err := m.OpenPath(&m.world.Files[o.File], o.Flags&openable)
	if err != nil {
		return -1, kernel.Refuse(m.name(i), adviceOutside, "%v", errors.Unwrap(err))
	}
	defer f.Close()
	return takeDescriptor(f, 0)
}

const adviceOutside = "--stdio mine has the program use what snapresume has there"

func (m *Maker) refuseOutside(i int) error {
	return kernel.Refuse(m.name(i), adviceOutside, "it led to another process")
}

// become has an open file be what d is.
func (m *Maker) become(i int, d *standard) {
	o := &m.world.Open[i]
	if d.instead != "" {
		what := "/dev/null"
		if d.terminal != 0 {
			what = "the controlling terminal"
		}
		m.options.Report(fmt.Sprintf("%s becomes %s: %s", m.name(i), what, d.instead))
	}
	if holds := m.kindOf(i).holds; holds != nil && holds(o) {
		m.options.Warn("dropped: what waited in " + m.name(i))
	}
	if len(o.Locks) > 0 {
		m.options.Warn("dropped: the locks of " + m.name(i))
		o.Locks = nil
	}
	m.made[i] = m.handOn(i, d)
}
