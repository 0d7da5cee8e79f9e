// Signals: a tool that is told to end undoes what it has begun, and dies of the
// signal.

package tool

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// grace is for how long a tool that was told to stop may take to undo what it
// has begun. It needs that long only where it is stuck: in a write to a pipe
// that nobody reads, say.
const grace = 2 * time.Second

// signals ends the tool in order when a signal says so: its context is
// cancelled, so that it removes what it has begun, and then it dies of that
// very signal, for a shell to see.
type signals struct {
	name   string // of the tool
	ch     chan os.Signal
	cancel context.CancelFunc

	mu    sync.Mutex
	first syscall.Signal // 0 before any came
}

func watch(ctx context.Context, name string) (context.Context, *signals) {
	s := &signals{name: name, ch: make(chan os.Signal, 4)}
	ctx, s.cancel = context.WithCancel(ctx)
	for _, sig := range []os.Signal{unix.SIGINT, unix.SIGTERM, unix.SIGHUP, unix.SIGQUIT, unix.SIGABRT, unix.SIGPIPE} {
		if !signal.Ignored(sig) { // nohup(1), and what a shell runs in the background
			signal.Notify(s.ch, sig)
		}
	}
	go s.run()
	return ctx, s
}

func (s *signals) run() {
	for sig := range s.ch {
		// SIGPIPE is caught only for write(2) to return EPIPE: see
		// brokenStdout.
		if sig == unix.SIGPIPE {
			continue
		}
		if s.caught() {
			s.dieIfCaught()
		}
		s.mu.Lock()
		s.first = sig.(syscall.Signal)
		s.mu.Unlock()
		s.cancel()
		time.AfterFunc(grace, s.dieIfCaught)
	}
}

// stop leaves signals to the runtime again.
func (s *signals) stop() {
	signal.Stop(s.ch)
	close(s.ch)
}

func (s *signals) caught() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.first != 0
}

// dieIfCaught ends the process by the signal that was caught, if any.
func (s *signals) dieIfCaught() {
	s.mu.Lock()
	sig := s.first
	s.mu.Unlock()
	if sig == 0 {
		return
	}
	if sig == unix.SIGQUIT || sig == unix.SIGABRT { // whoever sends these wants to know more
		fmt.Fprintf(os.Stderr, "%s: ended by %s\n", s.name, unix.SignalName(sig))
	}
	die(sig)
}

func die(sig syscall.Signal) {
	// The core that SIGQUIT makes would have parts of the image in it.
	unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0)
	// Left to the runtime, SIGQUIT and SIGABRT end in a traceback. The kernel's
	// struct sigaction of zeros says SIG_DFL: rt_sigaction(2).
	var action [4]uint64
	unix.RawSyscall6(unix.SYS_RT_SIGACTION, uintptr(sig), uintptr(unsafe.Pointer(&action)), 0, 8, 0, 0)
	if err := unix.Kill(unix.Getpid(), sig); err == nil {
		time.Sleep(grace) // it is delivered to some thread at once
	}
	os.Exit(128 + int(sig)) // blocked, it would be by then: how a shell says it
}

// Resumed leaves signals to what was resumed from now on. One that came just
// before is sent again.
func (c *Call) Resumed() context.Context {
	signal.Stop(c.signals.ch)
	c.signals.mu.Lock()
	defer c.signals.mu.Unlock()
	if sig := c.signals.first; sig != 0 {
		c.signals.first = 0
		unix.Kill(unix.Getpid(), sig)
	}
	return context.WithoutCancel(c.Context.Context)
}

// brokenStdout reports whether err is that nobody reads standard output any
// more: then a filter ends silently, as SIGPIPE makes it, and not with an
// error of its own.
func brokenStdout(err error) bool {
	if !errors.Is(err, unix.EPIPE) {
		return false
	}
	fds := []unix.PollFd{{Fd: 1}}
	n, err := unix.Poll(fds, 0)
	return err == nil && n == 1 && fds[0].Revents&(unix.POLLERR|unix.POLLHUP) != 0
}

// dieOfSIGPIPE gives the runtime a broken pipe as standard output to write
// to: with nobody asking for SIGPIPE, it makes that the death of the process,
// while it passes over a SIGPIPE that was sent (package os/signal).
func dieOfSIGPIPE() {
	signal.Reset(unix.SIGPIPE)
	var p [2]int
	if unix.Pipe2(p[:], unix.O_CLOEXEC) == nil && unix.Close(p[0]) == nil && unix.Dup2(p[1], 1) == nil {
		os.Stdout.Write([]byte{0})
	}
	os.Exit(128 + int(unix.SIGPIPE))
}
