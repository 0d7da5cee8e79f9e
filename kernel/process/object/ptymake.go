// Pairs are made before the processes are, since who leads a session is to have its
// terminal before it has children. What waits in them follows when all are there.

package object

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"slices"

	"golang.org/x/sys/unix"

	"snappipe/kernel/process/sys"
	"snappipe/kernel/process/world"
)

// madePair is a pair that is made.
type madePair struct {
	master, slave int // -1 is none: the slave is there until all have theirs
	index         int
}

func (p *madePair) close() {
	for _, fd := range []*int{&p.master, &p.slave} {
		if *fd >= 0 {
			unix.Close(*fd)
		}
		*fd = -1
	}
}

// MakeTerminals makes the pairs.
func (m *Maker) MakeTerminals() error {
	byFile := map[int][]int{} // those that are opened by the same path
	for i := range m.world.Open {
		if o := &m.world.Open[i]; o.Pty != nil {
			byFile[o.File] = append(byFile[o.File], i)
		}
	}
	for _, those := range byFile {
		if err := m.openMasters(those); err != nil {
			return err
		}
	}
	for i, p := range m.pairs {
		if err := m.prepare(m.world.Open[i].Pty, p); err != nil {
			return fmt.Errorf("%s: %w", ptyName(m.world.Open[i].Pty), err)
		}
	}
	return nil
}

// openMasters opens new pairs until each of those that are wanted has its number, since
// a new one gets the lowest that is free. One whose number is taken gets another.
func (m *Maker) openMasters(wanted []int) (err error) {
	pty := func(i int) *world.Pty { return m.world.Open[i].Pty }
	slices.SortFunc(wanted, func(a, b int) int { return cmp.Compare(pty(a).Index, pty(b).Index) })
	var spare []*madePair
	defer func() {
		for _, p := range spare {
			p.close()
		}
	}()
	left := slices.Clone(wanted)
	for len(left) > 0 && (len(spare) == 0 || spare[len(spare)-1].index < pty(left[len(left)-1]).Index) {
		p, e := m.openMaster(left[0])
		if e != nil {
			err = e // and those that there are have to do
			break
		}
		at := slices.IndexFunc(left, func(i int) bool { return pty(i).Index == p.index })
		if at < 0 {
			spare = append(spare, p)
			continue
		}
		m.pairs[left[at]] = p
		left = slices.Delete(left, at, at+1)
	}
	for _, i := range left {
		if len(spare) == 0 {
			p, e := m.openMaster(i)
			if e != nil {
				return errors.Join(err, e)
			}
			spare = append(spare, p)
		}
		p := spare[0]
		m.pairs[i], spare = p, spare[1:]
		m.options.Warn(fmt.Sprintf("%s is /dev/pts/%d from now on, since its number is taken: it is another terminal that has its name", ptyName(pty(i)), p.index))
	}
	return nil
}

func (m *Maker) openMaster(i int) (*madePair, error) {
	o := &m.world.Open[i]
	f, err := m.OpenPath(&m.world.Files[o.File], unix.O_RDWR)
	if err != nil {
		return nil, Gone(ptyName(o.Pty), err)
	}
	defer f.Close()
	p := &madePair{slave: -1}
	if p.master, err = takeDescriptor(f, 0); err != nil {
		return nil, err
	}
	if p.index, err = unix.IoctlGetInt(p.master, sys.PtyIndex); err != nil {
		p.close()
		return nil, fmt.Errorf("%s: its number: %w", ptyName(o.Pty), err)
	}
	return p, nil
}

// prepare gives a pair what its processes must not see change.
func (m *Maker) prepare(p *world.Pty, made *madePair) (err error) {
	if err := sys.Ioctl(made.master, unix.TIOCSWINSZ, &p.Window); err != nil {
		return fmt.Errorf("setting its window: %w", err)
	}
	if err := sys.SetTermios(made.master, (*sys.Termios)(p.Termios)); err != nil {
		return fmt.Errorf("setting its modes: %w", err)
	}
	if !p.Opened {
		return nil
	}
	if err := unix.IoctlSetPointerInt(made.master, sys.SetPtyLocked, 0); err != nil {
		return err
	}
	if made.slave, err = sys.OpenPtySlave(made.master, unix.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC); err != nil {
		return fmt.Errorf("opening its other side: %w", err)
	}
	return m.ownAs(made.slave, ptyName(p), p.UID, p.GID, p.Mode)
}

// Terminal returns a descriptor of what is the controlling terminal of the session that
// a task leads.
func (m *Maker) Terminal(task int) (fd int, ok bool) {
	for i, p := range m.pairs {
		if m.world.Open[i].Pty.Leader == task {
			return p.slave, true
		}
	}
	return -1, false
}

// takePty is the master, which is there already.
func (m *Maker) takePty(i int) (int, error) {
	return unix.FcntlInt(uintptr(m.pairs[i].master), unix.F_DUPFD_CLOEXEC, 3)
}

// fillPty gives a pair what waited in it.
func (m *Maker) fillPty(i int) (err error) {
	p, made := m.world.Open[i].Pty, m.pairs[i]
	if !p.Opened {
		return nil
	}
	e := &ptyEnds{p: p, master: made.master, slave: made.slave}
	for _, c := range []struct {
		index int
		held  *[]byte
	}{{p.Input, &e.input}, {p.Output, &e.output}, {p.Raw, &e.raw}} {
		if c.index == world.NoIndex {
			continue
		}
		*c.held = make([]byte, m.world.Contents[c.index].Size)
		if _, err := m.contents[c.index].ReadAt(*c.held, 0); err != nil && err != io.EOF {
			return err
		}
	}
	return e.fill()
}

// settlePty does what must come last, when all have their ends.
func (m *Maker) settlePty(i int) error {
	p, made := m.world.Open[i].Pty, m.pairs[i]
	if p.Packet {
		if err := unix.IoctlSetPointerInt(made.master, sys.SetPtyPacket, 1); err != nil {
			return fmt.Errorf("setting TIOCPKT: %w", err)
		}
	}
	if p.Exclusive && made.slave >= 0 {
		if err := unix.IoctlSetInt(made.slave, unix.TIOCEXCL, 0); err != nil {
			return fmt.Errorf("setting TIOCEXCL: %w", err)
		}
	}
	locked := 0
	if p.Locked {
		locked = 1
	}
	if err := unix.IoctlSetPointerInt(made.master, sys.SetPtyLocked, locked); err != nil {
		return fmt.Errorf("setting TIOCSPTLCK: %w", err)
	}
	made.close()
	return nil
}
