// A pseudo-terminal that is being read out is deaf, and empty. Should this process be
// killed meanwhile, another one gives it back what it was.

package object

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"

	"snappipe/kernel/process/sys"
	"snappipe/kernel/process/world"
)

// Emptied is such a pair, by its master in a process, or none if FD is -1.
type Emptied struct {
	PID, FD int
	Pty     world.Pty
	Flags   int // of the master

	// Read is set if what waited is here.
	Read               bool
	Input, Output, Raw []byte
}

// maxEmptied is how much of what waits is told, since not all fits into a message. With
// more than that, it is lost if this process is killed in those milliseconds.
const maxEmptied = 64 << 10

// tellEmptied tells what is to be given back.
func (t *Taker) tellEmptied(r ref, e *ptyEnds, flags int, read bool) {
	it := Emptied{PID: r.task.PID, FD: r.fd, Pty: *e.p, Flags: flags}
	if read && len(e.input)+len(e.output)+len(e.raw) <= maxEmptied {
		it.Read, it.Input, it.Output, it.Raw = true, e.input, e.output, e.raw
	}
	t.o.Emptying(it)
}

// PutBack gives it back.
func (it Emptied) PutBack() (err error) {
	pidfd, err := unix.PidfdOpen(it.PID, 0)
	if err != nil {
		return nil // it has ended
	}
	defer unix.Close(pidfd)
	master, err := unix.PidfdGetfd(pidfd, it.FD, 0)
	if err != nil {
		return fmt.Errorf("%s: getting hold of it: %w", ptyName(&it.Pty), err)
	}
	defer unix.Close(master)
	defer func() {
		_, e := unix.FcntlInt(uintptr(master), unix.F_SETFL, it.Flags)
		if err = errors.Join(err, e); err != nil {
			err = fmt.Errorf("%s: %w", ptyName(&it.Pty), err)
		}
	}()
	slave, err := openSlave(&it.Pty, master)
	if err != nil {
		return err
	}
	defer unix.Close(slave)
	e := &ptyEnds{p: &it.Pty, master: master, slave: slave, input: it.Input, output: it.Output, raw: it.Raw}
	if err := unix.IoctlSetPointerInt(master, sys.SetPtyPacket, 0); err != nil {
		return err
	}
	if it.Read {
		err = e.putAgain()
	} else {
		err = sys.SetTermios(slave, (*sys.Termios)(it.Pty.Termios))
	}
	if it.Pty.Packet {
		err = errors.Join(err, unix.IoctlSetPointerInt(master, sys.SetPtyPacket, 1))
	}
	return err
}

// putAgain puts back what somebody else may have put back in part.
func (e *ptyEnds) putAgain() error {
	err := errors.Join(unix.IoctlSetInt(e.slave, unix.TCFLSH, unix.TCIOFLUSH), unix.IoctlSetInt(e.master, unix.TCFLSH, unix.TCIFLUSH))
	if err != nil {
		return err
	}
	return e.fill()
}
