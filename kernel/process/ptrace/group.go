// This file stops all threads of a process so that the program cannot tell.

package ptrace

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"snappipe/kernel/process/proc"

	"golang.org/x/sys/unix"
)

// Stopped is a thread of a stopped process.
type Stopped struct {
	Thread Thread
	Regs   Regs   // as the program will find them again
	Mask   uint64 // of blocked signals, likewise
	Xstate []byte // registers beyond Regs, see [Thread.Xstate]

	Rseq Rseq
	// RseqCS is put back into the area of Rseq if it is not 0. A thread that is made to
	// run code outside of its restartable sequence has it cleared by the
	// kernel (kernel/rseq.c: rseq_ip_fixup), and would then go on in the
	// middle of the sequence as if nobody had interfered. NoteRseq sets it.
	RseqCS uint64
	abort  uint64 // of that sequence, if the thread is in it

	Dispatch Dispatch // NoteDispatch sets it
	// undisclosed says that the kernel does not tell about Dispatch, but what
	// of it shows will be seen.
	undisclosed bool

	moved   bool // the registers or the mask are not the program's now
	berth   berth
	landing *Landing // in use
	home    home     // likewise
}

const rseqCS = 8 // offset of the member in struct rseq

// Group is a process all of whose threads are stopped.
type Group struct {
	PID     int
	Threads []*Stopped // the leader first
	// GroupStop says that the process had been stopped before, by a signal.
	GroupStop bool
	// Since is when the first of the threads was asked to stop.
	Since time.Time
	// Turn is passed on while threads run, if it is not nil.
	Turn *Turn

	asked     time.Time // when the last of the threads was
	options   Option
	withheld  SigSet // signals that came and have to be sent again
	denied    error  // of withhold
	stopAfter time.Time

	tasks   func() ([]int, error)
	seized  map[int]bool
	unasked [2][]*Stopped // traced and running, in the order in which they are to stop
	waiting []*Stopped    // asked to stop
	whole   bool          // all threads are stopped
}

// ErrWontStop says that a thread is in a system call that does not end and
// cannot be interrupted: waiting for a vfork(2) child, or for a device.
var ErrWontStop = errors.New("it does not stop")

// ErrGone says that the process ended meanwhile.
var ErrGone = errors.New("the process has ended")

// StopAll stops every thread of a process, those included that are created
// meanwhile; tasks lists the threads. It gives up after the given time. The
// caller must Release the Group, also after an error; threads that did not
// stop are let go when the tracing thread ends.
func StopAll(pid int, o Option, limit time.Duration, tasks func() ([]int, error)) (*Group, error) {
	g := newGroup(pid, o, time.Now().Add(limit), tasks)
	for begun := time.Now(); ; {
		moved, err := g.advance()
		switch {
		case err != nil || g.whole:
			return g, err
		case moved:
			begun = time.Now()
		case g.overdue():
			return g, g.late()
		default:
			nap(time.Since(begun))
		}
	}
}

func newGroup(pid int, o Option, until time.Time, tasks func() ([]int, error)) *Group {
	return &Group{PID: pid, options: o, stopAfter: until, tasks: tasks, seized: map[int]bool{}}
}

// overdue reports whether the process has had its time. Whoever traces it may have been
// kept from that himself, on a busy machine, and asked or looked too late; so once asked
// a thread has a moment in any case.
func (g *Group) overdue() bool {
	const moment = 500 * time.Millisecond
	late := time.Since(g.stopAfter)
	return late > moment || late > 0 && time.Since(g.asked) > moment
}

// late names the first thread that has not stopped in time.
func (g *Group) late() error {
	return fmt.Errorf("thread %d of process %d: %w", int(g.waiting[0].Thread), g.PID, ErrWontStop)
}

