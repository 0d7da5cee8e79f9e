// This file is the stub: how it is born, spoken to and killed.

package restore

import (
	"errors"
	"fmt"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"snappipe/kernel/process/proc"
	"snappipe/kernel/process/ptrace"
	"snappipe/kernel/process/sys"
)

// stub is a process under trace that never ran. It is single-threaded until
// the threads are made.
type stub struct {
	*ptrace.Caller
	pid     int
	inner   int           // the same, as it knows itself
	awaited time.Duration // how long, for IDs to be free
	mem     *ptrace.Memory

	scratch uint64       // scratchSize bytes for the arguments of calls: stack, then a mapping
	batch   ptrace.Batch // with memory for lists of calls, once there is a mapping
	channel *channel
}

const (
	allSignals  = ^uint64(0)
	stubOptions = ptrace.SysGood | ptrace.Births | ptrace.ExitKill
)

// newStub executes a program and stops before its first instruction. All of
// its descriptors but the channel's are closed.
func newStub(program string, sys *syscall.SysProcAttr) (*stub, error) {
	ch, theirs, err := newChannel()
	if err != nil {
		return nil, err
	}
	defer theirs.Close()
	// Between its birth and the setting of ExitKill, death of this thread
	// would let the program run. The parent-death signal covers that.
	sys.Ptrace, sys.Pdeathsig = true, unix.SIGKILL
	pid, err := syscall.ForkExec(program, []string{program}, &syscall.ProcAttr{
		Env: []string{}, Files: []uintptr{theirs.Fd()}, Sys: sys,
	})
	if err != nil {
		return nil, errors.Join(fmt.Errorf("starting %s: %w", program, err), ch.close())
	}
	s := &stub{pid: pid, channel: ch}
	if err := s.adopt(ptrace.Thread(pid)); err != nil {
		return nil, errors.Join(fmt.Errorf("starting %s: %w", program, err), s.kill())
	}
	return s, nil
}

// adopt takes hold of a newborn thread, which is about to report its stop.
func (s *stub) adopt(t ptrace.Thread) error {
	if _, err := t.WaitStopped(nil); err != nil {
		return err
	}
	if err := t.SetOptions(stubOptions); err != nil {
		return err
	}
	return s.takeOver(t)
}

// takeOver makes the stub that of a thread that is stopped.
func (s *stub) takeOver(t ptrace.Thread) error {
	if err := t.SetSigMask(allSignals); err != nil {
		return err
	}
	mem, err := ptrace.OpenMemory(int(t))
	if err != nil {
		return err
	}
	s.pid, s.mem = int(t), mem
	maps, err := proc.Maps(s.pid)
	if err != nil {
		return err
	}
	site, err := ptrace.SyscallSite(maps, mem)
	if err != nil {
		return err
	}
	if s.Caller, err = newCaller(t, site); err != nil {
		return err
	}
	s.scratch = (s.Base.Rsp - scratchSize) &^ 0xf // until there is a mapping for it
	return nil
}

// newCaller is one whose calls somebody waits for.
func newCaller(t ptrace.Thread, site uint64) (*ptrace.Caller, error) {
	c, err := ptrace.NewCaller(t, site)
	if err == nil {
		c.Awake = true
	}
	return c, err
}

// kill ends the stub and leaves no zombie.
func (s *stub) kill() error {
	tids, _ := proc.Tasks(s.pid) // none, if it is gone already
	// SIGKILL to one is for all. The kernel reports the end of the first
	// thread only after that of the others has been taken note of.
	err := unix.Kill(s.pid, unix.SIGKILL)
	errs := []error{sys.Ignore(err, unix.ESRCH)}
	for _, tid := range append(tids[min(1, len(tids)):], s.pid) {
		errs = append(errs, ptrace.Thread(tid).Reap())
	}
	errs = append(errs, s.channel.close())
	if s.mem != nil {
		errs = append(errs, s.mem.Close())
	}
	return errors.Join(errs...)
}

// call makes a system call; what says what for.
func (s *stub) call(what string, nr uintptr, args ...uint64) (uint64, error) {
	return describe(s.Caller, what, nr, args)
}

func describe(c *ptrace.Caller, what string, nr uintptr, args []uint64) (uint64, error) {
	v, err := c.Call(nr, args...)
	return v, inNew(what, err)
}

// inNew says of an error what could not be done.
func inNew(what string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s in the new process: %w", what, err)
}

// lay puts arguments of calls into the scratch memory, where they stay until
// the next lay, and returns the address of each.
func (s *stub) lay(args ...[]byte) ([]uint64, error) {
	var all []byte
	var at []uint64
	for _, a := range args {
		at = append(at, s.scratch+uint64(len(all)))
		all = append(all, a...)
		all = append(all, make([]byte, -len(all)&15)...)
	}
	if len(all) > scratchSize {
		return nil, fmt.Errorf("%d bytes of arguments for a system call", len(all))
	}
	if len(all) == 0 {
		return at, nil
	}
	return at, s.mem.Copy(all, s.scratch)
}

// callWith makes a system call whose first pointer argument is to arg: args
// has 0 in its place, which is argument number i.
func (s *stub) callWith(c *ptrace.Caller, what string, nr uintptr, i int, arg []byte, args ...uint64) (uint64, error) {
	at, err := s.lay(arg)
	if err != nil {
		return 0, fmt.Errorf("%s in the new process: %w", what, err)
	}
	args[i] = at[0]
	return describe(c, what, nr, args)
}

func cstring(s string) []byte { return append([]byte(s), 0) }

// closeAll closes every descriptor of the stub but the channel, which it
// moves to number n. (Programs above this one may have left theirs open
// across exec, and the numbers are those of the program to come.)
func (s *stub) closeAll(n int) error {
	if n != *s.channel.theirs {
		if _, err := s.call("moving a descriptor", unix.SYS_DUP3, uint64(*s.channel.theirs), uint64(n), unix.O_CLOEXEC); err != nil {
			return err
		}
		*s.channel.theirs = n
	}
	if n > 0 {
		if _, err := s.call("closing descriptors", unix.SYS_CLOSE_RANGE, 0, uint64(n)-1, 0); err != nil {
			return err
		}
	}
	_, err := s.call("closing descriptors", unix.SYS_CLOSE_RANGE, uint64(n)+1, uint64(^uint32(0)), 0)
	return err
}

// ownProgram is what the stub executes where it cannot be the image's program.
const ownProgram = "/proc/self/exe"
