// This file has the program be a job of the shell that this process is a job
// of: signals that are sent to us are meant for it, and its stops are ours.
//
// The program has a process group of its own, so that what is typed reaches it
// alone. A shell knows only our group. When it puts that into the foreground,
// the program is to have the terminal. It says so by SIGCONT, but not of a job
// that it takes to be running: so we look, from time to time, and when the program
// is stopped for using the terminal from the background.

package restore

import (
	"os"
	"os/signal"
	"runtime"
	"time"

	"golang.org/x/sys/unix"

	"snappipe/kernel/process/proc"
)

// forwarded are the signals that are meant for the program when they are sent
// to its parent.
var forwarded = []os.Signal{
	unix.SIGINT, unix.SIGTERM, unix.SIGHUP, unix.SIGQUIT,
	unix.SIGUSR1, unix.SIGUSR2, unix.SIGWINCH, unix.SIGCONT, unix.SIGTSTP,
}

// earlySignals takes those that mean nothing to us: who sends one while the program is
// not there yet means it too.
func earlySignals() chan os.Signal {
	signals := make(chan os.Signal, 16)
	takeUnignored(signals, unix.SIGUSR1, unix.SIGUSR2)
	return signals
}

// takeUnignored takes signals, but for those that were ignored when we were started, by
// nohup(1) or a shell without job control, which still are.
func takeUnignored(signals chan os.Signal, all ...os.Signal) {
	for _, sig := range all {
		if !signal.Ignored(sig) {
			signal.Notify(signals, sig)
		}
	}
}

// takeSignals makes signals the program's from here on.
func (r *program) takeSignals() {
	takeUnignored(r.tree.signals, forwarded...)
	// What the terminal does to the background is for the program to suffer:
	// without this, taking the terminal back would stop us.
	signal.Ignore(unix.SIGTTIN, unix.SIGTTOU)
}

// forward passes a signal on. What the terminal sends goes to its foreground
// group, which the program leads, so what comes here was meant for the program
// by somebody who knows only us.
func (r *program) forward(sig unix.Signal) {
	switch sig {
	case unix.SIGCONT:
		r.goOn()
	case unix.SIGTSTP:
		unix.Kill(-r.process.stub.pid, sig) // all of the job
	default:
		unix.Kill(r.process.stub.pid, sig)
	}
}

// goOn continues the program: with the terminal if a shell has put us into the
// foreground, by which it meant the program, or else in the background.
func (r *program) goOn() {
	r.away = false
	r.terminal.give(r.process.stub.pid)
	if r.isStopped() { // or else whoever continued us did so with it, too
		unix.Kill(-r.process.stub.pid, unix.SIGCONT)
	}
	r.redraw()
}

// whileAway tells when to look again whether the program is to have the terminal.
func (r *program) whileAway() <-chan time.Time {
	if r.terminal.fd < 0 || r.terminal.given || r.away {
		return nil
	}
	return time.After(200 * time.Millisecond)
}

// isStopped reports whether a signal has stopped the program.
func (r *program) isStopped() bool {
	stat, err := proc.ReadStat(r.process.stub.pid)
	return err == nil && (stat.State() == 'T' || stat.State() == 't') // if it is traced
}

// stopToo stops this process as the program was stopped, for the shell to see
// that the job is; when it is continued, SIGCONT comes to forward. Where nobody
// manages jobs, whoever stopped the program will continue it, and not us.
func (r *program) stopToo(sig unix.Signal) {
	inBackground := sig == unix.SIGTTIN || sig == unix.SIGTTOU
	switch t := r.terminal; {
	case t.fd < 0 || !r.isStopped(): // the report is old
	case inBackground && t.becomesOurs():
		r.goOn()
	case isManaged():
		t.takeBack()
		if inBackground || sig == unix.SIGTSTP {
			r.stopGroup(sig)
		}
		if parentIsOfJob() {
			// It is what the shell sees, and by now may have continued: to stop
			// after that would be for ever. SIGCONT comes to us as well.
			r.away = true
			return
		}
		stopSelf()
	case sig == unix.SIGTSTP:
		// The kernel spares a group that nobody would continue (credentials(7),
		// orphaned process groups), which the program's is not, by our being here.
		unix.Kill(-r.process.stub.pid, unix.SIGCONT)
	}
}

// stopGroup stops who else is in our process group, as the terminal would have
// if the program were: a script that runs us, say.
func (r *program) stopGroup(sig unix.Signal) {
	signal.Ignore(unix.SIGTSTP) // which would come back to us, for the program
	unix.Kill(0, sig)
	signal.Notify(r.tree.signals, unix.SIGTSTP)
}

// stopSelf returns when this process has been continued: a signal to the
// calling thread is taken before the call returns.
func stopSelf() {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	unix.Tgkill(unix.Getpid(), unix.Gettid(), unix.SIGSTOP)
}

// parentIsOfJob reports whether our parent is no shell that manages jobs, but a part of
// the job that we are of.
func parentIsOfJob() bool {
	group, err := unix.Getpgid(unix.Getppid())
	return err == nil && group == unix.Getpgrp()
}

// isManaged reports whether a shell above us manages jobs: an ancestor within
// the session, but of another process group.
func isManaged() bool {
	self := unix.Getpid()
	group, session := unix.Getpgrp(), sessionOf(self)
	for pid := unix.Getppid(); pid > 0; {
		stat, err := proc.ReadStat(pid)
		if err != nil || sessionOf(pid) != session {
			return false
		}
		if stat.Group() != group {
			return true
		}
		pid = stat.Parent()
	}
	return false
}

func sessionOf(pid int) int {
	sid, err := unix.Getsid(pid)
	if err != nil {
		return 0
	}
	return sid
}