// advance takes the process closer to where it is stopped as a whole, without
// waiting for it, and reports whether it came any closer.
func (g *Group) advance() (moved bool, err error) {
	asked := len(g.waiting)
	if err := g.pollAll(); err != nil {
		return false, err
	}
	if len(g.waiting) > 0 {
		return len(g.waiting) < asked, nil
	}
	if len(g.unasked[0])+len(g.unasked[1]) == 0 {
		if err := g.seizeNew(); err != nil {
			return false, err
		}
	}
	// Who waits for something can wait a little longer; who is at work should
	// not have to stand still until all of those are stopped.
	for i, some := range g.unasked {
		if len(some) > 0 {
			g.waiting, g.unasked[i] = some, nil
			return true, g.interrupt(some)
		}
	}
	// Only a running thread creates threads: once a list has none that is new,
	// all are stopped.
	g.whole = true
	g.sort()
	if len(g.Threads) == 0 || int(g.Threads[0].Thread) != g.PID {
		return true, fmt.Errorf("process %d: %w", g.PID, ErrGone)
	}
	return true, nil
}

// pollAll reads what there is to read of those threads that have stopped.
func (g *Group) pollAll() error {
	left := g.waiting[:0]
	for _, s := range g.waiting {
		stopped, err := g.poll(s)
		if err == nil && stopped {
			err = g.adopt(s)
		}
		if err != nil {
			return err
		}
		if !stopped {
			left = append(left, s)
		}
	}
	g.waiting = left
	return nil
}

// seizeNew begins to trace those threads that are not traced yet. All of them are,
// before the first is stopped: that takes its time, and the program runs meanwhile.
func (g *Group) seizeNew() error {
	tids, err := g.tasks()
	if err != nil {
		return fmt.Errorf("listing the threads of process %d: %w", g.PID, gone(err))
	}
	for i, some := range g.idleFirst(tids) {
		if g.unasked[i], err = g.seize(some); err != nil {
			return err
		}
	}
	return nil
}

// gone replaces the errors by which requests say that there is no such process.
func gone(err error) error {
	if errors.Is(err, unix.ESRCH) || errors.Is(err, unix.ENOENT) || errors.Is(err, unix.ECHILD) {
		return ErrGone
	}
	return err
}

// seize begins to trace threads. From then on any signal to one stops it.
func (g *Group) seize(tids []int) ([]*Stopped, error) {
	var fresh []*Stopped
	for _, tid := range tids {
		t, err := Seize(tid, g.options)
		if err != nil && tid != g.PID && proc.Exiting(tid) {
			continue // ESRCH if it is gone, EPERM if it is about to
		}
		if err != nil {
			return fresh, fmt.Errorf("tracing thread %d of process %d: %w", tid, g.PID, gone(err))
		}
		g.seized[tid] = true
		fresh = append(fresh, &Stopped{Thread: t})
	}
	return fresh, nil
}

// idleFirst returns those of the threads that are not traced yet: first all
// that wait for something, then all that run.
func (g *Group) idleFirst(tids []int) (fresh [2][]int) {
	for _, tid := range tids {
		if g.seized[tid] {
			continue
		}
		i := 0
		if proc.AtWork(g.PID, tid) {
			i = 1
		}
		fresh[i] = append(fresh[i], tid)
	}
	return fresh
}

// sort puts the leader first, and the others in the order of their IDs.
func (g *Group) sort() {
	slices.SortFunc(g.Threads, func(a, b *Stopped) int {
		switch {
		case a.Thread == b.Thread:
			return 0
		case int(a.Thread) == g.PID:
			return -1
		case int(b.Thread) == g.PID:
			return 1
		}
		return int(a.Thread) - int(b.Thread)
	})
}

// interrupt asks threads to stop.
func (g *Group) interrupt(threads []*Stopped) error {
	g.asked = time.Now()
	if g.Since.IsZero() {
		g.Since = g.asked
	}
	for _, s := range threads {
		if err := s.Thread.Interrupt(); err != nil && err != unix.ESRCH {
			return fmt.Errorf("interrupting thread %d of process %d: %w", int(s.Thread), g.PID, err)
		}
	}
	return nil
}

// adopt reads what has to be put back when a thread is released.
func (g *Group) adopt(s *Stopped) (err error) {
	if s.Regs, err = s.Thread.Regs(); err != nil {
		if gone(err) == ErrGone {
			return nil // it ended instead of stopping
		}
		return fmt.Errorf("reading the registers of thread %d: %w", int(s.Thread), err)
	}
	g.Threads = append(g.Threads, s)
	return g.read(s)
}

