// SEM_UNDO of semop(2): what the kernel is to take back from System V semaphores
// when a process ends. It does not tell what that is, only by kcmp(2) whether two
// processes have the same list of it; and the twin has none.

package capture

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"snappipe/kernel/process/proc"
	"snappipe/kernel/process/sys"

	"golang.org/x/sys/unix"
)

// checkUndo refuses a process that has a list, if there are semaphores that can be
// on it. Threads share one, which they have from when they were made, be there
// anything on it or not; so a process with threads is refused only if it was the
// last to change a semaphore.
func (c *member) checkUndo() error {
	if order, err := sys.Kcmp(c.pid, c.twin.PID, sys.KcmpSysVSem, 0, 0); err != nil || order == 0 {
		return nil // or this kernel has no such semaphores, or the program has ended
	}
	if own, err := c.hasOwnIPC(); err != nil {
		return err
	} else if own {
		return c.checkOwnUndo()
	}
	sets, err := semaphores()
	if err != nil {
		return err
	}
	begun, err := proc.Started(c.before.stat)
	if err != nil {
		return err
	}
	for _, s := range sets {
		if s.changed.Before(begun.Truncate(time.Second)) || len(c.frozen.tids) > 1 && !s.lastBy(c.pid) {
			continue
		}
		return c.dropUndo(s.id)
	}
	return nil
}

// checkOwnUndo is for one in an IPC namespace of its own, all sets of which are taken.
func (c *member) checkOwnUndo() error {
	if len(c.img.Semaphores) == 0 {
		return nil
	}
	return c.dropUndo(c.img.Semaphores[0].ID)
}

func (c *member) dropUndo(id int) error {
	if !c.o.Force {
		return c.refuse("--force takes it without", "it may have changes of semaphore set %d to undo (SEM_UNDO), which no kernel tells", id)
	}
	c.o.Warn(fmt.Sprintf("dropped: what %s has to undo in semaphore sets (SEM_UNDO)", c.object()))
	return nil
}

// semaphoreSet is one of semget(2).
type semaphoreSet struct {
	id, count int
	changed   time.Time // last, by semop(2)
}

// semaphores lists all, from /proc/sysvipc/sem.
func semaphores() (sets []semaphoreSet, err error) {
	b, err := os.ReadFile("/proc/sysvipc/sem")
	if proc.IsGone(err) {
		return nil, nil
	}
	for line := range strings.Lines(string(b)) {
		const id, count, changed = 1, 3, 8
		f := strings.Fields(line)
		if len(f) <= changed || f[0] == "key" {
			continue
		}
		s := semaphoreSet{}
		s.id, _ = strconv.Atoi(f[id])
		s.count, _ = strconv.Atoi(f[count])
		at, _ := strconv.ParseInt(f[changed], 10, 64)
		s.changed = time.Unix(at, 0)
		sets = append(sets, s)
	}
	return sets, err
}

// lastBy reports whether a process was the last to change any of a set.
func (s *semaphoreSet) lastBy(pid int) bool {
	const getPID = 11 // GETPID, include/uapi/linux/sem.h
	for i := range s.count {
		last, _, e := unix.Syscall6(unix.SYS_SEMCTL, uintptr(s.id), uintptr(i), getPID, 0, 0, 0)
		if e == 0 && int(last) == pid {
			return true
		}
	}
	return false
}
