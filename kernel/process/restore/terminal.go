// This file is about the controlling terminal: how it is handed to the program and
// taken back, as a shell does with its jobs.

package restore

import (
	"fmt"
	"time"

	"golang.org/x/sys/unix"

	"snappipe/kernel/process/sys"
)

// terminal is the controlling terminal of this process, if there is one. The
// program gets it while a shell has this process in its foreground.
type terminal struct {
	fd    int  // -1 if there is none
	own   int  // process group of this process
	given bool // to the program
	// modes are those that the shell gave it to us with, and program those
	// that the program left it in, if it ever had it.
	modes   sys.Termios
	program *sys.Termios
}

func (p *process) findTerminal() *terminal {
	t := &terminal{fd: -1, own: unix.Getpgrp()}
	fd, err := unix.Open("/dev/tty", unix.O_RDWR|unix.O_CLOEXEC|unix.O_NOCTTY, 0)
	if err != nil {
		return t
	}
	t.fd = fd
	s, q := p.screen, p.task
	// In the background, the modes were those of the shell or another job.
	if s != nil && len(s.Termios) == sys.TermiosSize && (!s.Controlling || q.Foreground == q.PGID) {
		t.program = (*sys.Termios)(s.Termios)
	}
	return t
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
	modes, err := sys.GetTermios(t.fd)
	if err == nil {
		t.modes, t.given = modes, true
		if t.program != nil {
			err = sys.SetTermios(t.fd, t.program)
		}
	}
	if err != nil {
		return fmt.Errorf("the modes of the terminal: %w", err)
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
	if now, err := sys.GetTermios(t.fd); err == nil {
		t.program = &now
	}
	// The terminal may have been hung up, and then nothing is to be done.
	unix.IoctlSetPointerInt(t.fd, unix.TIOCSPGRP, t.own)
	_ = sys.SetTermios(t.fd, &t.modes)
}

func (t *terminal) close() {
	if t.fd >= 0 {
		unix.Close(t.fd)
		t.fd = -1
	}
}
