// What has to be so of processes for a tree to be made of them, as the kernel
// made the one that they were: setpgid(2) and setsid(2) say what groups and
// sessions there can be.

package world

import (
	"math"
	"slices"

	"golang.org/x/sys/unix"
)

// checkTasks is what all else relies on: who is there, with what.
func (w *World) checkTasks() error {
	if len(w.Tasks) == 0 || w.Tasks[0].Dead() {
		return damagedf("it has no process")
	}
	for i := range w.Tasks {
		t := &w.Tasks[i]
		if !inRange(t.Space, len(w.Spaces), true) || !inRange(t.Table, len(w.Tables), true) {
			return damagedf("process %d has memory %d and descriptors %d, which are not there", t.PID, t.Space, t.Table)
		}
		if (t.Space == NoIndex) != (t.Table == NoIndex) {
			return damagedf("process %d is neither alive nor dead", t.PID)
		}
		if t.ExitSignal < 0 || t.ExitSignal > lastSignal {
			return damagedf("process %d tells of its end by signal %d", t.PID, t.ExitSignal)
		}
		if t.Dead() && (len(t.Threads) > 0 || !possibleStatus(t.Status)) || !t.Dead() && t.Status != 0 {
			return damagedf("process %d has %d threads and status %#x", t.PID, len(t.Threads), t.Status)
		}
	}
	if len(w.Tasks) == 1 {
		return nil // whose parent, group and session are not its own
	}
	for _, check := range []func() error{w.checkParents, w.checkGroups, w.checkSharers} {
		if err := check(); err != nil {
			return err
		}
	}
	return nil
}

// checkSharers has what is said of each of those that share something be the same of
// all, and be possible.
func (w *World) checkSharers() error {
	directories, actions := map[int]*Task{}, map[int]*Task{}
	for i := range w.Tasks {
		t := &w.Tasks[i]
		if t.Dead() && t.FS|t.Actions != 0 {
			return damagedf("process %d, which has ended, shares something", t.PID)
		}
		if f := firstWith(directories, t.FS, t); f.Cwd != t.Cwd || f.Root != t.Root || f.Umask != t.Umask {
			return damagedf("processes %d and %d share a working directory, root and umask that differ", f.PID, t.PID)
		}
		if f := firstWith(actions, t.Actions, t); f.Space != t.Space || !slices.Equal(f.SigActions, t.SigActions) {
			return damagedf("processes %d and %d share signal actions that differ, or have not one memory", f.PID, t.PID)
		}
	}
	return nil
}

// firstWith is the first task that has a number, or t if nobody has that.
func firstWith(first map[int]*Task, number int, t *Task) *Task {
	if number == 0 {
		return t
	}
	if first[number] == nil {
		first[number] = t
	}
	return first[number]
}

const lastSignal = 64

// possibleStatus reports whether a process can have ended with this: an exit
// status, or a signal that ends processes (signal(7)), with or without a core.
func possibleStatus(status int) bool {
	const core = 0x80
	if status&0x7f == 0 {
		return status >= 0 && status <= 0xff00 && status&core == 0
	}
	switch sig := unix.Signal(status &^ core); sig {
	case unix.SIGCHLD, unix.SIGCONT, unix.SIGURG, unix.SIGWINCH, unix.SIGSTOP, unix.SIGTSTP, unix.SIGTTIN, unix.SIGTTOU:
		return false
	default:
		return sig >= 1 && sig <= lastSignal
	}
}

// checkParents has every process but the first be the child of one before it that
// is alive, and every ID be there once.
func (w *World) checkParents() error {
	alive, ids := map[int]bool{}, map[int]bool{}
	for i := range w.Tasks {
		t := &w.Tasks[i]
		if t.PID <= 0 || t.PID > math.MaxInt32 || ids[t.PID] {
			return damagedf("process ID %d is not possible or there twice", t.PID)
		}
		if i > 0 && !alive[t.PPID] {
			return damagedf("process %d is a child of %d, which is not there before it", t.PID, t.PPID)
		}
		ids[t.PID], alive[t.PID] = true, !t.Dead()
		for k := 1; k < len(t.Threads); k++ {
			if tid := t.Threads[k].TID; ids[tid] {
				return damagedf("thread ID %d is there twice", tid)
			}
			ids[t.Threads[k].TID] = true
		}
	}
	return nil
}

// checkGroups checks process groups and sessions. Their IDs are 0 where they are
// those of a namespace outside of that of the processes: then so is the session of
// the group, and nobody in it has led another, for there is no way back into it.
func (w *World) checkGroups() error {
	byID, threads := map[int]*Task{}, map[int]bool{}
	for i := range w.Tasks {
		t := &w.Tasks[i]
		byID[t.PID] = t
		for k := 1; k < len(t.Threads); k++ {
			threads[t.Threads[k].TID] = true
		}
	}
	session := map[int]int{} // of each group
	for i := range w.Tasks {
		t := &w.Tasks[i]
		for _, id := range [...]int{t.PGID, t.SID} {
			if id < 0 || id > math.MaxInt32 || threads[id] {
				return damagedf("process %d is in group %d and session %d", t.PID, t.PGID, t.SID)
			}
		}
		if t.PGID == 0 && t.SID != 0 {
			return damagedf("process %d is in a group outside of its session, %d", t.PID, t.SID)
		}
		if t.SID == t.PID && t.PGID != t.PID {
			return damagedf("process %d leads a session, but is in group %d", t.PID, t.PGID)
		}
		if leader := byID[t.SID]; leader != nil && leader.SID != t.SID {
			return damagedf("process %d is in session %d, and the process of that ID in %d", t.PID, t.SID, leader.SID)
		}
		if s, ok := session[t.PGID]; ok && s != t.SID {
			return damagedf("process group %d is in session %d and in %d", t.PGID, s, t.SID)
		}
		session[t.PGID] = t.SID
		// Also one that has left the group it led is in that session.
		if leader := byID[t.PGID]; leader != nil && (leader.SID != t.SID || leader.PGID == 0) {
			return damagedf("process group %d is in session %d, and the process of that ID in group %d and session %d", t.PGID, t.SID, leader.PGID, leader.SID)
		}
	}
	return nil
}
