// A terminal to run programs on, and somebody who types and reads.

package cycle

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// Terminal is a pseudo-terminal of 24 lines of 80 characters.
type Terminal struct {
	File   *os.File // the end that programs have
	master *os.File
	seen   *output
}

// NewTerminal makes one that belongs to u.
func NewTerminal(t *testing.T, u User) *Terminal {
	t.Helper()
	fd, err := unix.Open("/dev/ptmx", unix.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC|unix.O_NONBLOCK, 0)
	if err != nil {
		t.Fatalf("make a terminal: %v", err)
	}
	master := os.NewFile(uintptr(fd), "ptmx")
	t.Cleanup(func() { master.Close() })
	n, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	if err == nil {
		err = unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0)
	}
	if err == nil {
		err = unix.IoctlSetWinsize(fd, unix.TIOCSWINSZ, &unix.Winsize{Row: 24, Col: 80})
	}
	if err != nil {
		t.Fatalf("make a terminal: %v", err)
	}
	name := fmt.Sprintf("/dev/pts/%d", n)
	file, err := os.OpenFile(name, os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatalf("make a terminal: %v", err)
	}
	t.Cleanup(func() { file.Close() })
	if err := u.own(name); err != nil {
		t.Fatalf("make a terminal: %v", err)
	}
	terminal := &Terminal{file, master, &output{}}
	go func() {
		b := make([]byte, 4096)
		for {
			n, err := master.Read(b)
			if err != nil {
				return // it is closed
			}
			terminal.seen.Write(b[:n])
		}
	}()
	return terminal
}

// Take makes cmd the leader of a session that has this terminal.
func (x *Terminal) Take(cmd *exec.Cmd) *exec.Cmd {
	cmd.Stdin, cmd.Stdout, cmd.Stderr = x.File, x.File, x.File
	cmd.SysProcAttr.Setsid = true
	cmd.SysProcAttr.Setctty = true
	return cmd
}

// Type sends text, as if from a keyboard.
func (x *Terminal) Type(t *testing.T, text string) {
	t.Helper()
	if _, err := x.master.WriteString(text); err != nil {
		t.Fatalf("type on a terminal: %v", err)
	}
}

// Expect waits until text is on the terminal.
func (x *Terminal) Expect(t *testing.T, text string) {
	t.Helper()
	defer func() {
		if t.Failed() {
			t.Logf("the terminal shows %q", x.Text())
		}
	}()
	Until(t, fmt.Sprintf("%q on the terminal", text), func() bool { return strings.Contains(x.Text(), text) })
}

// Forget has Text and Expect begin anew.
func (x *Terminal) Forget() { x.seen.reset() }

// Foreground is the process group in the foreground.
func (x *Terminal) Foreground() int {
	group, err := unix.IoctlGetInt(int(x.master.Fd()), unix.TIOCGPGRP)
	if err != nil {
		return 0
	}
	return group
}

// Modes are those that ICANON and ECHO are among.
func (x *Terminal) Modes(t *testing.T) uint32 {
	t.Helper()
	modes, err := unix.IoctlGetTermios(int(x.master.Fd()), unix.TCGETS)
	if err != nil {
		t.Fatalf("the modes of a terminal: %v", err)
	}
	return modes.Lflag
}

// SetSize makes it another size, 0 by 0 for one that nobody knows.
func (x *Terminal) SetSize(t *testing.T, rows, columns uint16) {
	t.Helper()
	if err := unix.IoctlSetWinsize(int(x.master.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Row: rows, Col: columns}); err != nil {
		t.Fatalf("the size of a terminal: %v", err)
	}
}

// Size is what a program is told.
func (x *Terminal) Size(t *testing.T) (rows, columns uint16) {
	t.Helper()
	size, err := unix.IoctlGetWinsize(int(x.master.Fd()), unix.TIOCGWINSZ)
	if err != nil {
		t.Fatalf("the size of a terminal: %v", err)
	}
	return size.Row, size.Col
}

// Text is all that programs have written to the terminal.
func (x *Terminal) Text() string { return x.seen.String() }
