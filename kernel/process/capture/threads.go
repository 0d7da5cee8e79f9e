// The state of threads, and what the leader knows of the whole process.

package capture

import (
	"encoding/binary"
	"errors"
	"fmt"
	"unsafe"

	"snappipe/kernel/process/proc"
	"snappipe/kernel/process/ptrace"
	"snappipe/kernel/process/world"

	"golang.org/x/sys/unix"
)

var le = binary.LittleEndian

// readThreads reads what ptrace tells of stopped threads.
func (c *member) readThreads() error {
	f := &c.frozen
	if err := f.group.NoteDispatch(); err != nil {
		return err
	}
	c.task.Threads = make([]world.Thread, len(f.group.Threads))
	for i, s := range f.group.Threads {
		own, err := s.Thread.Pending(false)
		if err != nil {
			return fmt.Errorf("reading the pending signals of thread %d: %w", int(s.Thread), err)
		}
		segments, err := threadSegments(s.Thread)
		if err != nil {
			return err
		}
		c.task.Threads[i] = world.Thread{
			Segments: segments,
			TID:      c.innerID(int(s.Thread)), Regs: unix.PtraceRegs(s.Regs), XState: s.Xstate,
			SigMask: world.Hex(s.Mask), Pending: siginfos(own),
			Rseq: world.Rseq{
				Ptr: world.Hex(s.Rseq.Address), Size: s.Rseq.Size, Sig: s.Rseq.Signature,
				Flags: s.Rseq.Flags, CriticalStruct: world.Hex(s.RseqCS),
			},
			Dispatch: world.Dispatch{
				Mode: s.Dispatch.Mode, Offset: world.Hex(s.Dispatch.Offset), Len: world.Hex(s.Dispatch.Len),
				Selector: world.Hex(s.Dispatch.Selector),
			},
		}
		c.uncoverCall(&c.task.Threads[i])
	}
	shared, err := f.lead.Thread.Pending(true)
	if err != nil {
		return fmt.Errorf("reading the pending signals: %w", err)
	}
	c.task.Pending = siginfos(shared)
	c.task.Stopped = f.group.GroupStop
	return nil
}

func siginfos(all []ptrace.Siginfo) []world.Siginfo {
	out := make([]world.Siginfo, len(all))
	for i, s := range all {
		out[i] = world.Siginfo(s)
	}
	return out
}

// readSched reads what needs no tracer to be asked for.
func (c *member) readSched() error {
	for _, tid := range c.frozen.tids {
		s, err := sched(tid)
		if err != nil {
			return fmt.Errorf("reading how thread %d is scheduled: %w", tid, err)
		}
		r, err := robustList(tid)
		if err != nil {
			return fmt.Errorf("reading the robust list of thread %d: %w", tid, err)
		}
		c.frozen.sched = append(c.frozen.sched, s)
		c.frozen.locks = append(c.frozen.locks, r)
	}
	return nil
}

func robustList(tid int) (r world.Robust, err error) {
	var head, size uint64
	_, _, e := unix.Syscall(unix.SYS_GET_ROBUST_LIST, uintptr(tid), uintptr(unsafe.Pointer(&head)), uintptr(unsafe.Pointer(&size)))
	if e != 0 && e != unix.ENOSYS {
		return r, e
	}
	return world.Robust{Head: world.Hex(head), Len: size}, nil
}

func sched(tid int) (s world.Sched, err error) {
	a, err := unix.SchedGetAttr(tid, 0)
	if err != nil {
		return s, err
	}
	s = world.Sched{
		Policy: a.Policy, Flags: a.Flags, Nice: a.Nice, Priority: a.Priority,
		Runtime: a.Runtime, Deadline: a.Deadline, Period: a.Period, UtilMin: a.Util_min, UtilMax: a.Util_max,
	}
	var set unix.CPUSet
	if err := unix.SchedGetaffinity(tid, &set); err != nil {
		return s, err
	}
	for cpu, left := 0, set.Count(); left > 0; cpu++ {
		if set.IsSet(cpu) {
			s.Affinity = append(s.Affinity, cpu)
			left--
		}
	}
	const ofProcess = 1 // IOPRIO_WHO_PROCESS, which takes a thread
	n, _, e := unix.Syscall(unix.SYS_IOPRIO_GET, ofProcess, uintptr(tid), 0)
	if e != 0 {
		return s, e
	}
	s.IOPrio = int(n)
	return s, nil
}

