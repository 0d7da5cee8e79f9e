// This file is the resumed program, seen from its parent, up to its end.

package restore

import (
	"context"
	"fmt"
	"os/signal"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// program is a [kernel.Resumed].
type program struct {
	tree     *tree
	process  *process // the root
	name     string
	terminal *terminal
	away     bool // it is stopped with all of the job but us, until SIGCONT comes
}

func newProgram(t *tree) *program {
	p := t.root
	name := string(p.task.Threads[0].Comm)
	if name == "" {
		name = filepath.Base(p.programPath())
	}
	return &program{tree: t, process: p, name: name, terminal: &terminal{fd: -1}}
}

// PID is its process ID, as this process sees it.
func (r *program) PID() int { return r.process.stub.pid }

// String names it for the user.
func (r *program) String() string { return fmt.Sprintf("pid %d (%s)", r.process.stub.pid, r.name) }

// takeTerminal readies this process to be the parent: from here on signals are
// the program's.
func (r *program) takeTerminal() error {
	if r.process.options.Detach && r.tree.server == nil {
		return nil
	}
	r.takeSignals()
	if r.process.options.Detach || r.process.leadsSession() {
		return nil
	}
	r.terminal = r.process.findTerminal()
	return r.terminal.give(r.process.stub.pid)
}

func (r *program) giveTerminalBack() {
	r.terminal.takeBack()
	r.terminal.close()
	signal.Stop(r.tree.signals)
}

// released gives up what is of no more use once the program runs.
func (r *program) released() {
	for _, p := range r.tree.alive() {
		p.stub.mem.Close()
		p.stub.channel.close()
	}
	if r.process.options.Detach {
		r.process.tracer.Close()
	}
}

// Wait passes on signals, stops when the program stops and goes on with it,
// until it ends. The status is its exit status or, if it was killed by a
// signal, 128 and the number of that, as shells say it. A detached program is
// not waited for, but for its memory to be there.
func (r *program) Wait(ctx context.Context) (int, error) {
	served := r.served()
	if r.process.options.Detach && served == nil {
		return 0, nil
	}
	reports := make(chan report)
	go r.watch(ctx, reports)
	r.redraw()
	for {
		select {
		case <-ctx.Done():
			return 0, ctx.Err()
		case <-r.whileAway():
			if r.terminal.isOurs() {
				r.goOn()
			}
		case sig := <-r.tree.signals:
			r.forward(sig.(unix.Signal))
		case <-served:
			if err := r.tree.server.Err(); err != nil || r.process.options.Detach {
				r.giveTerminalBack()
				return 0, err
			}
			served = nil
		case rep := <-reports:
			switch {
			case rep.err != nil:
				r.giveTerminalBack()
				return 0, fmt.Errorf("waiting for %s: %w", r, rep.err)
			case rep.status.Stopped():
				r.stopToo(rep.status.StopSignal())
			default:
				return r.end(rep.status), r.othersServed()
			}
		}
	}
}

// watch reports stops and the end. The tracing thread, which is the program's
// parent, stays until then: its end would be the death of the parent to a
// program that asked for a signal at that.
func (r *program) watch(ctx context.Context, reports chan<- report) {
	for {
		var rep report
		_, rep.err = unix.Wait4(r.process.stub.pid, &rep.status, unix.WUNTRACED, nil)
		if rep.err == unix.EINTR {
			continue
		}
		select {
		case reports <- rep:
		case <-ctx.Done():
			return // nobody waits any more
		}
		if rep.err != nil || !rep.status.Stopped() {
			return
		}
	}
}

// report is what wait4 said.
type report struct {
	status unix.WaitStatus
	err    error
}

func (r *program) end(status unix.WaitStatus) int {
	r.giveTerminalBack()
	if s := r.process.pids; s != nil && r.tree.isSingle() {
		s.end() // it is about to end by itself
	}
	if !r.process.options.Detach {
		r.process.tracer.Close()
	}
	if status.Signaled() {
		return 128 + int(status.Signal())
	}
	return status.ExitStatus()
}
