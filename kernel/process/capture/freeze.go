// The freeze: all that happens while the program is stopped, which is to be
// as little as possible.

package capture

import (
	"errors"
	"fmt"
	"time"

	"snappipe/kernel"
	"snappipe/kernel/process/proc"
	"snappipe/kernel/process/ptrace"
	"snappipe/kernel/process/world"

	"golang.org/x/sys/unix"
)

// stopLimit is how long threads may take to stop. All that did stop are kept
// from running meanwhile.
const stopLimit = time.Second

// frozen is what is collected while the program is stopped.
type frozen struct {
	group *ptrace.Group
	lead  *ptrace.Stopped
	maps  []proc.Map
	tids  []int
	sched []world.Sched  // of each thread
	locks []world.Robust // likewise

	timers  []proc.Timer
	pagemap *proc.Pagemap
	locked  uint64 // bytes of memory, before any was mapped for the calls
}

func (t *tree) freeze() (err error) {
	since := time.Now()
	err = t.stopAll()
	if err == nil {
		since = t.root().frozen.group.Since
		if t.stopped != nil {
			since = t.stopped.Since
		}
		err = t.whileStopped()
	}
	if t.still = err == nil && t.o.Kill; !t.still {
		err = errors.Join(err, t.release())
	}
	t.paused = time.Since(since)
	if err != nil {
		return err
	}
	return t.fault(FaultReleased)
}

func (c *member) stop() (err error) {
	c.frozen.group, err = ptrace.StopAll(c.pid, c.traceOptions(), stopLimit, func() ([]int, error) { return proc.Tasks(c.pid) })
	return c.explain(err)
}

func (c *member) traceOptions() ptrace.Option {
	if c.before.status.Int("Seccomp") != 0 {
		return ptrace.SysGood | ptrace.SuspendSeccomp
	}
	return ptrace.SysGood
}

// release lets all that were stopped run on.
func (t *tree) release() error {
	for _, c := range t.members {
		if c.frozen.pagemap != nil {
			c.frozen.pagemap.Close()
		}
	}
	switch {
	case t.stopped != nil:
		return t.explain(t.stopped.Release(t.memoryOf))
	case t.root().frozen.group != nil:
		return t.root().explain(t.root().frozen.group.Release(t.root().mem))
	}
	return nil
}

func (t *tree) memoryOf(m *ptrace.Member) *ptrace.Memory {
	return t.member(m.PID).mem
}

// explain says of what process an error of its tracing is.
func (c *member) explain(err error) error {
	switch {
	case err == nil, errors.As(err, new(*kernel.Refusal)):
		return err
	case errors.Is(err, ptrace.ErrWontStop):
		return c.refuse("try again later", "%v: it waits in the kernel for a device or a vfork child, or the machine is too busy to let it run", err)
	case errors.As(err, new(*ptrace.CrashError)):
		return c.refuse("", "%v: it lacks what it needs to run, as where it is kept from forks (MADV_DONTFORK)", err)
	case errors.Is(err, ptrace.ErrDispatchFixed):
		return c.refuse("", "%v", err)
	case errors.Is(err, ptrace.ErrDenied):
		return c.refuse("", "%v, as under seccomp, or under Syscall User Dispatch, which Linux shows from 6.4 on", err)
	case errors.Is(err, unix.EPERM) && len(c.task.Threads) == 0:
		return c.refuseAccess()
	}
	return fmt.Errorf("%s: %w", c.object(), err)
}

func (t *tree) whileStopped() (err error) {
	if err := t.fault(FaultStopped); err != nil {
		return err
	}
	if err := t.together(explained((*member).begin)); err != nil {
		return err
	}
	if err := t.each((*member).copyRest); err != nil {
		return err
	}
	t.files = t.newTaker(false, t.img, t.dry)
	defer func() { err = errors.Join(err, t.files.Close()) }()
	// What anybody may ask of a process is read by another thread while this
	// one, as its tracer, reads the rest and makes it fork.
	beside := make(chan error, 1)
	go func() {
		beside <- errors.Join(t.beginFiles(), t.each((*member).readSched, (*member).checkSharedNow))
	}()
	if err = t.together(explained((*member).readAhead)); err == nil {
		err = t.forkAll()
	}
	if e := <-beside; err == nil {
		err = t.root().explain(e)
	}
	for _, step := range []func() error{t.finishFiles, t.keepShared} {
		if err == nil {
			err = t.root().explain(step())
		}
	}
	if err == nil {
		err = t.partTwins()
	}
	return errors.Join(err, t.fault(FaultShared))
}

// together is each for what is done to processes by their tracer: while one has to be
// waited for, it goes on with the others. Also after an error all come to their ends.
func (t *tree) together(step func(*member) error) error { return together(t.members, step) }

