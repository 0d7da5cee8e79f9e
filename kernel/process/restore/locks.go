// This file takes file locks and leases again.

package restore

import (
	"golang.org/x/sys/unix"

	"snappipe/kernel"
	"snappipe/kernel/process/proc"
	"snappipe/kernel/process/world"
)

// lock takes the locks that belong to a description: flock(2) and the open
// file description locks of fcntl(2).
func (p *process) lock(o *world.OpenFile, fd int) error {
	for _, l := range o.Locks {
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
			return locked(p.name(o), err)
		}
	}
	return nil
}

// lockAsProcess takes those that belong to the process, POSIX locks, and leases,
// which tell by which descriptor they were taken.
func (p *process) lockAsProcess() error {
	leased := map[int]bool{}
	for _, f := range p.table.FDs {
		o := &p.img.Open[f.Open]
		for _, l := range o.Locks {
			var err error
			switch {
			case l.Type == proc.LockPOSIX:
				// struct flock: type and whence, start, length, pid
				arg := words(uint64(uint16(lockType(l))), uint64(l.Start), uint64(lockLength(l)), 0)
				_, err = p.stub.callWith(p.stub.Caller, "F_SETLK", unix.SYS_FCNTL, 2, arg, uint64(f.FD), unix.F_SETLK, 0)
			case l.Type == proc.LockLease && !leased[f.Open]:
				leased[f.Open] = true
				_, err = p.stub.call("F_SETLEASE", unix.SYS_FCNTL, uint64(f.FD), unix.F_SETLEASE, uint64(lockType(l)))
			}
			if err != nil {
				return locked(p.name(o), err)
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
