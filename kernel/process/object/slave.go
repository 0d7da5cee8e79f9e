// The slave side of pseudo-terminal pairs that are the processes' own, and terminals
// that were hung up.

package object

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"

	"snappipe/kernel/process/sys"
	"snappipe/kernel/process/world"
)

// In the image: `Slave`: `Master`, the other side (index of `Open`), or -1 of a terminal that
// was hung up; `TTY`, if it was opened as /dev/tty.
var slaves = &kind{name: world.KindSlave, check: checkSlave, plan: inward, make: (*Maker).makeSlave}

func checkSlave(w *world.World, o *world.OpenFile) error {
	s := o.Slave
	switch {
	case s == nil:
		return errLacks
	case s.Master == world.NoIndex:
		return nil
	case s.Master < 0 || s.Master >= len(w.Open) || w.Open[s.Master].Pty == nil:
		return fmt.Errorf("is the other side of open file %d, which is no master", s.Master)
	case !w.Open[s.Master].Pty.Opened:
		return errors.New("is open, and was never opened")
	}
	return nil
}

// takeSlave makes a terminal that was found the slave of a pair.
func (t *Taker) takeSlave(i, master int) error {
	d := &t.w.Open[i]
	d.Slave = &world.Slave{Master: master, TTY: t.isTTY(i)}
	d.Kind, d.Terminal = world.KindSlave, nil
	o := t.foundFirst(i)
	fd, err := t.borrow(o)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	return t.owner(fd, o, d)
}

// hungUp describes a terminal that was hung up, as by the end of the session that it
// belonged to or of the master side: which one it was does not matter any more.
func (t *Taker) hungUp(o *Found, d *world.OpenFile) (bool, error) {
	const memory = 1 // null, zero and alike: Documentation/admin-guide/devices.txt
	if d.Flags&unix.O_PATH != 0 || unix.Major(o.st.Rdev) == memory {
		return false, nil
	}
	fd, err := t.borrow(o)
	if err != nil {
		return false, err
	}
	defer unix.Close(fd)
	// drivers/tty/tty_io.c: hung_up_tty_fops
	_, err = sys.GetTermios(fd)
	if !errors.Is(err, unix.EIO) {
		return false, nil
	}
	const hangup = unix.POLLIN | unix.POLLOUT | unix.POLLERR | unix.POLLHUP
	if events, err := polled(fd, hangup); err != nil || events&hangup != hangup {
		return false, err
	}
	d.Kind, d.Slave, d.File = world.KindSlave, &world.Slave{Master: world.NoIndex}, world.NoIndex
	return true, nil
}

// makeSlave opens the slave side.
func (m *Maker) makeSlave(i int) (int, error) {
	o := &m.world.Open[i]
	flags := o.Flags&unix.O_ACCMODE | unix.O_NOCTTY | unix.O_CLOEXEC | unix.O_NONBLOCK
	switch {
	case o.Slave.Master == world.NoIndex:
		return m.makeHungUp(flags)
	case o.Slave.TTY:
		if p := m.inSessionOf(i); p != nil {
			return openTTY(p, flags)
		}
	}
	return sys.OpenPtySlave(m.pairs[o.Slave.Master].master, flags)
}

// inSessionOf returns the process that leads the session of a slave, or nil.
func (m *Maker) inSessionOf(i int) Process {
	leader := m.world.Open[m.world.Open[i].Slave.Master].Pty.Leader
	if leader == world.NoIndex {
		return nil
	}
	return m.tasks[leader]
}

// openTTY has a process open its controlling terminal.
func openTTY(p Process, flags int) (int, error) {
	n, err := callWith(p, "opening /dev/tty", unix.SYS_OPENAT, 1, []byte("/dev/tty\x00"), 0, 0, uint64(flags), 0)
	if err != nil {
		return -1, err
	}
	return TakeOver(p, int(n))
}

// makeHungUp opens a terminal, and hangs it up by closing the other side.
func (m *Maker) makeHungUp(flags int) (int, error) {
	master, err := unix.Open("/dev/ptmx", unix.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC, 0)
	if err != nil {
		return -1, fmt.Errorf("opening /dev/ptmx: %w", err)
	}
	defer unix.Close(master)
	if err := unix.IoctlSetPointerInt(master, sys.SetPtyLocked, 0); err != nil {
		return -1, err
	}
	return sys.OpenPtySlave(master, flags)
}
