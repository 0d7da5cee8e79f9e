// This file names who gets the signals of a file (fcntl(2)): SIGIO of O_ASYNC,
// SIGURG of sockets, that of a lease.

package object

import (
	"fmt"

	"golang.org/x/sys/unix"

	"snappipe/kernel/process/sys"
	"snappipe/kernel/process/world"
)

// setAsync sets O_ASYNC, in a process: the number by which that is done is what
// the signals will say (si_fd).
func (m *Maker) setAsync() error {
	for i, all := range m.holders {
		o := &m.world.Open[i]
		if o.Flags&unix.O_ASYNC == 0 || len(all) == 0 || m.made[i].lent {
			continue
		}
		fd, flags := uint64(all[0].fd.FD), uint64(o.Flags&(settable|unix.O_ASYNC))
		if _, err := m.byTask(i).Call("F_SETFL", unix.SYS_FCNTL, fd, unix.F_SETFL, flags); err != nil {
			return m.about(i, err)
		}
	}
	return nil
}

// setOwner names who gets the signals, and which. A thread is named when it is
// there, by [Maker.OwnByThreads].
func (m *Maker) setOwner(fd int, o world.Owner) error {
	if o.Signal != 0 {
		if _, err := unix.FcntlInt(uintptr(fd), unix.F_SETSIG, o.Signal); err != nil {
			return fmt.Errorf("setting its signal to %d: %w", o.Signal, err)
		}
	}
	if o.PID == 0 || o.Type == sys.OwnerThread {
		return nil
	}
	id, err := m.owner(o)
	if err == nil {
		err = sys.SetOwner(fd, sys.Owner{Type: int32(o.Type), ID: int32(id)})
	}
	if err != nil {
		return fmt.Errorf("setting its owner: %w", err)
	}
	return nil
}

// owner returns the ID that the process or process group of the image has here.
func (m *Maker) owner(o world.Owner) (int, error) {
	for t, p := range m.tasks {
		task := &m.world.Tasks[t]
		switch {
		case p == nil:
		case o.Type == sys.OwnerProcess && task.PID == o.PID:
			return p.PID(), nil
		case o.Type == sys.OwnerGroup && task.PGID == o.PID:
			return unix.Getpgid(p.PID())
		}
	}
	return 0, fmt.Errorf("%w: there is no process or group %d", world.ErrDamaged, o.PID)
}

// OwnByThreads is for what threads get the signals of.
func (m *Maker) OwnByThreads() error {
	for i := range m.world.Open {
		o := m.world.Open[i].Owner
		if o.PID == 0 || o.Type != sys.OwnerThread || m.made[i].lent {
			continue
		}
		for _, p := range m.tasks {
			if p == nil {
				continue
			}
			tid, ok := p.Thread(o.PID)
			if !ok {
				continue
			}
			if err := sys.SetOwner(m.made[i].fd, sys.Owner{Type: sys.OwnerThread, ID: int32(tid)}); err != nil {
				return m.about(i, fmt.Errorf("setting its owner: %w", err))
			}
			break
		}
	}
	return nil
}
