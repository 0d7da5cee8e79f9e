// This file is about terminals: how the program's is found and set, and how it
// is handed to the program and taken back, as a shell does with its jobs.

package restore

import (
	"errors"
	"fmt"
	"time"

	"golang.org/x/sys/unix"

	"snappipe/kernel"
	"snappipe/kernel/process/sys"
	"snappipe/kernel/process/world"
)

// openTerminal opens a terminal that follows none of our standard descriptors:
// the controlling terminal, which is ours now.
func (p *process) openTerminal(o *world.OpenFile) (int, error) {
	if p.options.Stdio == kernel.StdioSaved {
		return p.openSavedTerminal(o)
	}
	if !o.Terminal.Controlling {
		return -1, kernel.Refuse(p.name(o), "", "it is a terminal that was not the program's own")
	}
	fd, err := unix.Open("/dev/tty", o.Flags&openable|unix.O_CLOEXEC|unix.O_NOCTTY, 0)
	if err != nil {
		return -1, kernel.Refuse(p.name(o), "resume it from a terminal", "opening /dev/tty: %v", err)
	}
	return fd, nil
}

// openSavedTerminal opens the very terminal that was open, if it is there
// still. Another one may have its number by now.
func (p *process) openSavedTerminal(o *world.OpenFile) (int, error) {
	const advice = "--stdio mine has the program use this one"
	f, err := p.openPath(&p.img.Files[o.File], o.Flags&openable)
	if err != nil {
		return -1, kernel.Refuse(p.name(o), advice, "the terminal is gone: %v", errors.Unwrap(err))
	}
	defer f.Close()
	var st unix.Stat_t
	if err := unix.Fstat(int(f.Fd()), &st); err != nil {
		return -1, err
	}
	if terminalNumber(int(f.Fd())) != uint32(o.Terminal.Device) || st.Ctim.Nano() != o.Terminal.Changed {
		return -1, kernel.Refuse(p.name(o), advice, "it is another terminal now")
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
func (p *process) findScreen() {
	for i := range p.img.Open {
		t := p.img.Open[i].Terminal
		if t == nil || p.files[i].fd < 0 {
			continue
		}
		// Only of the controlling terminal is there a foreground to ask for.
		if _, err := unix.IoctlGetInt(p.files[i].fd, unix.TIOCGPGRP); err == nil {
			p.screen = t
			return
		}
	}
}

// terminal is the controlling terminal of this process, if there is one. The
// program gets it while a shell has this process in its foreground.
type terminal struct {
	fd    int  // -1 if there is none
	own   int  // process group of this process
	given bool // to the program
	// modes are those that the shell gave it to us with, and program those
	// that the program left it in, if it ever had it.
	modes   termios
	program *termios
}

// termios is struct termios2 (include/uapi/asm-generic/termbits.h).
type termios [44]byte

func (p *process) findTerminal() *terminal {
	t := &terminal{fd: -1, own: unix.Getpgrp()}
	fd, err := unix.Open("/dev/tty", unix.O_RDWR|unix.O_CLOEXEC|unix.O_NOCTTY, 0)
	if err != nil {
		return t
	}
	t.fd = fd
	s, q := p.screen, p.task
	// In the background, the modes were those of the shell or another job.
	if s != nil && len(s.Termios) == len(termios{}) && (!s.Controlling || q.Foreground == q.PGID) {
		t.program = (*termios)(s.Termios)
	}
	return t
}

func (t *terminal) ioctl(request uintptr, modes *termios) error {
	if err := sys.Ioctl(t.fd, request, modes); err != nil {
		return fmt.Errorf("the modes of the terminal: %w", err)
	}
	return nil
}

// isOurs reports whether this process is in the foreground.
func (t *terminal) isOurs() bool {
	if t.fd < 0 {
		return false
	}
	now, err := unix.IoctlGetInt(t.fd, unix.TIOCGPGRP)
	return err == nil && now == t.own
}

// becomesOurs reports whether this process is in the foreground, or is about to
// be: what wakes a shell that puts it there, the end of a line, wakes the
// program too if it waits by poll(2), and it is stopped for reading that.
func (t *terminal) becomesOurs() bool {
	const soon, step = 100 * time.Millisecond, 5 * time.Millisecond
	for begun := time.Now(); !t.isOurs(); time.Sleep(step) {
		if time.Since(begun) > soon {
			return false
		}
	}
	return true
}

// give makes a process group that of the foreground, with the modes that it
// left the terminal in. If we are in the background, so is the program.
func (t *terminal) give(group int) error {
	if !t.isOurs() {
		return nil
	}
	if err := t.ioctl(unix.TCGETS2, &t.modes); err != nil {
		return err
	}
	t.given = true
	if t.program != nil {
		if err := t.ioctl(unix.TCSETS2, t.program); err != nil {
			return err
		}
	}
	if err := unix.IoctlSetPointerInt(t.fd, unix.TIOCSPGRP, group); err != nil {
		return fmt.Errorf("putting it into the foreground of the terminal: %w", err)
	}
	return nil
}

// takeBack undoes give, and keeps the modes for the next. SIGTTOU must be
// ignored: this process is in the background until then.
func (t *terminal) takeBack() {
	if !t.given {
		return
	}
	t.given = false
	var now termios
	if t.ioctl(unix.TCGETS2, &now) == nil {
		t.program = &now
	}
	// The terminal may have been hung up, and then nothing is to be done.
	unix.IoctlSetPointerInt(t.fd, unix.TIOCSPGRP, t.own)
	t.ioctl(unix.TCSETS2, &t.modes)
}

func (t *terminal) close() {
	if t.fd >= 0 {
		unix.Close(t.fd)
		t.fd = -1
	}
}
