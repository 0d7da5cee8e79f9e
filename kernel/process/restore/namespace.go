// This file gives the process its old ID where that is taken, or not for this
// user to choose: in a PID namespace of its own (pid_namespaces(7)), which any
// user may make within a user namespace.
//
// A PID namespace lives as long as its process 1, and that has to reap
// orphans. Ours is a stub that is let go into two system calls: it waits for the
// program's end and then for that of orphans, with SIGCHLD ignored, so that the
// kernel reaps for it. The program itself is not its child but ours, as always: our stub enters
// the namespaces and has a sibling there.

package restore

import (
	"errors"
	"fmt"
	"os"
	"syscall"

	"golang.org/x/sys/unix"

	"snappipe/kernel/process/object"
	"snappipe/kernel/process/ptrace"
	"snappipe/kernel/process/sys"
	"snappipe/kernel/process/world"
)

// namespace is a PID namespace of the program's own.
type namespace struct {
	init *stub
	with uint64 // the kinds of namespaces that it comes with, itself among them
}

// isUsers reports whether there is one for users around it.
func (n *namespace) isUsers() bool { return n.with&unix.CLONE_NEWUSER != 0 }

// end kills all that is in it.
func (n *namespace) end() error { return n.init.kill() }

// spaces are the namespaces that are made. In one for System V IPC, the IDs of that can
// be the same too.
func (p *process) spaces() uint64 {
	which := uint64(unix.CLONE_NEWPID | unix.CLONE_NEWNS)
	if object.HasIPC(p.img) {
		which |= unix.CLONE_NEWIPC
	}
	return which
}

func (p *process) identifyInNamespace(want int) error {
	space, err := newNamespace(p.spaces())
	if err != nil {
		return sameIDsRefusal(fmt.Sprintf("process ID %d", want), err)
	}
	p.pids = space
	if err := space.init.closeAll(0); err != nil {
		return err
	}
	if err := space.mountProc(); err != nil {
		return sameIDsRefusal(fmt.Sprintf("process ID %d", want), err)
	}
	if err := p.enter(space); err != nil {
		return sameIDsRefusal(fmt.Sprintf("process ID %d", want), err)
	}
	if err := p.twin(want); err != nil {
		return sameIDsRefusal(fmt.Sprintf("process ID %d", want), err)
	}
	p.ids.same = true
	p.objects.Within(space.init.pid)
	p.options.Report(fmt.Sprintf("resuming with the same process ID, %d, in a namespace of its own; outside of it, that is %d",
		want, p.stub.pid))
	return nil
}

// newNamespace starts process 1. Root makes do without a user namespace, in
// which it would not be root to files of other users.
func newNamespace(which uint64) (*namespace, error) {
	if os.Geteuid() == 0 {
		init, err := newStub(ownProgram, &syscall.SysProcAttr{Setpgid: true, Cloneflags: uintptr(which)})
		if err == nil || !errors.Is(err, unix.EPERM) {
			return &namespace{init, which}, err
		}
	}
	which |= unix.CLONE_NEWUSER
	const capSysAdmin = 21
	init, err := newStub(ownProgram, &syscall.SysProcAttr{
		Setpgid:     true,
		Cloneflags:  uintptr(which),
		UidMappings: []syscall.SysProcIDMap{{ContainerID: os.Geteuid(), HostID: os.Geteuid(), Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{ContainerID: os.Getegid(), HostID: os.Getegid(), Size: 1}},
		// The first process of a user namespace has all capabilities, and
		// loses them when it executes a program, unless they are ambient.
		AmbientCaps: []uintptr{capSysAdmin},
	})
	return &namespace{init, which}, err
}

// mountProc shows the namespace its own processes in /proc, and nobody else.
func (n *namespace) mountProc() error {
	s := n.init
	at, err := s.lay(cstring("none"), cstring("/"), cstring("proc"), cstring("/proc"))
	if err != nil {
		return err
	}
	none, root, proc, slashProc := at[0], at[1], at[2], at[3]
	if _, err := s.call("making mounts private", unix.SYS_MOUNT, none, root, 0, unix.MS_REC|unix.MS_PRIVATE, 0); err != nil {
		return err
	}
	_, err = s.call("mounting /proc", unix.SYS_MOUNT, proc, slashProc, proc, unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC, 0)
	return err
}

// enter has the stub make its children in the namespaces (setns(2)).
func (p *process) enter(n *namespace) error {
	pidfd, err := unix.PidfdOpen(n.init.pid, 0)
	if err != nil {
		return fmt.Errorf("pidfd_open: %w", err)
	}
	defer unix.Close(pidfd)
	theirs, err := p.stub.hand(pidfd)
	if err != nil {
		return err
	}
	_, err = p.stub.call("entering the namespaces", unix.SYS_SETNS, uint64(theirs), n.with)
	return err
}

// prepare has process 1 wait, once it is let go, until the program ends, and what
// that left behind: with process 1, all would end.
func (n *namespace) prepare(pid int) error {
	s := n.init
	pidfd, err := unix.PidfdOpen(pid, 0)
	if err != nil {
		return fmt.Errorf("pidfd_open: %w", err)
	}
	defer unix.Close(pidfd)
	theirs, err := s.hand(pidfd)
	if err != nil {
		return err
	}
	if _, err := s.callWith(s.Caller, "naming it", unix.SYS_PRCTL, 1, cstring(world.KeeperName), unix.PR_SET_NAME, 0, 0, 0, 0); err != nil {
		return err
	}
	if _, err := s.callWith(s.Caller, "sigaction", unix.SYS_RT_SIGACTION, 1, sys.Words(ignoreSignal, 0, 0, 0),
		uint64(unix.SIGCHLD), 0, 0, 8); err != nil {
		return err
	}
	if _, err := s.call("PR_SET_PDEATHSIG", unix.SYS_PRCTL, unix.PR_SET_PDEATHSIG, 0, 0, 0, 0); err != nil {
		return err
	}
	if _, err := s.call("close", unix.SYS_CLOSE, uint64(*s.channel.theirs)); err != nil {
		return err
	}
	code, err := s.load(ptrace.CallAndWait)
	if err != nil {
		return err
	}
	// struct pollfd: descriptor, events
	at, err := s.lay(sys.Words(uint64(theirs) | unix.POLLIN<<32))
	if err != nil {
		return err
	}
	regs := s.Base
	regs.PrepareCall(code, unix.SYS_POLL, at[0], 1, ^uint64(0))
	return s.Thread.SetRegs(&regs)
}

// release leaves process 1 to itself.
func (n *namespace) release() error { return n.init.Thread.Detach(0) }
