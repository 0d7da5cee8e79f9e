// This file holds the OS thread that traces.

package ptrace

import (
	"runtime"

	"golang.org/x/sys/unix"
)

// Tracer is an OS thread of its own, on which everything runs that makes
// ptrace requests or creates a process to be traced: to the kernel, that
// thread and not the process is the tracer and the parent.
type Tracer struct {
	work chan func()
	gone chan struct{}
}

// NewTracer starts the thread.
func NewTracer() *Tracer {
	t := &Tracer{work: make(chan func()), gone: make(chan struct{})}
	locked := make(chan struct{})
	go t.serve(locked)
	<-locked
	return t
}

// serve never unlocks its thread, so that the thread ends with it. The first
// thread of a process is no use for that: the Go runtime parks it for ever
// instead (runtime/proc.go, mexit), and the tracees would stay traced. So while
// that one is held here, another goroutine gets another thread.
func (t *Tracer) serve(locked chan<- struct{}) {
	runtime.LockOSThread()
	if unix.Gettid() == unix.Getpid() {
		elsewhere := make(chan struct{})
		go t.serve(elsewhere)
		<-elsewhere
		close(locked)
		runtime.UnlockOSThread()
		return
	}
	close(locked)
	defer close(t.gone)
	for f := range t.work {
		f()
	}
}

// Do runs f on the tracing thread and returns what f returned. Calls from
// several goroutines take turns. f must not call Do.
func (t *Tracer) Do(f func() error) error {
	done := make(chan error, 1)
	t.work <- func() { done <- f() }
	return <-done
}

// Close ends the thread. What it still traces is detached, or killed where
// [ExitKill] is set; children whose parent-death signal is set get that
// (prctl(2), PR_SET_PDEATHSIG).
func (t *Tracer) Close() {
	close(t.work)
	<-t.gone
}
