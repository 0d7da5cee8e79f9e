package restore

// This file is about terminals: how the program's is found and set, and how it
// is handed to the program and taken back, as a shell does with its jobs.

import (
	"fmt"
	"unsafe"

	"golang.org/x/sys/unix"

	"snappipe/kernel"
	"snappipe/kernel/process/image"
)

// openTerminal opens the controlling terminal, of a program that has it open
// but not as one of descriptors 0 to 2. Any other is somebody else's now.
func (p *process) openTerminal(o *image.OpenFile) (int, error) {
	if !o.Terminal.Controlling {
		return -1, kernel.Refuse(p.name(o), "", "it is a terminal that was not the program's own")
	}
	fd, err := unix.Open("/dev/tty", o.Flags&openable|unix.O_CLOEXEC|unix.O_NOCTTY, 0)
	if err != nil {
		return -1, kernel.Refuse(p.name(o), "resume it from a terminal", "opening /dev/tty: %v", err)
	}
	return fd, nil
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

func findTerminal(img *image.Image) *terminal {
	t := &terminal{fd: -1, own: unix.Getpgrp()}
	fd, err := unix.Open("/dev/tty", unix.O_RDWR|unix.O_CLOEXEC|unix.O_NOCTTY, 0)
	if err != nil {
		return t
	}
	t.fd = fd
	for i := range img.Open {
		o := &img.Open[i]
		if o.Terminal != nil && o.Terminal.Controlling && o.Inherit != image.NoIndex && len(o.Terminal.Termios) == len(termios{}) {
			t.program = (*termios)(o.Terminal.Termios)
		}
	}
	return t
}

func (t *terminal) ioctl(request uintptr, modes *termios) error {
	_, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(t.fd), request, uintptr(unsafe.Pointer(modes)))
	if errno != 0 {
		return fmt.Errorf("the modes of the terminal: %w", errno)
	}
	return nil
}

// give makes a process group that of the foreground, with the modes that it
// left the terminal in. If we are in the background, so is the program.
func (t *terminal) give(group int) error {
	if t.fd < 0 {
		return nil
	}
	if now, err := unix.IoctlGetInt(t.fd, unix.TIOCGPGRP); err != nil || now != t.own {
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
