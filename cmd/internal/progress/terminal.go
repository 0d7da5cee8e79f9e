// The terminal, of which one tool of a pipeline has the last line.

package progress

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"
	"golang.org/x/term"
)

// terminal is an open file description of this process alone, for the lock to
// belong to it: the one behind standard error is shared with the shell and
// all other tools.
type terminal struct {
	f      *os.File
	fd     int
	locked bool
}

// openTerminal returns nil if f is no terminal, or none that can be opened
// again, as after su(1) to another user.
func openTerminal(f *os.File) *terminal {
	if !term.IsTerminal(int(f.Fd())) {
		return nil
	}
	own, err := os.OpenFile(fmt.Sprintf("/proc/self/fd/%d", f.Fd()), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		return nil
	}
	return &terminal{f: own, fd: int(own.Fd())}
}

func (t *terminal) lock() {
	if !t.locked {
		t.locked = unix.Flock(t.fd, unix.LOCK_EX|unix.LOCK_NB) == nil
	}
}

// ours reports whether to write to the terminal now: not for others that show
// progress, and not from the background.
func (t *terminal) ours() bool {
	if !t.locked {
		return false
	}
	// An error means that it is not this session's controlling terminal,
	// which has no foreground for us to know of.
	group, err := unix.IoctlGetInt(t.fd, unix.TIOCGPGRP)
	return err != nil || group == unix.Getpgrp()
}

// draw replaces the last line by text.
func (t *terminal) draw(text string) {
	if width, _, err := term.GetSize(t.fd); err == nil && width > 0 && len(text) >= width {
		text = text[:width-1]
	}
	// Return, the text, and "erase to the end of the line" of ECMA-48. A
	// terminal that has gone away is no reason to stop working.
	fmt.Fprintf(t.f, "\r%s\x1b[K", text)
}

func (t *terminal) close() { t.f.Close() }
