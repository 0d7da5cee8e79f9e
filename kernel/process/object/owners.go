// Who gets the signals of a file, and which (fcntl(2)): SIGIO of O_ASYNC, SIGURG
// of sockets, that of a lease.

package object

import (
	"fmt"

	"snappipe/kernel"
	"snappipe/kernel/process/proc"
	"snappipe/kernel/process/sys"
	"snappipe/kernel/process/world"

	"golang.org/x/sys/unix"
)

// owner reads that of a descriptor, which is borrowed.
func (t *Taker) owner(fd int, o *Found, d *world.OpenFile) error {
	owner, err := sys.GetOwner(fd)
	if err != nil {
		return fmt.Errorf("%s: reading its owner: %w", o.object(o.link), err)
	}
	signal, err := unix.FcntlInt(uintptr(fd), unix.F_GETSIG, 0)
	if err != nil {
		return fmt.Errorf("%s: reading its signal: %w", o.object(o.link), err)
	}
	d.Owner.Signal = signal
	if owner.ID == 0 {
		return nil
	}
	id, ok := t.ownID(owner)
	if !ok {
		return t.foreign(o, d, owner)
	}
	d.Owner.Type, d.Owner.PID = int(owner.Type), id
	return nil
}

// ownID is what the image calls a thread of one of the processes, a process, or a
// process group that one is in.
func (t *Taker) ownID(owner sys.Owner) (int, bool) {
	id := int(owner.ID)
	for _, k := range t.tasks {
		switch owner.Type {
		case sys.OwnerProcess:
			if id == k.PID {
				return k.InnerID(id), true
			}
		case sys.OwnerGroup:
			if id == k.Stat.Group() {
				return k.InnerGroup(), true
			}
		default:
			if _, err := proc.Comm(k.PID, id); err == nil {
				return k.InnerID(id), true
			}
		}
	}
	return 0, false
}

// foreign is for signals that go to somebody else.
func (t *Taker) foreign(o *Found, d *world.OpenFile, owner sys.Owner) error {
	if d.Terminal != nil {
		return nil // it will be another one
	}
	who := map[int32]string{sys.OwnerThread: "thread", sys.OwnerProcess: "process", sys.OwnerGroup: "process group"}[owner.Type]
	if !t.o.Force {
		return kernel.Refuse(o.object(o.link), "--force takes the program without that", "its signals go to %s %d, which is outside of the program", who, owner.ID)
	}
	if !t.o.Dry {
		t.o.Warn(fmt.Sprintf("dropped: that %s sends signals to %s %d", o.object(o.link), who, owner.ID))
	}
	return nil
}

// pathOwner is for what has a path: a regular file may have a lease, and a
// directory may be told of changes by F_NOTIFY, which nothing shows but that it
// makes the caller the owner (fs/notify/dnotify/dnotify.c).
func (t *Taker) pathOwner(o *Found, d *world.OpenFile) error {
	if err := t.checkLeases(o, d); err != nil || d.Kind == world.KindLost {
		return err
	}
	if o.glanced && !o.owned {
		t.w.Files[d.File].WriteHint = o.hint
		return nil
	}
	fd, err := t.borrow(o)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	if err := t.owner(fd, o, d); err != nil {
		return err
	}
	if d.Kind == world.KindDir && d.Owner != (world.Owner{}) {
		return t.lose(o, d, "the directory "+o.link, "it tells the program of changes by signals (F_NOTIFY), or did")
	}
	if d.Kind == world.KindFile {
		o.hint = sys.WriteHint(fd)
		t.w.Files[d.File].WriteHint = o.hint
	}
	return nil
}

// checkLeases refuses a lease that can't be taken again as it is: one that is about
// to end, since somebody has asked for the file, and one of a file that nobody
// else could ask for, of which reading it would be an end.
func (t *Taker) checkLeases(o *Found, d *world.OpenFile) error {
	for _, l := range o.info.Locks {
		switch {
		case l.Type != proc.LockLease && !l.Known():
			return t.lose(o, d, o.link, "it has a lock of a kind that can't be put back, "+l.Type)
		case l.Breaking:
			return t.lose(o, d, o.link, "its lease is being broken")
		case l.Type == proc.LockLease && t.w.Files[d.File].Deleted:
			return t.lose(o, d, o.link, "it has a lease, and is deleted")
		}
	}
	return nil
}

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
