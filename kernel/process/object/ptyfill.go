// What waits in a pseudo-terminal, put back: into the one that it was read from, and
// into one that is made anew.
//
// It is typed while the terminal is deaf but for two characters that the bytes don't
// have: one ends a line without a newline, one makes the next one ordinary. It echoes
// them as they are, and the echo is thrown away: only that tells that it has looked at
// a line that is not ended. If it heard again too early, it would echo all a second
// time. What it had not looked at is typed last, when it is deaf no more.

package object

import (
	"errors"
	"fmt"
	"time"

	"golang.org/x/sys/unix"

	"snappipe/kernel/process/sys"
	"snappipe/kernel/process/world"
)

// put fills an empty pair and gives it its modes.
func (e *ptyEnds) put() error {
	p := e.p
	filling := e.deaf(hasLines(p))
	filling.SetOutput(filling.Output() &^ unix.OPOST)
	putInput := e.putBytes
	if hasLines(p) {
		putInput = e.putLines
	}
	if err := putInput(e.input, filling); err != nil {
		return fmt.Errorf("putting its input back: %w", err)
	}
	if err := e.putOutput(); err != nil {
		return fmt.Errorf("putting its output back: %w", err)
	}
	if err := e.stop(filling, len(e.input)); err != nil {
		return fmt.Errorf("stopping its output: %w", err)
	}
	if err := sys.SetTermios(e.slave, (*sys.Termios)(p.Termios)); err != nil {
		return err
	}
	if p.Stopped == world.PtyStoppedByCall {
		if err := unix.IoctlSetInt(e.slave, unix.TCXONC, unix.TCOOFF); err != nil {
			return err
		}
	}
	return writeAll(e.master, e.raw)
}

// putOutput writes output, and waits until the master can be asked how much it is.
func (e *ptyEnds) putOutput() error {
	if err := writeAll(e.slave, e.output); err != nil {
		return err
	}
	return within(func() (bool, error) {
		n, err := unix.IoctlGetInt(e.master, unix.TIOCINQ)
		return n >= min(len(e.output), ttyBuffer-1), err
	})
}

// putBytes puts input back where there are no lines.
func (e *ptyEnds) putBytes(input []byte, filling *sys.Termios) error {
	if err := sys.SetTermios(e.slave, filling); err != nil {
		return err
	}
	if err := writeAll(e.master, input); err != nil {
		return err
	}
	return within(func() (bool, error) {
		n, err := unix.IoctlGetInt(e.slave, unix.TIOCINQ)
		return n >= len(input), err
	})
}

// putLines types lines, and waits for their echo.
func (e *ptyEnds) putLines(input []byte, filling *sys.Termios) error {
	chars, err := absent(input, 2)
	if err != nil {
		return err
	}
	endOfFile, quote := chars[0], chars[1]
	loud := *filling
	loud.Chars()[unix.VEOF], loud.Chars()[unix.VLNEXT] = endOfFile, quote
	loud.SetLocal(loud.Local() | unix.ECHO)
	if err := sys.SetTermios(e.slave, &loud); err != nil {
		return err
	}
	var keys []byte
	ended := 0 // bytes in lines that are
	for rest, i := input, 0; i < len(e.p.Lines); i++ {
		l := e.p.Lines[i]
		keys = append(keys, typed(rest[:l.Size], l.Open, endOfFile, quote)...)
		if rest = rest[l.Size:]; !l.Open {
			ended += l.Size
		}
	}
	heard := 0
	if err := within(func() (bool, error) {
		n, err := unix.Write(e.master, keys)
		if keys = keys[max(n, 0):]; err != nil && !errors.Is(err, unix.EAGAIN) {
			return false, err
		}
		echo, err := readReady(e.master)
		heard += len(echo)
		return len(keys) == 0 && heard >= len(input), err
	}); err != nil {
		return err
	}
	// An end of file has no echo, but makes its line one.
	if err := within(func() (bool, error) {
		n, err := unix.IoctlGetInt(e.slave, unix.TIOCINQ)
		return n >= ended, err
	}); err != nil {
		return err
	}
	if n := len(e.p.Lines); n > 0 && e.p.Lines[n-1].Size == 0 {
		time.Sleep(2 * time.Millisecond) // unless it has no byte either
	}
	return sys.SetTermios(e.slave, filling)
}

// absent finds bytes, none of them a newline or 0, that others don't have.
func absent(in []byte, n int) (out []byte, err error) {
	var has [256]bool
	for _, c := range in {
		has[c] = true
	}
	for c := 1; c < 256 && len(out) < n; c++ {
		if !has[c] && c != '\n' {
			out = append(out, byte(c))
		}
	}
	if len(out) < n {
		return nil, errors.New("its lines hold all characters that there are")
	}
	return out, nil
}

// typed is what to type for one line.
func typed(line []byte, open bool, endOfFile, quote byte) (b []byte) {
	ended := false
	for i, c := range line {
		ended = c == '\n' && i == len(line)-1 && !open
		if c == '\n' && !ended {
			b = append(b, quote)
		}
		b = append(b, c)
	}
	if !ended && !open {
		b = append(b, endOfFile)
	}
	return b
}

// stop stops output as a character did. A terminal that has no room does not
// take that character; then output goes on, which loses nothing.
func (e *ptyEnds) stop(filling *sys.Termios, input int) error {
	if e.p.Stopped != world.PtyStoppedByChar || input+len(e.p.Lines) >= ttyBuffer-1 {
		return nil
	}
	const char = 0x13
	filling.SetInput(filling.Input() | unix.IXON)
	filling.Chars()[unix.VSTOP] = char
	if err := sys.SetTermios(e.slave, filling); err != nil {
		return err
	}
	if err := writeAll(e.master, []byte{char}); err != nil {
		return err
	}
	return within(func() (bool, error) {
		events, err := polled(e.slave, unix.POLLOUT)
		return events&unix.POLLOUT == 0, err
	})
}

// within waits for what the kernel does by itself, some time soon.
func within(f func() (bool, error)) error {
	for end := time.Now().Add(5 * time.Second); ; time.Sleep(20 * time.Microsecond) {
		if done, err := f(); done || err != nil {
			return err
		}
		if time.Now().After(end) {
			return unix.ETIMEDOUT
		}
	}
}

// readReady reads what there is.
func readReady(fd int) (all []byte, err error) {
	b := make([]byte, 2*ttyBuffer)
	for {
		events, err := polled(fd, unix.POLLIN)
		if err != nil || events&unix.POLLIN == 0 {
			return all, err
		}
		n, err := unix.Read(fd, b)
		if n <= 0 || err != nil {
			return all, err
		}
		all = append(all, b[:n]...)
	}
}

// writeAll writes what there was room for before, and soon is again.
func writeAll(fd int, b []byte) error {
	return within(func() (bool, error) {
		if len(b) == 0 {
			return true, nil
		}
		n, err := unix.Write(fd, b)
		if errors.Is(err, unix.EAGAIN) {
			return false, nil
		}
		b = b[max(n, 0):]
		return len(b) == 0, err
	})
}
