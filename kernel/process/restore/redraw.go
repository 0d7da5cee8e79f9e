// This file has a program draw its screen again: it has come to another
// terminal, or at least to one on which something else was written since.
//
// That is what SIGWINCH does. But programs that draw by curses ask for the size
// of the window and do nothing if it is as before: so it is made different for
// as long as they need to ask, if it is the same. And programs that are about
// to wait may miss a signal until they have waited: so there are two.

package restore

import (
	"time"

	"golang.org/x/sys/unix"

	"snappipe/kernel/process/object"
	"snappipe/kernel/process/proc"
)

// redraw is done once, when the program is first in the foreground.
func (r *program) redraw() {
	screen := r.process.screen
	if screen == nil || !r.terminal.given {
		return
	}
	r.process.screen = nil
	if !r.process.catches(unix.SIGWINCH) {
		return
	}
	fd := r.terminal.fd
	size, err := unix.IoctlGetWinsize(fd, unix.TIOCGWINSZ)
	if err != nil {
		return
	}
	was := unix.Winsize{Row: screen.Rows, Col: screen.Cols}
	if size.Row == 0 && size.Col == 0 { // nobody knows that of this line
		size = &was
	}
	r.awaitCalm()
	if size.Row != was.Row || size.Col != was.Col {
		unix.Kill(-r.process.stub.pid, unix.SIGWINCH)
		r.awaitCalm()
		unix.Kill(-r.process.stub.pid, unix.SIGWINCH)
		return
	}
	other := *size
	if other.Row--; size.Row < 2 {
		other.Row = size.Row + 1
	}
	// The kernel sends the foreground SIGWINCH with each of these.
	if unix.IoctlSetWinsize(fd, unix.TIOCSWINSZ, &other) != nil {
		return
	}
	r.awaitCalm()
	// Somebody else who has changed it meanwhile knows better.
	if now, err := unix.IoctlGetWinsize(fd, unix.TIOCGWINSZ); err == nil && *now == other {
		unix.IoctlSetWinsize(fd, unix.TIOCSWINSZ, size)
	}
}

// catches reports whether the program does something of its own at a signal.
func (p *process) catches(sig unix.Signal) bool {
	const ignore = 1 // SIG_IGN; SIG_DFL is 0
	for _, a := range p.task.SigActions {
		if a.Signal == int(sig) && a.Handler > ignore {
			return true
		}
	}
	return object.Awaits(p.img, sig)
}

// awaitCalm waits until the program has taken the signals that it was sent and
// waits for something else, but not for long.
func (r *program) awaitCalm() {
	const limit, step = 250 * time.Millisecond, 10 * time.Millisecond
	for begun := time.Now(); time.Since(begun) < limit; {
		time.Sleep(step)
		s, err := proc.ReadStatus(r.process.stub.pid)
		if err != nil {
			return
		}
		pending := s.Bits("SigPnd", 16) | s.Bits("ShdPnd", 16)
		if pending>>(unix.SIGWINCH-1)&1 == 0 && !running(s.Get("State")) {
			return
		}
	}
}

// running reports whether a state of proc_pid_status(5) is that.
func running(state string) bool { return len(state) > 0 && state[0] == 'R' }
