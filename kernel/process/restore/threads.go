// This file makes the threads and gives each its own state.

package restore

import (
	"fmt"
	"slices"

	"golang.org/x/sys/unix"

	"snappipe/kernel"
	"snappipe/kernel/process/proc"
	"snappipe/kernel/process/ptrace"
	"snappipe/kernel/process/sys"
	"snappipe/kernel/process/world"
)

// thread is a thread in the making.
type thread struct {
	*ptrace.Caller
	saved *world.Thread
	stub  *stub
	tid   int // as we see it
	id    int // as it sees itself, and
	pid   int // its process
}

func (t *thread) call(what string, nr uintptr, args ...uint64) error {
	_, err := describe(t.Caller, what, nr, args)
	return err
}

func (t *thread) callWith(what string, nr uintptr, i int, arg []byte, args ...uint64) (uint64, error) {
	return t.stub.callWith(t.Caller, what, nr, i, arg, args...)
}

// makeThreads makes as many as the image has.
func (p *process) makeThreads() error {
	p.ids.tids = map[int]int{}
	for i := range p.task.Threads {
		t := &thread{Caller: p.stub.Caller, saved: &p.task.Threads[i], stub: p.stub}
		if i > 0 {
			newborn, err := p.makeThread(t.saved.TID)
			if err != nil {
				return fmt.Errorf("making thread %d of %d: %w", i+1, len(p.task.Threads), err)
			}
			if err := newborn.SetSigMask(allSignals); err != nil {
				return err
			}
			if t.Caller, err = newCaller(newborn, p.stub.Site); err != nil {
				return err
			}
			t.Turn = p.stub.Turn
		}
		t.tid = int(t.Thread)
		t.id, t.pid = p.innerID(t.tid), p.innerID(p.stub.pid)
		p.threads = append(p.threads, t)
		p.ids.tids[t.saved.TID] = t.id
	}
	return nil
}

// innerID is the ID that a thread knows itself by, which in a PID namespace is not the
// one that we know it by.
func (p *process) innerID(tid int) int {
	if p.pids == nil {
		return tid
	}
	return proc.InnerID(tid)
}

const threadFlags = unix.CLONE_VM | unix.CLONE_FS | unix.CLONE_FILES | unix.CLONE_SIGHAND |
	unix.CLONE_THREAD | unix.CLONE_SYSVSEM

func (p *process) makeThread(tid int) (ptrace.Thread, error) {
	if p.ids.same {
		at, err := p.stub.lay(sys.Words(uint64(tid)), cloneArgs(threadFlags, 0, p.stub.scratch))
		if err != nil {
			return 0, err
		}
		t, err := p.stub.clone3(at[1])
		if err == nil || !unavailable(err) {
			return t, err
		}
		what := fmt.Sprintf("thread ID %d", tid)
		switch {
		case p.options.SamePID:
			return 0, sameIDsRefusal(what, err)
		case slices.ContainsFunc(p.mapped, func(m mapping) bool { return m.later }):
			return 0, kernel.Refuse(what, "without --lazy that thread gets another ID", "%v", err)
		}
		p.options.Warn(fmt.Sprintf("thread ID %d is %s: that thread gets another", tid, why(err)))
	}
	return p.stub.Spawn(unix.SYS_CLONE, threadFlags, 0, 0, 0, 0)
}

// setThreads gives each thread what only it can set. Signals for the process
// come last, and first those of each thread, as they will be taken.
func (p *process) setThreads() error {
	for _, t := range p.threads {
		// The timer slack comes after the scheduling, which may change it.
		if err := p.setSched(t); err != nil {
			return fmt.Errorf("thread %d: %w", t.saved.TID, err)
		}
		if err := t.set(); err != nil {
			return fmt.Errorf("thread %d: %w", t.saved.TID, err)
		}
	}
	if err := p.setMemoryPolicies(); err != nil {
		return err
	}
	for _, t := range p.threads {
		if err := t.queue(t.saved.Pending, false); err != nil {
			return fmt.Errorf("thread %d: %w", t.saved.TID, err)
		}
	}
	return p.threads[0].queue(p.task.Pending, true)
}

