// Guard pages: what MADV_GUARD_INSTALL of madvise(2) makes of pages, to touch
// which is SIGSEGV, as stacks of threads end in. They are entries of the page
// tables, so a fork has them, but for memory that it wipes; and nothing of them
// shows in what lies around them or, in mappings of files, under them.

package capture

import (
	"errors"
	"fmt"

	"snappipe/kernel/process/proc"
	"snappipe/kernel/process/ptrace"
	"snappipe/kernel/process/world"

	"golang.org/x/sys/unix"
)

// noteGuards keeps those of a mapping of the program itself, where the twin
// does not have them.
func (c *member) noteGuards(m *proc.Map, pagemap *proc.Pagemap) error {
	s, err := pagemap.Scan(m.Start, m.End, proc.Private)
	if err == nil {
		err = c.tellGuards(&s, m.Swap, pagemap.TellsGuards(), c.mem)
	}
	c.guards[m.Start] = s.Guards
	return err
}

// scanTwin looks for the pages of a mapping in the twin, and takes the guards
// there away once they are known: what they cover can then be read as anything
// else.
func (c *member) scanTwin(m *proc.Map, pagemap *proc.Pagemap, which proc.Pages) ([]proc.Run, error) {
	s, err := pagemap.Scan(m.Start, m.End, which)
	if err == nil {
		err = c.tellGuards(&s, m.Swap, pagemap.TellsGuards(), c.twin.Memory)
	}
	if err == nil {
		err = c.twin.removeGuards(s.Guards)
	}
	if len(s.Guards) > 0 {
		c.guards[m.Start] = s.Guards
	}
	return s.Pages, err
}

// noteCovers keeps the guards of a shared mapping, once.
func (c *member) noteCovers(m *proc.Map, pagemap *proc.Pagemap) (err error) {
	if _, known := c.guards[m.Start]; !known {
		c.guards[m.Start], err = pagemap.Guards(m.Start, m.End)
	}
	return err
}

// uncovered is a way to read a shared mapping: by the twin where guards cover
// what lies in it, since they can be removed there.
func (c *member) uncovered(m *proc.Map, pagemap *proc.Pagemap) (*ptrace.Memory, error) {
	err := c.noteCovers(m, pagemap)
	if err != nil || len(c.guards[m.Start]) == 0 {
		return c.mem, err
	}
	err = c.twin.removeGuards(c.guards[m.Start])
	if errors.Is(err, unix.ENOMEM) { // not in the twin
		return nil, c.refuseCovered(m)
	}
	return c.twin.Memory, err
}

func (c *member) refuseCovered(m *proc.Map) error {
	return c.refuse("", "its mapping %x-%x %s is not for a fork, and guard pages cover what is in it", m.Start, m.End, m.Path)
}

func (w *Twin) removeGuards(all []proc.Run) error {
	for _, r := range all {
		if _, err := w.call.Call(unix.SYS_MADVISE, r.Start, r.End-r.Start, unix.MADV_GUARD_REMOVE); err != nil {
			return fmt.Errorf("removing guard pages of the twin: %w", err)
		}
	}
	return nil
}

// tellGuards finds those among the pages that are said to be swapped out that
// really are entries of another kind, which nobody can read; swap is how many
// bytes are in truth. Where all guards were told already, such a page is a broken
// one; and where not (Linux 6.13 to 6.15), a guard.
func (c *member) tellGuards(s *proc.Scan, swap uint64, told bool, mem *ptrace.Memory) error {
	if size(s.Swapped) <= swap {
		return nil
	}
	for _, r := range s.Swapped {
		for at := r.Start; at < r.End; at += world.Page {
			err := mem.Read(make([]byte, 1), at)
			switch {
			case err == nil:
			case !errors.Is(err, unix.EIO) && !errors.Is(err, unix.EFAULT):
				return err
			case told:
				return c.refuse("", "its memory at %x can't be read, as after a hardware error", at)
			default:
				s.Guards = append(s.Guards, proc.Run{Start: at, End: at + world.Page})
			}
		}
	}
	s.Pages = without(s.Pages, s.Guards)
	return nil
}

func size(runs []proc.Run) (n uint64) {
	for _, r := range runs {
		n += r.End - r.Start
	}
	return n
}

// without returns what of runs is in none of others, which lie within them and
// in the same order.
func without(runs, others []proc.Run) (left []proc.Run) {
	for _, r := range runs {
		for len(others) > 0 && others[0].Start < r.End {
			if r.Start < others[0].Start {
				left = append(left, proc.Run{Start: r.Start, End: others[0].Start})
			}
			r.Start, others = others[0].End, others[1:]
		}
		if r.Start < r.End {
			left = append(left, r)
		}
	}
	return left
}