func together(members []*member, step func(*member) error) error {
	return ptrace.Together(len(members), func(i int, turn *ptrace.Turn) error {
		c := members[i]
		c.take(turn)
		defer c.take(nil)
		return step(c)
	})
}

// forkAll has all fork, but of those that share memory one after the other.
func (t *tree) forkAll() error {
	for _, round := range t.inTurn() {
		if err := together(round, explained((*member).fork)); err != nil {
			return err
		}
	}
	return nil
}

func (c *member) take(turn *ptrace.Turn) {
	c.frozen.group.Turn = turn
	if c.twin != nil {
		c.twin.take(turn)
	}
}

func explained(step func(*member) error) func(*member) error {
	return func(c *member) error { return c.explain(step(c)) }
}

// begin finds out what there is of a process that was just stopped.
func (c *member) begin() (err error) {
	f := &c.frozen
	f.lead = f.group.Threads[0]
	// What was opened before is the memory of the program before, if it has executed
	// another since.
	c.closeMemory()
	if err := c.openMemory(); err != nil {
		return err
	}
	if f.maps, err = proc.Maps(c.pid); err != nil {
		return err
	}
	if c.landing, err = c.landing.FindAgain(f.maps, c.mem); err != nil {
		return err
	}
	for _, t := range f.group.Threads {
		f.tids = append(f.tids, int(t.Thread))
	}
	return f.group.NoteRseq()
}

func (c *member) checkSharedNow() error { return c.checkSharedBy(c.frozen.tids) }

func (t *tree) partTwins() error {
	return t.together(explained(func(c *member) error { return c.twin.part() }))
}

// readAhead reads what has to be known before the program is made to call.
func (c *member) readAhead() (err error) {
	f := &c.frozen
	if err := c.checkAgain(); err != nil {
		return err
	}
	if f.timers, err = proc.Timers(c.pid); err != nil && !proc.IsGone(err) {
		return err
	}
	if err := c.checkTimers(); err != nil {
		return err
	}
	if f.locked, err = c.lockedBytes(); err != nil {
		return err
	}
	return c.readThreads()
}

// checkAgain is for what the survey saw before the program was stopped.
func (c *member) checkAgain() error {
	for _, t := range c.frozen.group.Threads {
		if !t.Regs.Is64Bit() {
			return c.refuse("", "its thread %d runs 32-bit code", int(t.Thread))
		}
		if c.landing.Holds(t.Regs) {
			return c.refuse("try again", "its thread %d is on its way back from another snapshot", int(t.Thread))
		}
	}
	for i := range c.frozen.maps {
		if err := c.checkMap(&c.frozen.maps[i]); err != nil {
			return err
		}
	}
	return c.checkBirthplace(c.pid, "it")
}

// fork makes each thread say what only it can, and the leader fork, within
// memory that is mapped for that and is gone again afterwards.
func (c *member) fork() error {
	f := &c.frozen
	shapes := []ptrace.Shape{ofThreads: threadShape(len(f.group.Threads)), ofLeader: leaderShape(len(f.timers), len(c.apart))}
	programs := f.group.LayOut(c.mem, c.notAreas(), shapes...)
	c.noteArea(programs.Area)
	c.o.Mapped(c.pid, programs.Area)
	call, err := f.group.Caller(f.lead, c.landing)
	if err != nil {
		return err
	}
	if err := programs.Map(call); err != nil {
		return errors.Join(err, f.group.Settle(f.lead, call))
	}
	locked := c.lockedBeside()
	err = c.inPrograms(programs)
	// All threads first: those of which the memory for calls is taken away
	// could not restore themselves any more.
	err = errors.Join(err, f.group.Restore(c.mem))
	again, e := f.group.Caller(f.lead, c.landing)
	if e != nil {
		<-locked // it has a file open until then
		return errors.Join(err, fmt.Errorf("unmapping the memory for calls at %#x: %w", programs.Code, e))
	}
	err = errors.Join(err, c.settleApart(again), c.readLockFuture(again, programs.Spare(), locked), programs.Unmap(again), f.group.Settle(f.lead, again))
	return errors.Join(err, c.fault(FaultUnmapped))
}

func (c *member) inPrograms(p *ptrace.Programs) error {
	if err := c.fault(FaultMapped); err != nil {
		return err
	}
	if err := c.askThreads(p); err != nil {
		return err
	}
	if err := c.fault(FaultThreads); err != nil {
		return err
	}
	if err := c.askLeader(p); err != nil {
		return err
	}
	if err := c.twin.begin(); err != nil {
		return err
	}
	return c.fault(FaultForked)
}
