// Pseudo-terminal pairs (pty(7)) whose master side the processes have: as script, a
// terminal multiplexer or a pager's tester do.
//
// The two ends share one state: modes, window, and what waits in between. There is no
// peeking at that. It is all read, and put back, which nobody sees while all who have
// an end are stopped: ptyqueue.go and ptyfill.go do it. So nobody else may have one.

package object

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"

	"snappipe/kernel"
	"snappipe/kernel/process/sys"
	"snappipe/kernel/process/world"
)

// In the image: `File` is that by which a master is opened, and `Pty`: `Index`, N of
// /dev/pts/N; `Mode` `UID` `GID` of that; `Termios` (bytes of `struct termios2`); `Window`:
// `Rows` `Cols` `Width` `Height`; `Packet` (TIOCPKT), `Locked` (TIOCSPTLCK) and `Exclusive`
// (TIOCEXCL); `Opened`, if the slave is open or once was; `Stopped`, if output is: by a
// `character` or a `call`; `Leader` of the session whose controlling terminal it is (index of
// `Tasks`, or -1); `Input`, `Output` and `Raw` (index of `Contents`, or -1): what the slave has
// to read, what the master has, and what was typed beyond the 4095 bytes that a terminal looks
// at; `Lines` of the input, an array of `Size` and `Open`: each is what one read(2) gives, an
// empty one is an end of file, and one that is open, the last, is not ended yet. Where
// `Termios` has no lines, all of the input is one that is open.
var ptys = &kind{
	name: world.KindPty, check: checkPty, plan: planPty, contents: contentsOfPty,
	relate: (*Taker).ptys,
	make:   (*Maker).takePty, fill: (*Maker).fillPty, settle: (*Maker).settlePty,
}

// Limits: N_TTY_BUF_SIZE of drivers/tty/n_tty.c, twice the buffer that
// drivers/tty/pty.c gives each direction, and what no pty is numbered above
// (NR_UNIX98_PTY_MAX of include/linux/tty.h).
const (
	ttyBuffer   = 4096
	maxPtyQueue = 64 << 10
	maxPtyIndex = 1 << 20
)

// masterNumber is the device number of all masters (Documentation/admin-guide/devices.txt).
var masterNumber = unix.Mkdev(5, 2)

func planPty(p *planner, o *world.OpenFile) {
	how := Access(unix.O_RDWR) + fmt.Sprintf(", number %d if that is free", o.Pty.Index)
	if o.Pty.Opened {
		how += fmt.Sprintf(", for user %d, group %d, mode %#o", o.Pty.UID, o.Pty.GID, o.Pty.Mode)
	}
	p.Say("open", p.path(o), how)
}

func contentsOfPty(o *world.OpenFile) []*int {
	if o.Pty == nil {
		return nil
	}
	return []*int{&o.Pty.Input, &o.Pty.Output, &o.Pty.Raw}
}

// checkPty finds what no kernel ever said of a pair.
func checkPty(w *world.World, o *world.OpenFile) error {
	p := o.Pty
	if p == nil || o.File == world.NoIndex {
		return errLacks
	}
	if f := &w.Files[o.File]; f.Mode&unix.S_IFMT != unix.S_IFCHR || uint64(f.Rdev) != masterNumber {
		return errors.New("is opened by a path to something else")
	}
	leads := p.Leader == world.NoIndex || p.Opened && isAlive(w, p.Leader) && w.Tasks[p.Leader].SID == w.Tasks[p.Leader].PID
	for i := range w.Open {
		other := &w.Open[i]
		if other != o && other.Pty != nil && other.Pty.Leader == p.Leader && p.Leader != world.NoIndex {
			return fmt.Errorf("is the controlling terminal of task %d, as another is", p.Leader)
		}
	}
	switch {
	case p.Index < 0 || p.Index >= maxPtyIndex:
		return errors.New("has a number that is out of range")
	case len(p.Termios) != sys.TermiosSize:
		return fmt.Errorf("has modes of %d bytes", len(p.Termios))
	case p.Mode&^0o7777 != 0:
		return fmt.Errorf("has the mode %#o", p.Mode)
	case p.Stopped != "" && p.Stopped != world.PtyStoppedByChar && p.Stopped != world.PtyStoppedByCall:
		return fmt.Errorf("is stopped by %q", p.Stopped)
	case !leads:
		return fmt.Errorf("is the controlling terminal of task %d, which leads no session", p.Leader)
	case w.SizeOf(p.Output) > maxPtyQueue, w.SizeOf(p.Raw) > maxPtyQueue:
		return errors.New("holds more than there is room for")
	}
	return checkPtyLines(p, w.SizeOf(p.Input))
}

