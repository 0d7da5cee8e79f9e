// This file is the second half of a resume: all but the memory, and the
// release.

package restore

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"

	"snappipe/kernel"
)

// commit runs on the caller's goroutine. If it fails, abort is still to come.
func (p *process) commit() (kernel.Resumed, error) {
	resumed := newProgram(p)
	err := p.tracer.Do(func() error {
		return inOrder([]stage{
			{stepSettle, p.settleMappings},
			{stepMM, p.setMM},
			{stepFiles, p.openFiles},
			{stepEpoll, p.objects.Arm},
			{stepProcess, p.setProcess},
			{stepSignals, p.setActions},
			{stepThreads, p.makeThreads},
			{stepThreadState, func() error { return errors.Join(p.setThreads(), p.objects.OwnByThreads()) }},
			{stepTimers, p.setTimers},
			{stepLimits, p.setLimits},
			{stepCredentials, p.setCredentials},
			{stepRegisters, p.setRegisters},
		})
	})
	if err != nil {
		return nil, err
	}
	if p.options.Check {
		p.options.Report(fmt.Sprintf("would resume %s", resumed))
		return kernel.Rehearsed{}, p.abort()
	}
	p.objects.Close()
	if err := resumed.takeTerminal(); err != nil {
		return nil, err
	}
	if err := afterStep(stepTerminal); err != nil {
		resumed.giveTerminalBack()
		return nil, err
	}
	if err := p.tracer.Do(p.release); err != nil {
		resumed.giveTerminalBack()
		return nil, err
	}
	resumed.released()
	return resumed, nil
}

// release lets the program run: the first threads last, so that the leader,
// whose death would be that of all, finds the others there.
func (p *process) release() error {
	if err := afterStep(stepRelease); err != nil {
		return err
	}
	if p.pids != nil {
		if err := p.pids.release(p.stub.pid); err != nil {
			return err
		}
	}
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
	for i := len(p.threads) - 1; i >= 0; i-- {
		if err := p.threads[i].Thread.Detach(0); err != nil && err != unix.ESRCH {
			return fmt.Errorf("releasing thread %d: %w", p.threads[i].tid, err)
		}
	}
	return nil
}
