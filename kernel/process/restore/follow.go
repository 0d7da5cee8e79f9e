// This file finds out which of the program's open files follow ours.
//
// A file or device on descriptors 0 to 2 is there again as it was, like on any
// other number. What leads out of the program, to a terminal or to another
// process, can't be: it becomes what we have there, 0 our 0, 1 our 1, and 2
// our 2. All that shared it goes along: duplicates, and what was opened on the
// same terminal or the same end of the same pipe.

package restore

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"

	"snappipe/kernel"
	"snappipe/kernel/process/world"
)

// followStandard gives all that is to follow one of ours what it becomes.
func (p *process) followStandard() error {
	if p.options.Stdio == kernel.StdioSaved {
		return nil
	}
	at := map[int][]int{} // by index in Open, the standard descriptors that it is
	for _, f := range p.table.FDs {
		if f.FD <= 2 {
			at[f.Open] = append(at[f.Open], f.FD)
		}
	}
	leads := make([][]int, len(p.img.Open))
	for i := range leads {
		leads[i] = p.leads(i, at)
	}
	for i, numbers := range leads {
		if len(numbers) == 0 {
			continue
		}
		if err := p.follow(i, numbers, len(at[i]) > 0); err != nil {
			return err
		}
	}
	return nil
}

// leads lists the standard descriptors that an open file follows.
func (p *process) leads(i int, at map[int][]int) []int {
	o := &p.img.Open[i]
	if numbers := at[i]; len(numbers) > 0 {
		if p.leaves(o) {
			return numbers
		}
		return nil
	}
	if o.Terminal == nil && o.Pipe == nil {
		return nil
	}
	if o.Terminal != nil && o.Terminal.Controlling && p.options.Stdio != kernel.StdioNull && p.standards.controlling() >= 0 {
		return nil // it is opened by itself
	}
	for n := range 3 {
		for j, numbers := range at {
			if e := &p.img.Open[j]; numbers[0] == n && p.leaves(e) && sameEnd(o, e) {
				return numbers
			}
		}
	}
	return nil
}

// leaves reports whether a standard descriptor is not to be as it was.
func (p *process) leaves(o *world.OpenFile) bool {
	if o.Terminal != nil || o.Outside {
		return true
	}
	if p.options.Stdio != kernel.StdioMine && p.options.Stdio != kernel.StdioNull {
		return false
	}
	switch o.Kind {
	case world.KindFile, world.KindDir, world.KindPath, world.KindDevice, world.KindLost:
		return true
	case world.KindPipe:
		return !p.hasBothEnds(o)
	case world.KindSocket:
		const both = 3 // of Shutdown
		return o.Socket.Orphan || o.Socket.Family != unix.AF_UNIX && o.Socket.Type == unix.SOCK_STREAM && o.Socket.Shutdown == both
	}
	return false // a part of the program, such as a socket that listens
}

// hasBothEnds tells a pipe that is the program's own from one of which the other
// end was closed, maybe by another process.
func (p *process) hasBothEnds(o *world.OpenFile) bool {
	reads, writes := false, false
	for i := range p.img.Open {
		e := &p.img.Open[i]
		if e.Pipe == nil || e.Pipe.Ino != o.Pipe.Ino {
			continue
		}
		reads = reads || e.Flags&unix.O_ACCMODE != unix.O_WRONLY
		writes = writes || e.Flags&unix.O_ACCMODE != unix.O_RDONLY
	}
	return reads && writes
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
func (p *process) follow(i int, numbers []int, isThere bool) error {
	groups, err := p.group(numbers)
	if err != nil {
		return err
	}
	best := 0 // for numbers above 2, and whatever watches it
	for g := range groups {
		if groups[g].to.suits(&p.img.Open[i]) > groups[best].to.suits(&p.img.Open[i]) {
			best = g
		}
	}
	for g := range groups {
		open := i
		if g != best {
			if !isThere {
				continue
			}
			open = p.splitOff(i, groups[g].numbers)
		}
		p.become(open, groups[g].to)
	}
	return nil
}

// group is standard descriptors that are one and the same here.
type group struct {
	to      *standard
	numbers []int
}

func (p *process) group(numbers []int) (groups []group, err error) {
next:
	for _, n := range numbers {
		d, err := p.standards.at(n)
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
		groups = append(groups, group{d, []int{n}})
	}
	return groups, nil
}

// splitOff makes an open file of its own for some of the descriptors of
// another, with the watches of epoll sets that were made by those numbers.
func (p *process) splitOff(i int, numbers []int) int {
	part := len(p.img.Open)
	p.img.Open = append(p.img.Open, p.img.Open[i])
	p.files = append(p.files, openFile{fd: -1})
	is := map[int]bool{}
	for _, n := range numbers {
		is[n] = true
	}
	for f := range p.table.FDs {
		if is[p.table.FDs[f].FD] {
			p.table.FDs[f].Open = part
		}
	}
	for j := range p.img.Open {
		set := p.img.Open[j].Epoll
		if set == nil {
			continue
		}
		for w := range set.Watches {
			if watch := &set.Watches[w]; watch.Open == i && is[watch.FD] {
				watch.Open = part
			}
		}
	}
	return part
}

// openOutside opens what leads out of the program and follows nothing: a FIFO
// is still known by its name, if there is somebody at its other end.
func (p *process) openOutside(o *world.OpenFile) (int, error) {
	if o.File == world.NoIndex {
		return -1, p.refuseOutside(o)
	}
	f, err := p.openPath(&p.img.Files[o.File], o.Flags&openable)
	if err != nil {
		return -1, kernel.Refuse(p.name(o), adviceOutside, "%v", errors.Unwrap(err))
	}
	defer f.Close()
	return takeDescriptor(f, 0)
}

const adviceOutside = "--stdio mine has the program use what snapresume has there"

func (p *process) refuseOutside(o *world.OpenFile) error {
	return kernel.Refuse(p.name(o), adviceOutside, "it led to another process")
}

// become has an open file be what d is.
func (p *process) become(i int, d *standard) {
	o := &p.img.Open[i]
	if d.instead != "" {
		what := "/dev/null"
		if d.terminal != 0 {
			what = "the controlling terminal"
		}
		p.options.Report(fmt.Sprintf("%s becomes %s: %s", p.name(o), what, d.instead))
	}
	if o.Pipe != nil && o.Pipe.Content != world.NoIndex || o.Socket != nil && len(o.Socket.Queue) > 0 {
		p.options.Warn("dropped: what waited in " + p.name(o))
	}
	if len(o.Locks) > 0 {
		p.options.Warn("dropped: the locks of " + p.name(o))
		o.Locks = nil
	}
	p.files[i] = p.handOn(o, d)
}