func checkPtyLines(p *world.Pty, input int64) error {
	size := 0
	for i, l := range p.Lines {
		if l.Size < 0 || l.Size > ttyBuffer || l.Open && i != len(p.Lines)-1 {
			return fmt.Errorf("has a line %d that can't be", i)
		}
		size += max(l.Size, 1) // an empty one is an end of file, which takes a place
		input -= int64(l.Size)
	}
	switch {
	case !hasLines(p) && (len(p.Lines) > 1 || len(p.Lines) == 1 && !p.Lines[0].Open):
		return errors.New("has lines, in a mode without")
	case size >= ttyBuffer:
		return fmt.Errorf("has %d bytes of input", size)
	case input != 0:
		return errors.New("has lines that are not its input")
	}
	return nil
}

// hasLines reports whether a terminal gives its input line by line.
func hasLines(p *world.Pty) bool {
	local := (*sys.Termios)(p.Termios).Local()
	return local&unix.ICANON != 0 && local&unix.EXTPROC == 0
}

// master describes the master side of a pair.
func (t *Taker) master(o *Found, d *world.OpenFile) error {
	fd, err := t.borrow(o)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	const none = world.NoIndex
	p := &world.Pty{Leader: none, Input: none, Output: none, Raw: none}
	if p.Index, err = unix.IoctlGetInt(fd, sys.PtyIndex); err != nil {
		return fmt.Errorf("%s: its number: %w", o.object(o.link), err)
	}
	d.Kind, d.Pty = world.KindPty, p
	return t.owner(fd, o, d)
}

// ptyName is how a pair is spoken of.
func ptyName(p *world.Pty) string { return fmt.Sprintf("the pseudo-terminal /dev/pts/%d", p.Index) }

// takePair takes a pair that is the processes' own.
func (t *Taker) takePair(p *pair) error {
	pty := t.w.Open[p.master].Pty
	pty.Mode, pty.UID, pty.GID = p.st.Mode&0o7777, p.st.Uid, p.st.Gid
	for _, i := range p.slaves {
		if err := t.takeSlave(i, p.master); err != nil {
			return err
		}
	}
	o := p.found(t)
	master, err := t.borrow(o)
	if err != nil {
		return err
	}
	defer unix.Close(master)
	e := &ptyEnds{p: pty, master: master, slave: -1}
	if err := e.readModes(); err != nil {
		return fmt.Errorf("%s: %w", o.object(ptyName(pty)), err)
	}
	if e.slave, err = t.slaveOf(p, master); err != nil {
		return err
	}
	if e.slave < 0 {
		return t.checkUnopened(p, master)
	}
	defer unix.Close(e.slave)
	if err := t.checkPair(o, e); err != nil || t.o.Dry {
		return err
	}
	if err := t.savePair(o, e); err != nil {
		return fmt.Errorf("%s: %w", o.object(ptyName(pty)), err)
	}
	for _, c := range []struct {
		held  []byte
		index *int
	}{{e.input, &pty.Input}, {e.output, &pty.Output}, {e.raw, &pty.Raw}} {
		if len(c.held) > 0 {
			*c.index = t.addBlob(c.held)
		}
	}
	return nil
}

// savePair reads what waits in a pair, and puts it back.
func (t *Taker) savePair(o *Found, e *ptyEnds) error {
	flags, err := unix.FcntlInt(uintptr(e.master), unix.F_GETFL, 0)
	if err != nil {
		return err
	}
	t.tellEmptied(o.ref, e, flags, false)
	err = e.save(func() error {
		t.tellEmptied(o.ref, e, flags, true)
		return t.o.EmptyFault()
	})
	t.o.Emptying(Emptied{PID: o.task.PID, FD: -1})
	return err
}

