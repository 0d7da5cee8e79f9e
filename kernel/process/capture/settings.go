// Settings of the process that its twin has inherited: prctl(2), arch_prctl(2),
// personality(2), membarrier(2) and files of /proc.

package capture

import (
	"errors"
	"fmt"

	"snappipe/kernel/process/proc"
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
	nr   uintptr
	args []uint64
	take func(p *world.Task, v uint64)
}

var settings = []setting{
	{"whether it is dumpable", unix.SYS_PRCTL, []uint64{unix.PR_GET_DUMPABLE},
		func(p *world.Task, v uint64) { p.Dumpable = int(v) }},
	{"whether huge pages are disabled", unix.SYS_PRCTL, []uint64{unix.PR_GET_THP_DISABLE},
		func(p *world.Task, v uint64) { p.THPDisable = int(v) }},
	{"whether its memory is merged", unix.SYS_PRCTL, []uint64{unix.PR_GET_MEMORY_MERGE},
		func(p *world.Task, v uint64) { p.MemoryMerge = v != 0 }},
	{"what broken memory does to it", unix.SYS_PRCTL, []uint64{unix.PR_MCE_KILL_GET},
		func(p *world.Task, v uint64) { p.MCEKill = int(v) }},
	{"its personality", unix.SYS_PERSONALITY, []uint64{0xffffffff},
		func(p *world.Task, v uint64) { p.Personality = uint32(v) }},
}

// readSettings asks for what every kernel has, and for what newer ones do.
func (c *member) readSettings() error {
	p := c.task
	for _, s := range settings {
		v, err := c.twin.call.Call(s.nr, s.args...)
		switch {
		case err == nil:
			s.take(p, v)
		case !errors.Is(err, unix.EINVAL): // no such setting, for prctl(2)
			return fmt.Errorf("reading %s: %w", s.what, err)
		}
	}
	for which := range p.Speculation {
		v, err := c.twin.call.Call(unix.SYS_PRCTL, unix.PR_GET_SPECULATION_CTRL, uint64(which))
		if err == nil && v&unix.PR_SPEC_PRCTL != 0 { // it is for processes to set
			p.Speculation[which] = int(v &^ unix.PR_SPEC_PRCTL)
		}
	}
	if err := c.readBarriers(); err != nil {
		return err
	}
	if err := c.readFlusher(); err != nil {
		return err
	}
	var perm [8]byte
	err := c.twin.get(perm[:], unix.SYS_ARCH_PRCTL, archGetXCompPerm, c.twin.batch.At)
	if err != nil && !errors.Is(err, unix.EINVAL) {
		return fmt.Errorf("reading which registers it may use: %w", err)
	}
	p.XCompPerm = world.Hex(le.Uint64(perm[:]))

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
