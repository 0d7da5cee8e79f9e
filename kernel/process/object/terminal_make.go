// This file opens terminals, and finds that of this process among them.

package object

import (
	"errors"

	"golang.org/x/sys/unix"

	"snappipe/kernel"
	"snappipe/kernel/process/world"
)

var terminals = &kind{name: world.KindTerminal, check: checkTerminal, make: (*Maker).openTerminal}

func checkTerminal(w *world.World, o *world.OpenFile) error {
	if o.Terminal == nil {
		return errLacks
	}
	return hasFile(w, o)
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
