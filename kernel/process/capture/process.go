// The state of the process as a whole, most of which its twin has too.

package capture

import (
	"fmt"

	"snappipe/kernel/process/proc"
	"snappipe/kernel/process/ptrace"
	"snappipe/kernel/process/world"

	"golang.org/x/sys/unix"
)

// readTwins reads what the twins inherited, after the programs run on.
func (t *tree) readTwins() error {
	if err := t.together((*member).readTwin); err != nil {
		return err
	}
	if err := t.root().readHost(); err != nil {
		return fmt.Errorf("%s: %w", t.root().object(), err)
	}
	return t.fault(FaultTwinCalls)
}

func (c *member) readTwin() error {
	for _, step := range []func() error{
		c.checkTwinsNamespaces, c.readNames, c.readIDs, c.readMM, c.readSignals, c.readSettings, c.readKeys, c.readRlimits, c.finishThreads,
		c.readLDT, c.readKeyring, c.checkUndo, c.checkPorts, c.checkLandlock,
	} {
		if err := step(); err != nil {
			return fmt.Errorf("%s: %w", c.object(), err)
		}
	}
	return nil
}

func (c *member) readNames() (err error) {
	p := c.task
	args, err := proc.Cmdline(c.twin.PID)
	if err != nil {
		return err
	}
	for _, a := range args {
		p.Cmdline = append(p.Cmdline, world.Text(a))
	}
	root, _, err := proc.Link(c.twin.PID, "root")
	if err != nil {
		return err
	}
	p.Root = world.Text(root)
	if p.Cwd, err = c.files.WorkingDirectory(c.opener); err != nil {
		return err
	}
	p.Exe, err = c.files.Executable(c.opener)
	return err
}

func (c *member) readIDs() error {
	p, stat := c.task, c.before.stat
	p.PID = p.Threads[0].TID
	p.PPID, p.PGID, p.SID = stat.Parent(), stat.Group(), stat.Session()
	p.TTY, p.Foreground = stat.Terminal(), stat.Foreground()
	p.ExitSignal = stat.ExitSignal()

	status, err := proc.ReadStatus(c.twin.PID)
	if err != nil {
		return err
	}
	for i, id := range status.Numbers("Uid") {
		p.UIDs[i%4] = uint32(id)
	}
	for i, id := range status.Numbers("Gid") {
		p.GIDs[i%4] = uint32(id)
	}
	for _, id := range status.Numbers("Groups") {
		p.Groups = append(p.Groups, uint32(id))
	}
	if c.before.namespaced {
		if p.Foreground > 0 {
			if p.Foreground, err = c.innerGroup(p.Foreground); err != nil {
				return err
			}
		}
		p.PPID, p.PGID, p.SID = c.innerParent(), status.Innermost("NSpgid"), status.Innermost("NSsid")
	}
	p.Caps = world.MakeCaps(status.Capabilities())
	p.Umask = uint32(status.Bits("Umask", 8))
	p.NoNewPrivs = status.Int("NoNewPrivs") != 0
	p.Seccomp = status.Int("Seccomp")
	return nil
}

// innerGroup is the ID that a group has in the PID namespace of the tree, or -1, as where
// no group is in the foreground, if none of the tree is in it. A twin is in the group that
// its parent was in.
func (t *tree) innerGroup(id int) (int, error) {
	for _, c := range t.members {
		if c.before.stat.Group() == id {
			status, err := proc.ReadStatus(c.twin.PID)
			return status.Innermost("NSpgid"), err
		}
	}
	if inner, ok := t.deadGroups[id]; ok {
		return inner, nil
	}
	return -1, nil
}

// innerParent is the ID that its parent had in the PID namespace of the tree.
func (c *member) innerParent() int {
	parent := c.before.stat.Parent()
	if d := c.member(parent); d != nil {
		return d.task.Threads[0].TID
	}
	return proc.InnerID(parent)
}