func (t *thread) set() error {
	c := &calls{stub: t.stub, by: t.Caller, tid: t.id}
	name := c.lay(cstring(string(t.saved.Comm)))
	c.add("setting its name", unix.SYS_PRCTL, unix.PR_SET_NAME, name)
	c.add("set_tid_address", unix.SYS_SET_TID_ADDRESS, uint64(t.saved.ClearTID))
	if t.saved.Robust.Head != 0 {
		c.add("set_robust_list", unix.SYS_SET_ROBUST_LIST, uint64(t.saved.Robust.Head), t.saved.Robust.Len)
	}
	if t.saved.NoTSC {
		c.add("PR_SET_TSC", unix.SYS_PRCTL, unix.PR_SET_TSC, unix.PR_TSC_SIGSEGV)
	}
	if t.saved.NoCPUID {
		c.add("ARCH_SET_CPUID", unix.SYS_ARCH_PRCTL, archSetCPUID, 0)
	}
	if slack := t.saved.TimerSlack; slack != 0 {
		c.add("PR_SET_TIMERSLACK", unix.SYS_PRCTL, unix.PR_SET_TIMERSLACK, slack, 0, 0, 0)
	}
	t.setAltStack(c)
	if r := &t.saved.Rseq; r.Ptr != 0 {
		c.add("rseq", unix.SYS_RSEQ, uint64(r.Ptr), uint64(r.Size), uint64(r.Flags), uint64(r.Sig))
	}
	return c.run()
}

func (t *thread) setAltStack(c *calls) {
	const onStack, disable = 1, 2 // SS_
	a := &t.saved.AltStack
	if a.Flags&disable != 0 || a.SP == 0 {
		return
	}
	// struct sigaltstack. SS_ONSTACK is not to be set: that the thread is
	// on it, the kernel tells by its stack pointer.
	at := c.lay(sys.Words(uint64(a.SP), uint64(uint32(a.Flags&^onStack)), a.Size))
	c.add("sigaltstack", unix.SYS_SIGALTSTACK, at, 0)
}

// rseqCS is the offset of rseq_cs in struct rseq.
const rseqCS = 8

// setRegisters puts the threads where they were. From here on no call can be
// made in them.
func (p *process) setRegisters() error {
	if _, err := p.stub.call("munmap", unix.SYS_MUNMAP, p.stub.scratch, roomSize); err != nil {
		return err
	}
	if err := p.renumber(); err != nil {
		return err
	}
	for _, t := range p.threads {
		if err := t.setRegisters(); err != nil {
			return fmt.Errorf("thread %d: %w", t.saved.TID, err)
		}
	}
	return nil
}

func (t *thread) setRegisters() error {
	// Registering cleared it, and any code that ran since would have.
	if cs := t.saved.Rseq.CriticalStruct; cs != 0 && t.saved.Rseq.Ptr != 0 {
		if err := t.stub.mem.Write(sys.Words(uint64(cs)), uint64(t.saved.Rseq.Ptr)+rseqCS); err != nil {
			return err
		}
	}
	if err := t.setSegments(); err != nil {
		return err
	}
	if err := t.setXstate(); err != nil {
		return fmt.Errorf("setting its extended registers: %w", err)
	}
	if err := setDispatch(t.Thread, &t.saved.Dispatch); err != nil {
		return fmt.Errorf("setting its Syscall User Dispatch: %w", err)
	}
	regs := ptrace.Regs(t.saved.Regs)
	regs.Restart()
	if err := t.Thread.SetRegs(&regs); err != nil {
		return fmt.Errorf("setting its registers: %w", err)
	}
	return nil
}

// setXstate sets the XSAVE area, made as long as it is here: the kernel takes
// no other length. What is cut off is of components that are not in use, or
// the kernel would not have been found to have all of them (checkFeatures).
func (t *thread) setXstate() error {
	own, err := t.Thread.Xstate()
	if err != nil {
		return err
	}
	state := make([]byte, len(own))
	copy(state, t.saved.XState)
	return t.Thread.SetXstate(state)
}

// readyToGo sets the signal mask, last of all, since the next signal to come
// may be delivered by then.
func (t *thread) readyToGo() error {
	if err := t.Thread.SetSigMask(uint64(t.saved.SigMask)); err != nil {
		return fmt.Errorf("setting the signal mask of thread %d: %w", t.saved.TID, err)
	}
	return nil
}
