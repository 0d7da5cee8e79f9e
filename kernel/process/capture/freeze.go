// The freeze: all that happens while the program is stopped, which is to be
// as little as possible.

package capture

import (
	"errors"
	"fmt"
	"time"

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

	timers []proc.Timer
	locked uint64 // bytes of memory, before any was mapped for the calls
}

func (c *capture) freeze() (err error) {
	options := ptrace.SysGood
	if c.before.status.Int("Seccomp") != 0 {
		options |= ptrace.SuspendSeccomp
	}
	f := &c.frozen
	f.group, err = ptrace.StopAll(c.pid, options, stopLimit, func() ([]int, error) { return proc.Tasks(c.pid) })
	if err == nil {
		err = c.whileStopped()
	}
	err = errors.Join(err, f.group.Release(c.mem))
	c.paused = time.Since(f.group.Since)
	switch {
	case errors.Is(err, ptrace.ErrWontStop):
		return c.refuse("try again later", "%v: it waits in the kernel for a device or a vfork child", err)
	case errors.Is(err, ptrace.ErrDispatchFixed):
		return c.refuse("", "%v", err)
	case errors.Is(err, ptrace.ErrDenied):
		return c.refuse("", "%v, as under seccomp, or under Syscall User Dispatch, which Linux shows from 6.4 on", err)
	case errors.Is(err, unix.EPERM) && len(c.task.Threads) == 0:
		return c.refuseAccess()
	case err != nil:
		return fmt.Errorf("%s: %w", c.object(), err)
	}
	return c.fault(FaultReleased)
}

func (c *capture) whileStopped() (err error) {
	f := &c.frozen
	f.lead = f.group.Threads[0]
	if err := c.fault(FaultStopped); err != nil {
		return err
	}
	if f.maps, err = proc.Maps(c.pid); err != nil {
		return err
	}
	if err := c.findSite(); err != nil {
		return err
	}
	for _, t := range f.group.Threads {
		f.tids = append(f.tids, int(t.Thread))
	}
	c.files = c.newTaker(false, c.img, c.before.files)
	defer func() { err = errors.Join(err, c.files.Close()) }()
	// What anybody may ask of a process is read by another thread while this
	// one, as its tracer, reads the rest and makes it fork.
	beside := make(chan error, 1)
	go func() {
		beside <- errors.Join(c.files.Begin(c.before.files), c.readSched(), c.checkSharedBy(f.tids))
	}()
	if err = c.readAhead(); err == nil {
		err = c.fork()
	}
	if e := <-beside; err == nil {
		err = e
	}
	for _, step := range []func() error{c.finishFiles, c.keepShared, c.partTwin} {
		if err == nil {
			err = step()
		}
	}
	return errors.Join(err, c.fault(FaultShared))
}

func (c *capture) partTwin() error { return c.twin.part() }

// readAhead reads what has to be known before the program is made to call.
func (c *capture) readAhead() (err error) {
	f := &c.frozen
	if err := c.checkAgain(); err != nil {
		return err
	}
	if f.timers, err = proc.Timers(c.pid); err != nil && !isNotExist(err) {
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
func (c *capture) checkAgain() error {
	for _, t := range c.frozen.group.Threads {
		if !t.Regs.Is64Bit() {
			return c.refuse("", "its thread %d runs 32-bit code", int(t.Thread))
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
func (c *capture) fork() error {
	f := &c.frozen
	shapes := []ptrace.Shape{ofThreads: threadShape(len(f.group.Threads)), ofLeader: leaderShape(len(f.timers))}
	call, err := f.lead.Caller(c.site)
	if err != nil {
		return err
	}
	programs, err := f.group.MapPrograms(call, c.mem, shapes...)
	if err != nil {
		return errors.Join(err, f.group.Settle(f.lead, call))
	}
	c.o.Mapped(programs.Area)
	locked := c.lockedBeside()
	if err = f.lead.Rest(); err == nil {
		err = c.inPrograms(programs)
	}
	// All threads first: those of which the memory for calls is taken away
	// could not restore themselves any more.
	err = errors.Join(err, f.group.Restore(c.mem))
	again, e := f.lead.Caller(c.site)
	if e != nil {
		return errors.Join(err, fmt.Errorf("unmapping the memory for calls at %#x: %w", programs.Area.Code, e))
	}
	err = errors.Join(err, c.readLockFuture(again, locked), programs.Unmap(again), f.group.Settle(f.lead, again))
	return errors.Join(err, c.fault(FaultUnmapped))
}

func (c *capture) inPrograms(p *ptrace.Programs) error {
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
