// What clone(2) shares with a process that is no thread: the memory, the table of
// open files and alike, which a resumed process would have to itself.

package capture

import (
	"os"
	"slices"

	"snappipe/kernel/process/proc"
	"snappipe/kernel/process/ptrace"
	"snappipe/kernel/process/sys"
)

// others returns the living processes besides this one and those that are taken, or will
// be when all stand still; twins of these aside, which have all that they have.
func (t *tree) others() ([]int, error) {
	pids, err := proc.Processes()
	return slices.DeleteFunc(pids, func(pid int) bool {
		s, err := proc.ReadStat(pid)
		return err != nil || s.HasEnded() || ptrace.IsTwin(s) || pid == os.Getpid() || t.has(pid) || !t.o.Only && t.isTaken(pid)
	}), err
}

// sharedByProcesses are of what kcmp(2) compares: what clone(2) shares with a
// process that is no thread. What members may share with each other is noted.
var sharedByProcesses = []struct {
	kind int
	what string
	note func(c, first *member)
}{
	{sys.KcmpVM, "memory", func(c, first *member) { c.sharing.memory = first }},
	{sys.KcmpFiles, "open files", func(c, first *member) { c.sharing.files = first }},
	{sys.KcmpFS, "working directory, root and umask", func(c, first *member) { c.sharing.fs = first }},
	{sys.KcmpSighand, "signal actions", func(c, first *member) { c.sharing.actions = first }},
}

// checkOthers refuses members that share these with a process that is not taken. Who was
// found apart from all others once stays so, but for children of its own; and since it
// takes a look at all processes that there are, it is for many members at once.
func (t *tree) checkOthers() error {
	fresh := slices.DeleteFunc(slices.Clone(t.members), func(c *member) bool { return c.isApart })
	if len(fresh) == 0 {
		return nil
	}
	pids, err := t.others()
	if err != nil {
		return err
	}
	for _, c := range fresh {
		for _, pid := range pids {
			if err := c.checkApartFrom(pid); err != nil {
				return err
			}
		}
		c.isApart = true
	}
	return nil
}

func (c *member) checkApartFrom(pid int) error {
	for _, s := range sharedByProcesses {
		if same, err := sys.Kcmp(c.pid, pid, s.kind, 0, 0); err != nil {
			break // it has ended, or is another user's
		} else if same == 0 && !isEnding(c.pid) { // which has no more memory than a kernel thread
			return c.refuse("", "it shares its %s with %s", s.what, proc.Title(pid))
		}
	}
	return nil
}
