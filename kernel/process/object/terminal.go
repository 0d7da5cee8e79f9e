// Terminals: what each is like, and which of them this process has as well.

package object

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"

	"snappipe/kernel"
	"snappipe/kernel/process/sys"
	"snappipe/kernel/process/world"
)

// In the image: `File`, and `Terminal`: `Device` (hex), its number of `TIOCGDEV`, also where
// it was opened as /dev/tty; `Changed`, the st_ctim in nanoseconds of the file at its path, by
// which terminals of one number differ; `Termios` (bytes of `struct termios2`) `Rows` `Cols`;
// `Controlling`, if it was the controlling terminal. It is that, or is on the same terminal as
// one of descriptors 0 to 2.
var terminals = &kind{name: world.KindTerminal, check: checkTerminal, plan: planTerminal, relate: (*Taker).terminals, make: (*Maker).openTerminal}

func checkTerminal(w *world.World, o *world.OpenFile) error {
	if o.Terminal == nil {
		return errLacks
	}
	return isOf(unix.S_IFCHR)(w, o)
}

// planTerminal is about one that follows none of our standard descriptors.
func planTerminal(p *planner, o *world.OpenFile) {
	p.Say("hand over", "terminal", "in the place of that of the program")
	p.Say("open", "/dev/tty", Access(o.Flags)+", if it was the controlling terminal and is none of descriptors 0 to 2")
	p.Say("open", p.path(o), Access(o.Flags)+", with --stdio saved")
}

// openTerminal opens a terminal that follows none of our standard descriptors:
// the controlling terminal, which is ours now.
func (m *Maker) openTerminal(i int) (int, error) {
	o := &m.world.Open[i]
	if m.options.Stdio == kernel.StdioSaved {
		return m.openSavedTerminal(i)
	}
	if !o.Terminal.Controlling {
		return -1, kernel.Refuse(m.name(i), "", "it is a terminal that was not the program's own")
	}
	fd, err := unix.Open("/dev/tty", o.Flags&openable|unix.O_CLOEXEC|unix.O_NOCTTY, 0)
	if err != nil {
		return -1, kernel.Refuse(m.name(i), "resume it from a terminal", "opening /dev/tty: %v", err)
	}
	return fd, nil
}

// openSavedTerminal opens the very terminal that was open, if it is there
// still. Another one may have its number by now.
func (m *Maker) openSavedTerminal(i int) (int, error) {
	o := &m.world.Open[i]
	const advice = "--stdio mine has the program use this one"
	f, err := m.OpenPath(&m.world.Files[o.File], o.Flags&openable)
	if err != nil {
		return -1, kernel.Refuse(m.name(i), advice, "the terminal is gone: %v", errors.Unwrap(err))
	}
	defer f.Close()
	var st unix.Stat_t
	if err := unix.Fstat(int(f.Fd()), &st); err != nil {
		return -1, err
	}
	if terminalNumber(int(f.Fd())) != uint32(o.Terminal.Device) || st.Ctim.Nano() != o.Terminal.Changed {
		return -1, kernel.Refuse(m.name(i), advice, "it is another terminal now")
	}
	return takeDescriptor(f, 0)
}

// terminalNumber is the number of the terminal that fd is open on, or 0: also
// for the master side, which is none to a program.
func terminalNumber(fd int) uint32 {
	if _, err := unix.IoctlGetInt(fd, unix.TIOCGPTN); err == nil {
		return 0
	}
	n, err := unix.IoctlGetUint32(fd, unix.TIOCGDEV)
	if err != nil {
		return 0
	}
	return n
}

// findScreen finds out whether, and as what, the program has our controlling
// terminal open.
func (m *Maker) findScreen() {
	for i := range m.world.Open {
		t := m.world.Open[i].Terminal
		if t == nil || m.made[i].fd < 0 {
			continue
		}
		// Only of the controlling terminal is there a foreground to ask for.
		if _, err := unix.IoctlGetInt(m.made[i].fd, unix.TIOCGPGRP); err == nil {
			m.screen = t
			return
		}
	}
}

// Screen is what the program had open of which it has our controlling terminal, or
// nil.
func (m *Maker) Screen() *world.Terminal { return m.screen }

// terminals loses those that are somebody else's: neither that of a standard
// descriptor nor the program's controlling terminal.
func (t *Taker) terminals() error {
	standard := map[world.Hex]bool{}
	for _, d := range t.standard() {
		if d.Terminal != nil {
			standard[d.Terminal.Device] = true
		}
	}
	for i := range t.w.Open {
		d := &t.w.Open[i]
		if d.Terminal == nil || d.Terminal.Controlling || standard[d.Terminal.Device] {
			continue
		}
		what := fmt.Sprintf("the terminal %s", t.w.Files[d.File].Path)
		if err := t.lose(&Found{ref: t.first[i]}, d, what, "it is not the program's own"); err != nil {
			return err
		}
	}
	return nil
}

func (t *Taker) terminal(o *Found, d *world.OpenFile) (bool, error) {
	fd, err := t.borrow(o)
	if err != nil {
		return false, err
	}
	defer unix.Close(fd)
	termios, err := sys.GetTermios(fd)
	if err != nil {
		return false, nil // ENOTTY: another kind of device
	}
	size, err := unix.IoctlGetWinsize(fd, unix.TIOCGWINSZ)
	if err != nil {
		size = &unix.Winsize{}
	}
	device, err := unix.IoctlGetUint32(fd, unix.TIOCGDEV)
	if err != nil {
		return false, fmt.Errorf("asking which terminal %s is: %w", o.object(o.link), err)
	}
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return false, fmt.Errorf("%s: %w", o.object(o.link), err)
	}
	if d.Flags&unix.O_ASYNC != 0 {
		if err := t.owner(fd, o, d); err != nil {
			return false, err
		}
	}
	d.Kind = world.KindTerminal
	d.Terminal = &world.Terminal{
		Device: world.Hex(device), Changed: st.Ctim.Nano(),
		Termios: termios[:], Rows: size.Row, Cols: size.Col,
		Controlling: device == uint32(o.task.Stat.Terminal()),
	}
	return true, nil
}
