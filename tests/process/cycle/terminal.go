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
	Until(t, fmt.Sprintf("%q on the terminal", text), func() bool { return strings.Contains(x.Text(), text) })
}

// Text is all that programs have written to the terminal.
func (x *Terminal) Text() string { return x.seen.String() }
