// What waits in a pseudo-terminal, read out.
//
// The driver has it in two places for each direction (drivers/tty/n_tty.c,
// tty_buffer.c): bytes that the line discipline has worked through, echoed and
// split into lines, at most 4095; and behind these, bytes that it has not yet
// looked at, which come up as soon as there is room. A poll(2) or read(2) waits
// until it has looked at all that it has room for. So:
//
//   - Before anything is read, the terminal is made deaf: no echo, no signals,
//     no character means anything. What comes up is then taken as it is, and
//     is told from what was worked through by its place, beyond 4095.
//   - In a mode with lines, each read gives one, and an end of file gives an
//     empty one. The mode is left for what is behind the last line's end.

package object

import (
	"errors"
	"fmt"
	"time"

	"golang.org/x/sys/unix"

	"snappipe/kernel"
	"snappipe/kernel/process/sys"
	"snappipe/kernel/process/world"
)

// ptyEnds are descriptors of a pair, and what waits between them.
type ptyEnds struct {
	p             *world.Pty
	master, slave int

	input, output, raw []byte // as in world.Pty
}

// deaf are modes in which the terminal takes all bytes as they are, with lines
// or without.
func (e *ptyEnds) deaf(lines bool) *sys.Termios {
	t := sys.Termios(e.p.Termios)
	t.SetInput(t.Input() & unix.IUTF8)
	t.SetLocal(0)
	clear(t.Chars())
	if lines {
		t.SetLocal(unix.ICANON | unix.IEXTEN)
	}
	return &t
}

// save reads all, and puts it back, also if it fails. In between, it calls f.
func (e *ptyEnds) save(f func() error) error {
	restore, err := e.dontWait()
	if err != nil {
		return err
	}
	if e.p.Packet {
		err = unix.IoctlSetPointerInt(e.master, sys.SetPtyPacket, 0)
	}
	if err == nil {
		err = errors.Join(e.take(), f(), e.put())
	}
	if e.p.Packet {
		err = errors.Join(err, unix.IoctlSetPointerInt(e.master, sys.SetPtyPacket, 1))
	}
	return errors.Join(err, restore())
}

// dontWait has no call on the ends wait, and returns what undoes that.
func (e *ptyEnds) dontWait() (restore func() error, err error) {
	var undo []func() error
	restore = func() (err error) {
		for _, f := range undo {
			err = errors.Join(err, f())
		}
		return err
	}
	for _, fd := range []uintptr{uintptr(e.master), uintptr(e.slave)} {
		flags, err := unix.FcntlInt(fd, unix.F_GETFL, 0)
		if err != nil {
			return nil, errors.Join(err, restore())
		}
		set := func(flags int) error { _, err := unix.FcntlInt(fd, unix.F_SETFL, flags); return err }
		undo = append(undo, func() error { return set(flags) })
		if err := set(flags | unix.O_NONBLOCK); err != nil {
			return nil, errors.Join(err, restore())
		}
	}
	return restore, nil
}

// fill is put, with no call waiting meanwhile.
func (e *ptyEnds) fill() error {
	restore, err := e.dontWait()
	if err != nil {
		return err
	}
	return errors.Join(e.put(), restore())
}

func (e *ptyEnds) take() (err error) {
	p := e.p
	// What was typed just now is looked at in the modes that it was meant for.
	events, err := polled(e.slave, unix.POLLIN)
	if err != nil {
		return err
	}
	if events&unix.POLLIN != 0 { // then poll did not wait for that
		time.Sleep(time.Millisecond)
	}
	if e.output, err = readReady(e.master); err != nil {
		return fmt.Errorf("reading its output: %w", err)
	}
	if p.Stopped, err = e.stopped(); err != nil {
		return err
	}
	if err := sys.SetTermios(e.slave, e.deaf(hasLines(p))); err != nil {
		return err
	}
	// That started it, and an echo that was held up by that may have come.
	held, err := readReady(e.master)
	if err != nil {
		return fmt.Errorf("reading its output: %w", err)
	}
	e.output = append(e.output, held...)
	if hasLines(p) {
		if err := e.takeLines(); err != nil {
			return fmt.Errorf("reading its lines: %w", err)
		}
		if err := sys.SetTermios(e.slave, e.deaf(false)); err != nil {
			return err
		}
	}
	rest, err := readReady(e.slave)
	if err != nil {
		return fmt.Errorf("reading its input: %w", err)
	}
	e.sort(rest)
	if len(e.raw) > 0 && (*sys.Termios)(p.Termios).Input()&unix.PARMRK != 0 {
		// Then the place says nothing.
		return kernel.Refuse(ptyName(p), "try again", "it holds %d bytes, with errors marked (PARMRK)", len(e.input)+len(e.raw))
	}
	return nil
}

// takeLines reads lines, each of which one read gives. An end of file takes a
// place in the buffer, but no byte.
func (e *ptyEnds) takeLines() error {
	b := make([]byte, 2*ttyBuffer)
	for places := 0; places < ttyBuffer-1; {
		events, err := polled(e.slave, unix.POLLIN)
		if err != nil || events&unix.POLLIN == 0 {
			return err
		}
		n, err := unix.Read(e.slave, b)
		if err != nil {
			return err
		}
		e.input = append(e.input, b[:n]...)
		e.p.Lines = append(e.p.Lines, world.PtyLine{Size: n})
		places += n
		if n == 0 || b[n-1] != '\n' {
			places++
		}
	}
	return nil
}

// sort tells the bytes behind the last line that are part of one from those
// that the terminal had no room for.
func (e *ptyEnds) sort(rest []byte) {
	p := e.p
	room := ttyBuffer - 1
	for at, i := 0, 0; i < len(p.Lines); i++ {
		at += p.Lines[i].Size
		room -= p.Lines[i].Size
		if p.Lines[i].Size == 0 || e.input[at-1] != '\n' {
			room--
		}
		if room < 0 {
			// Only the last line can be too much, as reading stopped there. It
			// came up while it was read.
			over := min(-room, p.Lines[i].Size)
			e.raw = append(e.raw, e.input[at-over:]...)
			e.input = e.input[:at-over]
			p.Lines[i].Size -= over
			p.Lines[i].Open = true
			room = 0
		}
	}
	open := rest[:min(room, len(rest))]
	if len(open) > 0 {
		e.input = append(e.input, open...)
		p.Lines = append(p.Lines, world.PtyLine{Size: len(open), Open: true})
	}
	e.raw = append(e.raw, rest[len(open):]...)
}

// stopped finds whether and how output is stopped: then there is no room for
// any, although all was read.
func (e *ptyEnds) stopped() (world.PtyStop, error) {
	events, err := polled(e.slave, unix.POLLOUT)
	if err != nil || events&unix.POLLOUT != 0 {
		return "", err
	}
	// This undoes only what tcflow did (drivers/tty/tty_ioctl.c).
	if err := unix.IoctlSetInt(e.slave, unix.TCXONC, unix.TCOON); err != nil {
		return "", err
	}
	if events, err = polled(e.slave, unix.POLLOUT); err != nil || events&unix.POLLOUT != 0 {
		return world.PtyStoppedByCall, err
	}
	return world.PtyStoppedByChar, nil
}
