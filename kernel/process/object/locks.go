// File locks, as /proc/PID/fdinfo shows them of each descriptor: those of its open
// file description, those of its process, and those of other processes that were
// taken by that description.

package object

import (
	"slices"

	"snappipe/kernel"
	"snappipe/kernel/process/proc"
	"snappipe/kernel/process/sys"
	"snappipe/kernel/process/world"

	"golang.org/x/sys/unix"
)

// addLocks adds those that are not known of a description yet.
func (t *Taker) addLocks(o *Found, d *world.OpenFile) {
	if d.Kind == world.KindLost {
		return
	}
	for _, l := range o.info.Locks {
		lock := world.Lock{Type: l.Type, Write: l.Write, Start: l.Start, End: l.End}
		if l.Type == proc.LockPOSIX {
			owner := t.lockOwner(o.task, l.PID)
			if owner == nil {
				continue // whose own descriptors show it
			}
			lock.Task = owner.nth
		}
		if !slices.Contains(d.Locks, lock) {
			d.Locks = append(d.Locks, lock)
		}
	}
}

// lockOwner is who has taken a POSIX lock by the descriptors of a task, which others may
// share: it is theirs too, and stays when that one has ended.
func (t *Taker) lockOwner(k *Task, pid int) *Task {
	const gone = 0 // as the kernel shows it
	if k.PID == pid || pid == gone {
		return k
	}
	shared := false
	for _, other := range t.tasks {
		if other.Shares != k {
			continue
		}
		if shared = true; other.PID == pid {
			return other
		}
	}
	if shared {
		return k
	}
	return nil
}

// lock takes the locks that belong to a description: flock(2) and the open
// file description locks of fcntl(2).
func (m *Maker) lock(i int) error {
	fd := m.made[i].fd
	for _, l := range m.world.Open[i].Locks {
		var err error
		switch l.Type {
		case proc.LockFlock:
			how := unix.LOCK_SH
			if l.Write {
				how = unix.LOCK_EX
			}
			err = unix.Flock(fd, how|unix.LOCK_NB)
		case proc.LockOFD:
			f := unix.Flock_t{Type: lockType(l), Start: l.Start, Len: lockLength(l)}
			err = unix.FcntlFlock(uintptr(fd), unix.F_OFD_SETLK, &f)
		}
		if err != nil {
			return locked(m.name(i), err)
		}
	}
	return nil
}

// lockAsProcess takes those that belong to a process, POSIX locks, and leases, which
// tell by which descriptor they were taken.
func (m *Maker) lockAsProcess() error {
	leased := map[int]bool{}
	for t, p := range m.tasks {
		if p == nil {
			continue
		}
		for _, f := range m.fds(t) {
			for _, l := range m.world.Open[f.Open].Locks {
				var err error
				switch {
				case l.Type == proc.LockPOSIX && l.Task == t:
					// struct flock: type and whence, start, length, pid
					arg := sys.Words(uint64(uint16(lockType(l))), uint64(l.Start), uint64(lockLength(l)), 0)
					_, err = callWith(p, "F_SETLK", unix.SYS_FCNTL, 2, arg, uint64(f.FD), unix.F_SETLK, 0)
				case l.Type == proc.LockLease && !leased[f.Open]:
					leased[f.Open] = true
					_, err = p.Call("F_SETLEASE", unix.SYS_FCNTL, uint64(f.FD), unix.F_SETLEASE, uint64(lockType(l)))
				}
				if err != nil {
					return locked(m.name(f.Open), err)
				}
			}
		}
	}
	return nil
}

func lockType(l world.Lock) int16 {
	if l.Write {
		return unix.F_WRLCK
	}
	return unix.F_RDLCK
}

// lockLength is 0 for a lock up to the end of the file, wherever that is.
func lockLength(l world.Lock) int64 {
	if l.End < 0 {
		return 0
	}
	return l.End - l.Start + 1
}

func locked(what string, err error) error {
	return kernel.Refuse(what, "end the program that has it locked or open", "locking it: %v", err)
}
