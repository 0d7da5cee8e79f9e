// This file names who gets the signals of a file (fcntl(2)): SIGIO of O_ASYNC,
// SIGURG of sockets, that of a lease.

package restore

import (
	"fmt"

	"golang.org/x/sys/unix"

	"snappipe/kernel/process/sys"
	"snappipe/kernel/process/world"
)

// setAsync sets O_ASYNC, in the stub: the number by which that is done is what
// the signals will say (si_fd).
func (p *process) setAsync(numbers [][]world.FD) error {
	for i, all := range numbers {
		o := &p.img.Open[i]
		if o.Flags&unix.O_ASYNC == 0 || len(all) == 0 || p.files[i].lent {
			continue
		}
		_, err := p.stub.call("F_SETFL", unix.SYS_FCNTL, uint64(all[0].FD), unix.F_SETFL, uint64(o.Flags&(settable|unix.O_ASYNC)))
		if err != nil {
			return fmt.Errorf("%s: %w", p.name(o), err)
		}
	}
	return nil
}

// setOwner names who gets the signals, and which. A thread is named when it is
// there, by ownByThreads.
func (p *process) setOwner(fd int, o world.Owner) error {
	if o.Signal != 0 {
		if _, err := unix.FcntlInt(uintptr(fd), unix.F_SETSIG, o.Signal); err != nil {
			return fmt.Errorf("setting its signal to %d: %w", o.Signal, err)
		}
	}
	if o.PID == 0 || o.Type == sys.OwnerThread {
		return nil
	}
	// It leads its process group.
	if err := sys.SetOwner(fd, sys.Owner{Type: int32(o.Type), ID: int32(p.stub.pid)}); err != nil {
		return fmt.Errorf("setting its owner: %w", err)
	}
	return nil
}

// ownByThreads is for what threads get the signals of.
func (p *process) ownByThreads() error {
	for i := range p.img.Open {
		o := &p.img.Open[i]
		if o.Owner.PID == 0 || o.Owner.Type != sys.OwnerThread || p.files[i].lent {
			continue
		}
		for k := range p.task.Threads {
			if p.task.Threads[k].TID != o.Owner.PID {
				continue
			}
			if err := sys.SetOwner(p.files[i].fd, sys.Owner{Type: sys.OwnerThread, ID: int32(p.threads[k].tid)}); err != nil {
				return fmt.Errorf("%s: setting its owner: %w", p.name(o), err)
			}
		}
	}
	return nil
}
