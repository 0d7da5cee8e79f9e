// This file gives the process its ID back where the kernel allows that: by the
// set_tid of clone3(2), which takes CAP_CHECKPOINT_RESTORE in the user
// namespace that the PID namespace belongs to, and that the ID is free.

package restore

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"golang.org/x/sys/unix"

	"snappipe/kernel"
	"snappipe/kernel/process/proc"
	"snappipe/kernel/process/ptrace"
	"snappipe/kernel/process/sys"
	"snappipe/kernel/process/world"
)

// ids is what became of the process and thread IDs.
type ids struct {
	same bool        // the process has its old ID, so threads are to have theirs
	tids map[int]int // new thread IDs by the old ones, as the program sees them
}

// translate returns the ID that a thread of the program has now.
func (i *ids) translate(old int) int {
	if new, ok := i.tids[old]; ok {
		return new
	}
	return old
}

// identify replaces the stub by one with the process ID of the image.
func (p *process) identify() error {
	want := p.task.PID
	if p.task.OwnPIDs || p.options.SamePID && p.taken() {
		return p.identifyInNamespace(want)
	}
	if p.stub.pid == want {
		p.ids.same = true
		return nil
	}
	err := p.twin(want)
	if err == nil {
		p.ids.same = true
		p.options.Report(fmt.Sprintf("resuming with the same process ID, %d", want))
		return nil
	}
	if !unavailable(err) {
		return fmt.Errorf("making process %d: %w", want, err)
	}
	if p.options.SamePID {
		return p.identifyInNamespace(want)
	}
	p.options.Warn(fmt.Sprintf("process ID %d is %s: resuming as %d (--same-pid makes a namespace for it)", want, why(err), p.stub.pid))
	return nil
}

// taken reports whether another has an ID of the image's threads.
func (p *process) taken() bool {
	for i := range p.task.Threads {
		tid := p.task.Threads[i].TID
		if tid != p.stub.pid && proc.Exists(tid) {
			return true
		}
	}
	return false
}

// unavailable reports whether an error says that this ID cannot be had here.
func unavailable(err error) bool {
	return errors.Is(err, unix.EPERM) || errors.Is(err, unix.EEXIST) || errors.Is(err, unix.EINVAL)
}

func why(err error) string {
	if errors.Is(err, unix.EEXIST) {
		return "taken"
	}
	return "not for this user to choose"
}

// twin has the stub make a copy of itself with the given ID, which takes its
// place. As a sibling, it has the same parent.
func (p *process) twin(id int) error {
	return p.copyStub(id, cloneArgs(unix.CLONE_PARENT, 0, p.stub.scratch))
}

// disown makes the stub one whose parent has ended, with an ID that is not needed.
// What is detached outlives this process: if that were its parent, it would have
// the signal that it asked for at the end of the one it had (PR_SET_PDEATHSIG,
// prctl(2)).
func (p *process) disown(needed map[int]bool) error {
	for first := true; first || needed[p.stub.pid]; first = false {
		if err := p.copyStub(0, cloneArgs(0, int(unix.SIGCHLD), 0)); err != nil {
			return fmt.Errorf("making a process whose parent has ended: %w", err)
		}
	}
	return nil
}

// hearsOfDeath reports whether a thread is to have a signal at its parent's death.
func (p *process) hearsOfDeath() bool {
	return slices.ContainsFunc(p.task.Threads, func(t world.Thread) bool { return t.PDeathSig != 0 })
}

// copyStub has the stub make a copy of itself, which takes its place.
func (p *process) copyStub(id int, args []byte) error {
	at, err := p.stub.lay(sys.Words(uint64(id)), args)
	if err != nil {
		return err
	}
	t, err := p.stub.clone3(at[1])
	if err != nil {
		return err
	}
	return p.replaceStub(t)
}

// replaceStub kills the stub and has a copy of it take its place.
func (p *process) replaceStub(t ptrace.Thread) error {
	old := p.stub
	fresh := &stub{channel: old.channel}
	if err := fresh.takeOver(t); err != nil {
		return errors.Join(err, t.KillAndReap())
	}
	p.stub = fresh
	if err := ptrace.Thread(old.pid).KillAndReap(); err != nil {
		return err
	}
	if err := old.mem.Close(); err != nil {
		return err
	}
	var err error
	switch {
	case p.standsLate:
	case p.leadsSession():
		_, err = p.stub.call("setsid", unix.SYS_SETSID)
	default:
		_, err = p.stub.call("setpgid", unix.SYS_SETPGID, 0, 0)
	}
	return err
}

const cloneArgsSize = 88 // CLONE_ARGS_SIZE_VER2

// clone3 creates what the arguments at an address say. The ID of a thread may be taken for
// a moment longer than its process can be waited for (kernel/exit.c: release_task), for
// which all that the stub creates has a moment.
func (s *stub) clone3(at uint64) (ptrace.Thread, error) {
	const moment, pause = 20 * time.Millisecond, time.Millisecond
	for {
		t, err := s.Spawn(unix.SYS_CLONE3, at, cloneArgsSize)
		if !errors.Is(err, unix.EEXIST) || s.awaited >= moment {
			return t, err
		}
		time.Sleep(pause)
		s.awaited += pause
	}
}

// cloneArgs is struct clone_args with one ID at address setTID, or none if
// that is 0.
func cloneArgs(flags uint64, exitSignal int, setTID uint64) []byte {
	ids := uint64(0)
	if setTID != 0 {
		ids = 1
	}
	// flags, pidfd, child_tid, parent_tid, exit_signal, stack, stack_size,
	// tls, set_tid, set_tid_size, cgroup
	return sys.Words(flags, 0, 0, 0, uint64(exitSignal), 0, 0, 0, setTID, ids, 0)
}

// sameIDsRefusal says why the same IDs cannot be had.
func sameIDsRefusal(what string, err error) error {
	return kernel.Refuse(what, "without --same-pid it gets another ID", "%v", err)
}
