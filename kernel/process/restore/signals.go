// This file puts back signal actions, and the signals that were waiting.

package restore

import (
	"fmt"

	"golang.org/x/sys/unix"

	"snappipe/kernel/process/proc"
	"snappipe/kernel/process/sys"
	"snappipe/kernel/process/world"
)

const lastSignal = 64

// setActions sets the actions of the image, and the default for other signals that
// the stub has inherited as ignored. That is all that execve(2) leaves of actions.
func (p *process) setActions() error {
	own, err := proc.ReadStatus(p.stub.pid)
	if err != nil {
		return err
	}
	ignored := own.Bits("SigIgn", 16)
	actions := map[int]world.SigAction{}
	for _, a := range p.task.SigActions {
		actions[a.Signal] = a
	}
	c := p.stub.calls()
	for n := 1; n <= lastSignal; n++ {
		a, ok := actions[n]
		if !ok && ignored>>(n-1)&1 == 0 {
			continue
		}
		// struct kernel_sigaction, arch/x86/include/uapi/asm/signal.h
		action := sys.Words(uint64(a.Handler), uint64(a.Flags), uint64(a.Restorer), uint64(a.Mask))
		at := c.lay(action)
		c.add(fmt.Sprintf("sigaction of signal %d", n), unix.SYS_RT_SIGACTION, uint64(n), at, 0, 8)
	}
	return c.run()
}

// queue sends a thread the signals that were pending, to itself or to its
// whole process. It has to send them itself: nobody else may choose what
// siginfo_t says of where they come from (kernel/signal.c:
// do_rt_tgsigqueueinfo). All signals are blocked in it, so that they wait.
func (t *thread) queue(pending []world.Siginfo, shared bool) error {
	for _, info := range pending {
		n := uint64(info[0])
		var err error
		what := fmt.Sprintf("sending signal %d", n)
		if shared {
			_, err = t.callWith(what, unix.SYS_RT_SIGQUEUEINFO, 2, info[:], uint64(t.pid), n, 0)
		} else {
			_, err = t.callWith(what, unix.SYS_RT_TGSIGQUEUEINFO, 3, info[:], uint64(t.pid), uint64(t.id), n, 0)
		}
		if err != nil {
			return err
		}
	}
	return nil
}