func (c *member) readMM() error {
	s, err := proc.ReadStat(c.twin.PID)
	if err != nil {
		return err
	}
	mm := &c.space.MM
	for field, to := range map[int]*world.Hex{ // of proc_pid_stat(5)
		26: &mm.StartCode, 27: &mm.EndCode, 28: &mm.StartStack,
		45: &mm.StartData, 46: &mm.EndData, 47: &mm.StartBrk,
		48: &mm.ArgStart, 49: &mm.ArgEnd, 50: &mm.EnvStart, 51: &mm.EnvEnd,
	} {
		*to = world.Hex(s.Field(field))
	}
	brk, err := c.twin.call.Call(unix.SYS_BRK, 0)
	if err != nil {
		return fmt.Errorf("reading the end of the heap: %w", err)
	}
	mm.Brk = world.Hex(brk)
	c.space.Auxv, err = proc.Auxv(c.twin.PID)
	return err
}

func (c *member) readSignals() error {
	const signals, size = 64, 32 // of struct kernel_sigaction: handler, flags, restorer, mask
	calls := make([]ptrace.Call, signals)
	for i := range calls {
		at := c.twin.Stores(signals) + uint64(size*i)
		calls[i] = ptrace.Call{Nr: unix.SYS_RT_SIGACTION, Args: [6]uint64{uint64(i + 1), 0, at, 8}}
	}
	answer, err := c.twin.Run(calls, signals*size)
	if err != nil {
		return fmt.Errorf("reading the actions of signals: %w", err)
	}
	for i := range calls {
		sig, b := i+1, answer.Stored[size*i:]
		if _, err := answer.Returned(i); err != nil {
			return fmt.Errorf("reading the action of signal %d: %w", sig, err)
		}
		a := world.SigAction{
			Signal: sig, Handler: world.Hex(le.Uint64(b)), Flags: world.Hex(le.Uint64(b[8:])),
			Restorer: world.Hex(le.Uint64(b[16:])), Mask: world.Hex(le.Uint64(b[24:])),
		}
		if a.Handler != 0 || a.Flags != 0 || a.Mask != 0 {
			c.task.SigActions = append(c.task.SigActions, a)
		}
	}
	return nil
}

func (c *member) readRlimits() error {
	limits, err := proc.Limits(c.twin.PID)
	if err != nil {
		return fmt.Errorf("reading resource limits: %w", err)
	}
	to := &c.task.Rlimits
	if len(limits) != len(to) {
		return fmt.Errorf("this kernel has %d resource limits, not %d", len(limits), len(to))
	}
	for i, l := range limits {
		to[i] = world.Rlimit{Cur: world.Hex(l.Cur), Max: world.Hex(l.Max)}
	}
	return nil
}

func (c *member) readHost() (err error) {
	var u unix.Utsname
	if err := unix.Uname(&u); err != nil {
		return err
	}
	h := &c.img.Host
	if h.Boot, err = proc.BootID(); err != nil {
		return err
	}
	h.Arch = unix.ByteSliceToString(u.Machine[:])
	h.Release = unix.ByteSliceToString(u.Release[:])
	h.XFeatures = world.XFeatures(c.task.Threads[0].XState)
	h.VDSO, err = ptrace.VDSOHash(c.frozen.maps, c.twin.Memory)
	return err
}

// finishThreads adds what was read by others: names, the survey's unless the
// thread is newer, and scheduling.
func (c *member) finishThreads() error {
	for i, tid := range c.frozen.tids {
		comm, ok := c.before.comms[tid]
		if !ok {
			var err error
			if comm, err = proc.Comm(c.pid, tid); err != nil && !proc.IsGone(err) {
				return err
			}
		}
		t := &c.task.Threads[i]
		t.Comm, t.Sched, t.Robust = world.Text(comm), c.frozen.sched[i], c.frozen.locks[i]
	}
	c.task.Comm = c.task.Threads[0].Comm
	return nil
}
