// Settings of the process that its twin has inherited: prctl(2), arch_prctl(2),
// personality(2), membarrier(2) and files of /proc.

package capture

import (
	"errors"
	"fmt"

	"snappipe/kernel/process/proc"
	"snappipe/kernel/process/ptrace"
	"snappipe/kernel/process/world"

	"golang.org/x/sys/unix"
)

// Numbers that golang.org/x/sys has no name for.
const (
	archGetXCompPerm      = 0x1022 // arch/x86/include/uapi/asm/prctl.h
	membarrierGetRegister = 1 << 9 // MEMBARRIER_CMD_GET_REGISTRATIONS, include/uapi/linux/membarrier.h
)

// setting is a call that returns a number.
type setting struct {
	what string
	nr   uint64
	args [6]uint64
	take func(p *world.Task, v uint64)
}

var settings = []setting{
	{"whether it is dumpable", unix.SYS_PRCTL, [6]uint64{unix.PR_GET_DUMPABLE},
		func(p *world.Task, v uint64) { p.Dumpable = int(v) }},
	{"whether huge pages are disabled", unix.SYS_PRCTL, [6]uint64{unix.PR_GET_THP_DISABLE},
		func(p *world.Task, v uint64) { p.THPDisable = int(v) }},
	{"whether its memory is merged", unix.SYS_PRCTL, [6]uint64{unix.PR_GET_MEMORY_MERGE},
		func(p *world.Task, v uint64) { p.MemoryMerge = v != 0 }},
	{"what broken memory does to it", unix.SYS_PRCTL, [6]uint64{unix.PR_MCE_KILL_GET},
		func(p *world.Task, v uint64) { p.MCEKill = int(v) }},
	{"its personality", unix.SYS_PERSONALITY, [6]uint64{0xffffffff},
		func(p *world.Task, v uint64) { p.Personality = uint32(v) }},
}

// readSettings asks for what every kernel has, and for what newer ones do.
func (c *member) readSettings() error {
	if err := c.askSettings(); err != nil {
		return err
	}
	if err := c.readBarriers(); err != nil {
		return err
	}
	if err := c.readFlusher(); err != nil {
		return err
	}
	p := c.task
	label, err := proc.Label(c.twin.PID)
	if err != nil {
		return fmt.Errorf("reading its security label: %w", err)
	}
	p.Label = world.Text(label)
	adj, err := proc.Number(c.twin.PID, "oom_score_adj", 10)
	if err != nil {
		return err
	}
	p.OOMScoreAdj = int(adj)
	filter, err := proc.Number(c.twin.PID, "coredump_filter", 16)
	p.CoreFilter = world.Hex(filter)
	return err
}

// askSettings has the twin say what it returns, or stores.
func (c *member) askSettings() error {
	p := c.task
	calls := make([]ptrace.Call, 0, len(settings)+len(p.Speculation)+1)
	for _, s := range settings {
		calls = append(calls, ptrace.Call{Nr: s.nr, Args: s.args})
	}
	for which := range p.Speculation {
		calls = append(calls, ptrace.Call{Nr: unix.SYS_PRCTL, Args: [6]uint64{unix.PR_GET_SPECULATION_CTRL, uint64(which)}})
	}
	perm := len(calls)
	calls = append(calls, ptrace.Call{Nr: unix.SYS_ARCH_PRCTL, Args: [6]uint64{archGetXCompPerm, c.twin.Stores(perm + 1)}})
	answer, err := c.twin.Run(calls, 8)
	if err != nil {
		return fmt.Errorf("reading its settings: %w", err)
	}
	for i, s := range settings {
		v, err := answer.Returned(i)
		switch {
		case err == nil:
			s.take(p, v)
		case !errors.Is(err, unix.EINVAL): // no such setting, for prctl(2)
			return fmt.Errorf("reading %s: %w", s.what, err)
		}
	}
	for which := range p.Speculation {
		v, err := answer.Returned(len(settings) + which)
		if err == nil && v&unix.PR_SPEC_PRCTL != 0 { // it is for processes to set
			p.Speculation[which] = int(v &^ unix.PR_SPEC_PRCTL)
		}
	}
	switch _, err := answer.Returned(perm); {
	case err == nil:
		p.XCompPerm = world.Hex(le.Uint64(answer.Stored))
	case !errors.Is(err, unix.EINVAL):
		return fmt.Errorf("reading which registers it may use: %w", err)
	}
	return nil
}

// readBarriers asks for what the process has registered for by membarrier(2).
// Before Linux 6.3 there is no such question; but what it has not registered for
// is denied.
func (c *member) readBarriers() error {
	v, err := c.twin.call.Call(unix.SYS_MEMBARRIER, membarrierGetRegister, 0, 0)
	if errors.Is(err, unix.ENOSYS) {
		return nil
	}
	if err == nil {
		c.task.Membarrier = world.Hex(v)
		return nil
	}
	// MEMBARRIER_CMD_PRIVATE_EXPEDITED, _SYNC_CORE and _RSEQ; to register for each
	// is the next bit.
	for _, command := range []uint64{1 << 3, 1 << 5, 1 << 7} {
		_, err := c.twin.call.Call(unix.SYS_MEMBARRIER, command, 0, 0)
		switch {
		case err == nil:
			c.task.Membarrier |= world.Hex(command << 1)
		case !errors.Is(err, unix.EPERM) && !errors.Is(err, unix.EINVAL):
			return fmt.Errorf("reading what it has registered for by membarrier: %w", err)
		}
	}
	return nil
}

// readFlusher finds PR_SET_IO_FLUSHER, for which only who may set it may ask, in
// the flags that it sets.
func (c *member) readFlusher() error {
	s, err := proc.ReadStat(c.twin.PID)
	if err != nil {
		return err
	}
	const flags, flusher = 9, 0x80000 | 0x100000 // PR_IO_FLUSHER, include/linux/sched.h
	c.task.IOFlusher = s.Field(flags)&flusher == flusher
	return nil
}
