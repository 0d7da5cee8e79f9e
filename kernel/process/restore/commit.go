// This file is the second half of a resume: all but the memory, and the
// release.

package restore

import (
	"errors"
	"fmt"
	"slices"

	"golang.org/x/sys/unix"

	"snappipe/kernel"
)

// commit runs on the caller's goroutine. If it fails, abort is still to come.
func (t *tree) commit() (kernel.Resumed, error) {
	resumed := newProgram(t)
	t.closeFillers()
	err := t.tracer.Do(func() error {
		return inOrder([]stage{
			{stepSettle, t.eachSpace((*process).settleMappings)},
			{stepMM, t.eachSpace((*process).setMM)},
			{stepFiles, t.openFiles},
			{stepEpoll, t.objects.Arm},
			{stepProcess, t.each((*process).setProcess)},
			{stepSignals, t.each((*process).setActions)},
			{stepThreads, t.each((*process).makeThreads)},
			{stepThreadState, func() error { return errors.Join(t.each((*process).setThreads)(), t.objects.OwnByThreads()) }},
			{stepTimers, t.each((*process).setTimers)},
			{stepIPC, t.settleIPC},
			{stepLimits, t.each((*process).setLimits)},
			{stepCredentials, t.each((*process).setCredentials)},
			{stepRegisters, t.each((*process).setRegisters)},
		})
	})
	if err != nil {
		return nil, err
	}
	if t.options.Check {
		t.options.Report(fmt.Sprintf("would resume %s", resumed))
		return kernel.Rehearsed{}, t.abort()
	}
	t.objects.Close()
	if err := resumed.takeTerminal(); err != nil {
		return nil, err
	}
	if err := afterStep(stepTerminal); err != nil {
		resumed.giveTerminalBack()
		return nil, err
	}
	if err := t.tracer.Do(t.release); err != nil {
		resumed.giveTerminalBack()
		return nil, err
	}
	resumed.released()
	if t.server != nil {
		t.server.LoadAll()
	}
	return resumed, nil
}

// settleIPC fills System V IPC, which may be there already with something else in it.
func (t *tree) settleIPC() error {
	if t.options.Check {
		return nil
	}
	return t.objects.SettleIPC()
}

// openFiles makes what is open.
func (t *tree) openFiles() error {
	if err := t.objects.Open(); err != nil {
		return err
	}
	t.root.screen = t.objects.Screen()
	if err := t.each(func(p *process) error { return t.objects.Place(p) })(); err != nil {
		return err
	}
	return t.objects.Placed()
}

// release lets all of them run, the root last. Until a process is let go it is
// killed with this one, and the first process of a namespace stays so until all
// have been: with it, the others go too.
func (t *tree) release() error {
	if err := afterStep(stepRelease); err != nil {
		return err
	}
	pids := t.root.pids
	if pids != nil {
		if err := pids.prepare(t.root.stub.pid); err != nil {
			return err
		}
	}
	all := t.alive()
	for _, p := range all {
		if err := p.readyToGo(); err != nil {
			return err
		}
	}
	if t.guard != nil {
		if err := t.guard.watch(all); err != nil {
			return err
		}
	}
	if err := t.objects.Rejoin(); err != nil {
		return err
	}
	for _, p := range slices.Backward(all) {
		if err := p.release(); err != nil {
			return err
		}
		letGo()
	}
	if err := t.guard.dismiss(); err != nil {
		return err
	}
	if pids != nil {
		return pids.release()
	}
	return nil
}

// readyToGo leaves the process only to be let go.
func (p *process) readyToGo() error {
	for _, t := range p.threads {
		// Threads keep ExitKill up to here: should this process be killed
		// between two of them, none goes on without the others.
		if err := t.readyToGo(); err != nil {
			return err
		}
	}
	if p.task.Stopped {
		// The first thread to run takes it before its first instruction, and
		// that stops all (kernel/signal.c: do_signal_stop).
		if err := unix.Kill(p.stub.pid, unix.SIGSTOP); err != nil {
			return fmt.Errorf("stopping it, as it was: %w", err)
		}
	}
	return nil
}

// release lets it run: the first threads last, so that the leader, whose death
// would be that of all, finds the others there.
func (p *process) release() error {
	for _, t := range slices.Backward(p.threads) {
		if err := t.Thread.Detach(0); err != nil && err != unix.ESRCH {
			return fmt.Errorf("releasing thread %d: %w", t.tid, err)
		}
	}
	return nil
}