// What the leader stores where, relative to its results.
const (
	atSubreaper  = 0 // 4 bytes
	atITimers    = 8 // three struct itimerval, 32 bytes each
	atTimers     = atITimers + 3*32
	leaderBefore = 5 // calls before those for the timers
)

// The parts of the memory for calls.
const (
	ofThreads = iota // which comes first, and so is in use then
	ofLeader
)

func leaderShape(timers, apart int) ptrace.Shape {
	return ptrace.Shape{Lists: 1, Calls: leaderBefore + timerCalls*timers + 2*apart + 1, Results: atTimers + timerStores*timers}
}

// askLeader has the first thread say what is left of timers, and fork.
func (c *member) askLeader(p *ptrace.Programs) error {
	f := &c.frozen
	timers := f.timers
	p.Use(ofLeader)
	at := p.Result(0)
	calls := []ptrace.Call{
		{Nr: unix.SYS_PRCTL, Args: [6]uint64{unix.PR_GET_CHILD_SUBREAPER, at + atSubreaper}},
		{Nr: unix.SYS_PRCTL, Args: [6]uint64{unix.PR_GET_MDWE}}, // which a fork may leave out
	}
	for which := range uint64(3) {
		calls = append(calls, ptrace.Call{Nr: unix.SYS_GETITIMER, Args: [6]uint64{which, at + atITimers + 32*which}})
	}
	calls = append(calls, timerQuestions(timers, at+atTimers)...)
	// No exit signal: a child of its own memory, whose end is not told to
	// anybody, and which wait(2) does not see without __WALL.
	before, behind := c.aroundFork()
	calls = append(calls, before...)
	fork := len(calls)
	calls = append(calls, ptrace.Call{Nr: unix.SYS_CLONE, Args: [6]uint64{unix.CLONE_FILES}})
	calls = append(calls, behind...)
	if err := p.Set(0, calls, f.lead); err != nil {
		return err
	}
	options := ptrace.SysGood | ptrace.Births
	if c.before.status.Int("Seccomp") != 0 {
		options |= ptrace.SuspendSeccomp
	}
	if err := f.lead.Thread.SetOptions(options); err != nil {
		return err
	}
	err := f.group.RunToBirth(p, f.lead, func(t ptrace.Thread) error { return c.born(t, p.Area) })
	if !errors.Is(err, ptrace.ErrNoBirth) { // or all of the list was gone through
		err = errors.Join(err, c.joinAgain(p, fork))
	}
	if errors.Is(err, ptrace.ErrNoBirth) {
		if _, errno := p.Returned(0, fork); errno != nil {
			err = errno
		}
		if errors.Is(err, unix.EAGAIN) {
			return c.refuse("raise its limit, as by prlimit --pid, or that of its control group",
				"it may not have a child, by which its memory is kept: too many processes (RLIMIT_NPROC)")
		}
		return fmt.Errorf("it could not fork, by which its memory is kept: %w", err)
	}
	if err != nil {
		return err
	}
	return c.storeLeader(p)
}

func (c *member) born(t ptrace.Thread, area ptrace.Area) error {
	c.twin = &Twin{PID: int(t), inner: int(t), parent: c.pid, thread: t, area: area, landing: c.landing, turn: c.frozen.group.Turn, fault: c.o.Fault}
	if c.before.namespaced {
		c.twin.inner = proc.InnerID(c.twin.PID)
	}
	if err := c.fault(FaultBorn); err != nil {
		return err
	}
	c.o.Born(c.pid, c.twin.PID)
	return c.twin.adopt()
}

// storeLeader takes over what askLeader asked.
func (c *member) storeLeader(p *ptrace.Programs) error {
	process, b := c.task, p.Stored(0)
	process.Subreaper = le.Uint32(b[atSubreaper:]) != 0
	if mdwe, err := p.Returned(0, 1); err == nil { // Linux 6.3
		process.MDWE = int(mdwe)
	}
	for i := range process.ITimers {
		v := b[atITimers+32*i:] // struct itimerval: interval, value
		process.ITimers[i] = world.ITimer{
			Interval: int64(le.Uint64(v))*1e6 + int64(le.Uint64(v[8:])),
			Value:    int64(le.Uint64(v[16:]))*1e6 + int64(le.Uint64(v[24:])),
		}
	}
	for i := range c.frozen.timers {
		t := &c.frozen.timers[i]
		for j := range timerCalls {
			if _, err := p.Returned(0, leaderBefore+timerCalls*i+j); err != nil {
				return fmt.Errorf("reading its timer %d: %w", t.ID, err)
			}
		}
		c.storeTimer(t, b[atTimers+timerStores*i:])
	}
	return nil
}
