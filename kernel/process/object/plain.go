// Plain files: all that a program can have done to one since it was looked at is
// told by fstat(2), fcntl(2) and lseek(2). The twin makes these calls, by which
// ten times as many files are read while the program is stopped as by /proc.

package object

import (
	"fmt"
	"strings"
	"sync"
	"unsafe"

	"snappipe/kernel/process/proc"
	"snappipe/kernel/process/ptrace"
	"snappipe/kernel/process/sys"

	"golang.org/x/sys/unix"
)

// hasPath reports whether a file has a path, or had one.
func (o *Found) hasPath() bool { return strings.HasPrefix(o.link, "/") }

// isPlain reports whether it is such a file, of which its inode is known.
func (o *Found) isPlain() bool {
	return o.info.Ino != 0 && (o.hasPath() || strings.HasPrefix(o.link, "pipe:"))
}

// glance is what these calls say of a descriptor.
type glance struct {
	st    unix.Stat_t
	flags int // O_CLOEXEC included, as in proc.FDInfo
	pos   int64
	owned bool // by who gets its signals
}

// again returns a file as it is now, if it is the one that it was.
func (o *Found) again(glances map[int]glance) (*Found, bool) {
	g, ok := glances[o.fd]
	was, is := &o.st, &g.st
	same := ok && was.Dev == is.Dev && was.Ino == is.Ino && was.Mode == is.Mode && was.Rdev == is.Rdev
	if o.hasPath() {
		// Its path is the same as long as it was not renamed or removed.
		same = same && was.Nlink == is.Nlink && was.Ctim == is.Ctim
	}
	now := *o
	now.st, now.info.Flags, now.info.Pos, now.info.Locks = g.st, g.flags, g.pos, nil
	now.glanced, now.owned = true, g.owned
	return &now, same
}

// lockedInodes are those that anybody has locked.
type lockedInodes struct {
	numbers map[uint64]bool
	shown   bool // whether all are known
}

// manyFiles are so many that it is worth while to ask for all locks that there
// are. That may take as long as a grace period of RCU, unless somebody did so
// shortly before (kernel/locking/percpu-rwsem.c).
const manyFiles = 2000

func (t *Taker) descriptors() (n int) {
	for _, k := range t.tasks {
		n += len(k.found)
	}
	return n
}

// WarmLocks is that somebody.
func (t *Taker) WarmLocks() {
	if t.descriptors() >= manyFiles {
		proc.LockedInodes()
	}
}

// readLocked begins to ask for them, for as many files as an earlier look has
// found.
func (t *Taker) readLocked() func() lockedInodes {
	if t.descriptors() < manyFiles {
		return nil
	}
	answer := make(chan lockedInodes, 1)
	go func() {
		numbers, shown := proc.LockedInodes()
		answer <- lockedInodes{numbers, shown}
	}()
	return sync.OnceValue(func() lockedInodes { return <-answer })
}

// readLocks reads those of a file, unless it is known to have none.
func (t *Taker) readLocks(o *Found, l lockedInodes) error {
	if l.shown && !l.numbers[o.info.Ino] {
		return nil
	}
	info, err := o.task.dir.Info(o.fd)
	o.info.Locks = info.Locks
	return err
}

// Glance has the twin look at the plain files, unless it has. [Taker.Finish] does it
// where the caller has not done it before, for several processes at the same time.
func (k *Task) Glance() (err error) {
	if k.glances == nil {
		k.glances, err = k.glanceAtAll()
	}
	return err
}

// glanceAtAll leaves out a descriptor that is not open.
func (k *Task) glanceAtAll() (map[int]glance, error) {
	all := make(map[int]glance, len(k.plain))
	const callsEach = 6
	const stat = int(unsafe.Sizeof(unix.Stat_t{}))
	for rest := k.plain; len(rest) > 0; {
		some := rest[:min(len(rest), k.Twin.Fits(callsEach, stat))]
		rest = rest[len(some):]
		var calls []ptrace.Call
		for i, o := range some {
			n := uint64(o.fd)
			calls = append(calls,
				ptrace.Call{Nr: unix.SYS_FSTAT, Args: [6]uint64{n, k.Twin.Stores(callsEach*len(some)) + uint64(i*stat)}},
				ptrace.Call{Nr: unix.SYS_FCNTL, Args: [6]uint64{n, unix.F_GETFD}},
				ptrace.Call{Nr: unix.SYS_FCNTL, Args: [6]uint64{n, unix.F_GETFL}},
				ptrace.Call{Nr: unix.SYS_LSEEK, Args: [6]uint64{n, 0, unix.SEEK_CUR}},
				ptrace.Call{Nr: unix.SYS_FCNTL, Args: [6]uint64{n, unix.F_GETOWN}},
				ptrace.Call{Nr: unix.SYS_FCNTL, Args: [6]uint64{n, unix.F_GETSIG}})
		}
		answer, err := k.Twin.Run(calls, stat*len(some))
		if err != nil {
			return nil, fmt.Errorf("having the twin look at files: %w", err)
		}
		for i, o := range some {
			if g, ok := glanced(answer, callsEach*i); ok {
				copy(sys.Bytes(&g.st), answer.Stored[i*stat:])
				all[o.fd] = g
			}
		}
	}
	return all, nil
}

// glanced is what the calls from i on returned.
func glanced(a ptrace.Answer, i int) (g glance, ok bool) {
	if _, err := a.Returned(i); err != nil {
		return g, false
	}
	onExec, err := a.Returned(i + 1)
	if err != nil {
		return g, false
	}
	flags, err := a.Returned(i + 2)
	if err != nil {
		return g, false
	}
	g.flags = int(flags)
	if onExec&unix.FD_CLOEXEC != 0 {
		g.flags |= unix.O_CLOEXEC
	}
	// Pipes have no position, and O_PATH descriptors tell none.
	pos, _ := a.Returned(i + 3)
	g.pos = int64(pos)
	// A process group is a negative number, as errors are.
	owner, group := a.Returned(i + 4)
	signal, _ := a.Returned(i + 5)
	g.owned = owner != 0 || group != nil || signal != 0
	return g, true
}
