package restore

// This file is the resumed program, seen from its parent: signals go to it,
// its stops are ours, and its end is reported.

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"

	"golang.org/x/sys/unix"

	"snappipe/kernel/process/proc"
)

// program is a [kernel.Resumed].
type program struct {
	process  *process
	name     string
	terminal *terminal
	signals  chan os.Signal
}

// forwarded are the signals that are meant for the program when they are sent
// to its parent.
var forwarded = []os.Signal{
	unix.SIGINT, unix.SIGTERM, unix.SIGHUP, unix.SIGQUIT,
	unix.SIGUSR1, unix.SIGUSR2, unix.SIGWINCH, unix.SIGCONT, unix.SIGTSTP,
}

func newProgram(p *process) *program {
	name := string(p.img.Threads[0].Comm)
	if name == "" {
		name = filepath.Base(p.programPath())
	}
	return &program{process: p, name: name, terminal: &terminal{fd: -1}}
}

// PID is its process ID, as this process sees it.
func (r *program) PID() int { return r.process.stub.pid }

// String names it for the user.
func (r *program) String() string { return fmt.Sprintf("pid %d (%s)", r.process.stub.pid, r.name) }

// takeTerminal readies this process to be the parent: from here on signals are
// the program's.
func (r *program) takeTerminal() error {
	if r.process.options.Detach {
		return nil
	}
	// Without this, taking the terminal back would stop us.
	signal.Ignore(unix.SIGTTOU)
	r.signals = make(chan os.Signal, 16)
	signal.Notify(r.signals, forwarded...)
	if r.process.leadsSession() {
		return nil
	}
	r.terminal = findTerminal(r.process.img)
	return r.terminal.give(r.process.stub.pid)
}

func (r *program) giveTerminalBack() {
	r.terminal.takeBack()
	r.terminal.close()
	if r.signals != nil {
		signal.Stop(r.signals)
	}
}

// released gives up what is of no more use once the program runs.
func (r *program) released() {
	s := r.process.stub
	s.mem.Close()
	s.channel.close()
	if r.process.options.Detach {
		r.process.tracer.Close()
	}
}

// Wait passes on signals, stops when the program stops and goes on with it,
// until it ends. The status is its exit status or, if it was killed by a
// signal, 128 and the number of that, as shells say it. A detached program is
// not waited for.
func (r *program) Wait(ctx context.Context) (int, error) {
	if r.process.options.Detach {
		return 0, nil
	}
	reports := make(chan report)
	go r.watch(reports)
	for {
		select {
		case <-ctx.Done():
			return 0, ctx.Err()
		case sig := <-r.signals:
			r.forward(sig.(unix.Signal))
		case rep := <-reports:
			switch {
			case rep.err != nil:
				r.giveTerminalBack()
				return 0, fmt.Errorf("waiting for %s: %w", r, rep.err)
			case rep.status.Stopped():
				r.stopToo()
			default:
				return r.end(rep.status), nil
			}
		}
	}
}

// watch reports stops and the end. The tracing thread, which is the program's
// parent, stays until then: its end would be the death of the parent to a
// program that asked for a signal at that.
func (r *program) watch(reports chan<- report) {
	for {
		var rep report
		_, rep.err = unix.Wait4(r.process.stub.pid, &rep.status, unix.WUNTRACED, nil)
		if rep.err == unix.EINTR {
			continue
		}
		reports <- rep
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

// forward passes a signal on. What the terminal sends goes to its foreground
// group, which the program leads, so what comes here was meant for the program
// by somebody who knows only us.
func (r *program) forward(sig unix.Signal) {
	if sig == unix.SIGCONT {
		if !r.isStopped() {
			return // whoever stopped and continued the whole group did so already
		}
		// If the shell has put us into the foreground, it meant the program.
		// Without the terminal, it goes on in the background.
		r.terminal.give(r.process.stub.pid)
	}
	target := r.process.stub.pid
	if sig == unix.SIGCONT || sig == unix.SIGTSTP {
		target = -target // all of the job
	}
	unix.Kill(target, sig)
}

// isStopped reports whether a signal has stopped the program.
func (r *program) isStopped() bool {
	stat, err := proc.ReadStat(r.process.stub.pid)
	return err == nil && stat.State() == 'T'
}

// stopToo stops this process as the program was stopped, for the shell to see
// that the job is; when it is continued, SIGCONT comes to forward. Without a
// terminal nobody manages jobs, and whoever stopped the program will continue
// it, and not us.
func (r *program) stopToo() {
	if r.terminal.fd < 0 {
		return
	}
	r.terminal.takeBack()
	unix.Kill(unix.Getpid(), unix.SIGSTOP)
}

func (r *program) end(status unix.WaitStatus) int {
	r.giveTerminalBack()
	if s := r.process.space; s != nil {
		s.end() // it is about to end by itself
	}
	r.process.tracer.Close()
	if status.Signaled() {
		return 128 + int(status.Signal())
	}
	return status.ExitStatus()
}