// read reads all of it but the general registers.
func (g *Group) read(s *Stopped) (err error) {
	if s.Mask, err = s.Thread.SigMask(); err != nil {
		return fmt.Errorf("reading the signal mask of thread %d: %w", int(s.Thread), err)
	}
	if s.Regs.hideStop() {
		// At once: it is what the program should see also if the tracer dies.
		if err := s.Thread.SetRegs(&s.Regs); err != nil {
			return err
		}
	}
	if s.Xstate, err = g.xstate(s.Thread); err != nil {
		return fmt.Errorf("reading the extended state of thread %d: %w", int(s.Thread), gone(err))
	}
	if s.Rseq, err = s.Thread.Rseq(); err != nil {
		return fmt.Errorf("reading the rseq registration of thread %d: %w", int(s.Thread), gone(err))
	}
	return nil
}

// xstate reads what has the same size in all threads; to know it saves clearing
// much more memory a thousand times.
func (g *Group) xstate(t Thread) ([]byte, error) {
	if len(g.Threads) > 0 && g.Threads[0].Xstate != nil {
		return t.RegisterSet(unix.NT_X86_XSTATE, len(g.Threads[0].Xstate))
	}
	return t.Xstate()
}

// await waits for each of the threads to be stopped by the interrupt, handing
// them the signals that come first.
func (g *Group) await(threads []*Stopped) error {
	waiting := append([]*Stopped(nil), threads...)
	for begun := time.Now(); ; {
		left := waiting[:0]
		for _, s := range waiting {
			stopped, err := g.poll(s)
			if err != nil {
				return err
			}
			if !stopped {
				left = append(left, s)
			}
		}
		if len(left) == 0 {
			return nil
		}
		if time.Now().After(g.stopAfter) {
			return fmt.Errorf("thread %d of process %d: %w", int(left[0].Thread), g.PID, ErrWontStop)
		}
		if len(left) < len(waiting) {
			begun = time.Now()
		}
		waiting = left
		g.Turn.nap(time.Since(begun))
	}
}

// awake is for how long a tracer that waits for threads to get somewhere only
// lets others have the processor. They get there within microseconds, where a
// timer takes tens of them.
const awake = 2 * time.Millisecond

func yield() { unix.Syscall(unix.SYS_SCHED_YIELD, 0, 0, 0) }

// nap waits a little, after having waited that long already.
func nap(waited time.Duration) {
	if waited < awake {
		yield()
		return
	}
	time.Sleep(100 * time.Microsecond)
}

// poll reports whether a thread has stopped by the interrupt, or ended.
func (g *Group) poll(s *Stopped) (bool, error) {
	stop, ok, err := s.Thread.tryWait()
	if err != nil {
		return true, errUnlessGone(err, "waiting for thread %d of process %d", int(s.Thread), g.PID)
	}
	if !ok {
		return false, nil
	}
	switch {
	case stop.Over(), stop.Kind == Interrupted:
		return true, nil
	case stop.Kind == GroupStop:
		g.GroupStop = true
		return true, nil
	case stop.Kind == Signalled && s.moved:
		if err := g.withhold(s, stop.Signal); err != nil {
			return true, err
		}
		return false, errUnlessGone(s.Thread.Cont(0), "resuming thread %d", int(s.Thread))
	case stop.Kind == Signalled:
		// The signal is delivered, and the interrupt, still pending, stops
		// the thread before the first instruction of a handler.
		return false, errUnlessGone(s.Thread.Cont(stop.Signal), "resuming thread %d", int(s.Thread))
	default:
		return false, errUnlessGone(s.Thread.Cont(0), "resuming thread %d", int(s.Thread))
	}
}

func errUnlessGone(err error, format string, a ...any) error {
	if err == nil || gone(err) == ErrGone {
		return nil
	}
	return fmt.Errorf(format+": %w", append(a, err)...)
}
