// What threads share. A resume makes threads as pthread_create(3) does, so that
// they have everything in common; one that left some of that (unshare(2)), or
// was made without (clone(2)), is refused.

package capture

import (
	"errors"
	"fmt"
	"io/fs"

	"snappipe/kernel/process/proc"
	"snappipe/kernel/process/sys"

	"golang.org/x/sys/unix"
)

// sharedByThreads are of what kcmp(2) compares. Memory and signal actions are
// not among them: clone(2) makes no thread that has its own.
var sharedByThreads = []struct {
	kind int
	what string
}{
	{sys.KcmpFiles, "open files"},
	{sys.KcmpFS, "working directory, root and umask"},
}

// alikeInThreads are fields of proc_pid_status(5). The kernel has them for each
// thread, but the C library changes IDs for all at once (nptl(7)), and a resume
// gives all of them what the first has.
var alikeInThreads = []struct{ field, what string }{
	{"Uid", "user IDs"}, {"Gid", "group IDs"}, {"Groups", "groups"},
	{"CapInh", "capabilities"}, {"CapPrm", "capabilities"}, {"CapEff", "capabilities"},
	{"CapBnd", "capabilities"}, {"CapAmb", "capabilities"},
	{"NoNewPrivs", "no_new_privs"}, {"Seccomp", "seccomp mode"}, {"Seccomp_filters", "seccomp filters"},
	{"Speculation_Store_Bypass", "control of speculation"}, {"SpeculationIndirectBranch", "control of speculation"},
}

// alikeFlags are those of proc_pid_stat(5) that prctl(2) sets: PF_MCE_PROCESS and
// PF_MCE_EARLY by PR_MCE_KILL, PF_LOCAL_THROTTLE by PR_SET_IO_FLUSHER
// (include/linux/sched.h).
const alikeFlags = 0x80 | 0x08000000 | 0x00100000

// checkShared compares what every thread has to what the first has.
func (c *member) checkShared() error {
	tids, err := proc.Tasks(c.pid)
	if err != nil {
		return fmt.Errorf("%s: %w", c.object(), err)
	}
	personality, err := proc.Number(c.pid, "personality", 16)
	if errors.Is(err, fs.ErrPermission) {
		return c.refuseAccess()
	}
	if err != nil {
		return fmt.Errorf("%s: %w", c.object(), err)
	}
	for _, tid := range tids {
		s, err := proc.ReadStatus(tid)
		if err != nil {
			continue // it has ended
		}
		for _, a := range alikeInThreads {
			if s.Get(a.field) != c.before.status.Get(a.field) {
				return c.refuse("", "its thread %d has %s of its own", tid, a.what)
			}
		}
		if p, err := proc.Number(tid, "personality", 16); err == nil && p != personality {
			return c.refuse("", "its thread %d has a personality of its own, see personality(2)", tid)
		}
		const flags = 9
		if t, err := proc.ReadThreadStat(c.pid, tid); err == nil && (t.Field(flags)^c.before.stat.Field(flags))&alikeFlags != 0 {
			return c.refuse("", "its thread %d has settings of its own for broken memory (PR_MCE_KILL) or I/O (PR_SET_IO_FLUSHER)", tid)
		}
	}
	return c.checkSharedBy(tids)
}

func (c *member) checkSharedBy(tids []int) error {
	for _, tid := range tids {
		if tid == c.pid {
			continue
		}
		for _, s := range sharedByThreads {
			order, err := sys.Kcmp(c.pid, tid, s.kind, 0, 0)
			switch {
			case (err != nil || order != 0) && proc.Exiting(tid):
				continue
			case err == unix.EPERM:
				return c.refuseAccess()
			case err != nil:
				return fmt.Errorf("%s: comparing the %s of thread %d: %w", c.object(), s.what, tid, err)
			case order != 0:
				return c.refuse("", "its thread %d does not share the %s of the others", tid, s.what)
			}
		}
	}
	return nil
}