// readModes reads what the master tells.
func (e *ptyEnds) readModes() (err error) {
	p := e.p
	termios, err := sys.GetTermios(e.master)
	if err != nil {
		return fmt.Errorf("its modes: %w", err)
	}
	p.Termios = termios[:]
	if err := sys.Ioctl(e.master, unix.TIOCGWINSZ, &p.Window); err != nil {
		return fmt.Errorf("its window: %w", err)
	}
	for request, is := range map[uint]*bool{sys.PtyPacket: &p.Packet, sys.PtyLocked: &p.Locked} {
		n, err := unix.IoctlGetInt(e.master, request)
		if err != nil {
			return fmt.Errorf("ioctl %#x: %w", request, err)
		}
		*is = n != 0
	}
	return nil
}

// slaveOf gets a descriptor of the slave side. There is none, -1, if nobody has opened it
// yet: who reads from the master can tell that (drivers/tty/pty.c: TTY_OTHER_CLOSED). Nor
// is one opened while the processes run if they have none.
func (t *Taker) slaveOf(p *pair, master int) (int, error) {
	pty := t.w.Open[p.master].Pty
	events, err := polled(master, unix.POLLIN)
	if err != nil {
		return -1, err
	}
	pty.Opened = len(p.slaves) > 0 || events&unix.POLLHUP != 0
	if !pty.Opened || t.o.Dry && len(p.slaves) == 0 {
		return -1, nil
	}
	own := -1
	for _, i := range p.slaves {
		if own < 0 || t.w.Open[i].Flags&unix.O_ACCMODE == unix.O_RDWR {
			own = i
		}
	}
	if own >= 0 && (t.o.Dry || t.w.Open[own].Flags&unix.O_ACCMODE == unix.O_RDWR) {
		return t.borrow(&Found{ref: t.first[own], link: ptyName(pty)})
	}
	return openSlave(pty, master)
}

// openSlave opens the slave side, although it may be locked.
func openSlave(p *world.Pty, master int) (fd int, err error) {
	if p.Locked {
		if err := unix.IoctlSetPointerInt(master, sys.SetPtyLocked, 0); err != nil {
			return -1, err
		}
		defer func() { err = errors.Join(err, unix.IoctlSetPointerInt(master, sys.SetPtyLocked, 1)) }()
	}
	fd, err = sys.OpenPtySlave(master, unix.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC|unix.O_NONBLOCK)
	if errors.Is(err, unix.EBUSY) {
		return -1, kernel.Refuse(ptyName(p), "take it as root", "the program has it to itself (TIOCEXCL), and not for reading and writing")
	}
	return fd, err
}

// checkUnopened refuses what was typed into a pair of which nobody has opened the slave:
// only that can be told, by the echo.
func (t *Taker) checkUnopened(p *pair, master int) error {
	waiting, err := unix.IoctlGetInt(master, unix.TIOCINQ)
	if err != nil {
		return err
	}
	if waiting > 0 && !t.w.Open[p.master].Pty.Opened {
		return kernel.Refuse(p.found(t).object(ptyName(t.w.Open[p.master].Pty)), "try again when somebody has opened it",
			"something was typed into it, and nobody has opened its other side")
	}
	return nil
}

// checkPair refuses what is not known how to put back.
func (t *Taker) checkPair(o *Found, e *ptyEnds) error {
	p := e.p
	exclusive, err := unix.IoctlGetInt(e.slave, sys.TTYExclusive)
	if err != nil {
		return fmt.Errorf("%s: reading TIOCEXCL: %w", o.object(ptyName(p)), err)
	}
	p.Exclusive = exclusive != 0
	discipline, err := unix.IoctlGetInt(e.slave, unix.TIOCGETD)
	if err != nil {
		return fmt.Errorf("%s: reading its line discipline: %w", o.object(ptyName(p)), err)
	}
	if discipline != 0 { // N_TTY
		return kernel.Refuse(o.object(ptyName(p)), "", "its line discipline is number %d", discipline)
	}
	events, err := polled(e.master, unix.POLLPRI)
	if err != nil {
		return err
	}
	if !t.o.Dry && p.Packet && events&unix.POLLPRI != 0 {
		return kernel.Refuse(o.object(ptyName(p)), "try again", "its master was not told yet what happened to it (TIOCPKT)")
	}
	return nil
}
