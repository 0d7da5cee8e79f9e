// The twin: the clone that stays as the program was.

package capture

import (
	"errors"
	"fmt"
	"math"
	"time"

	"snappipe/kernel/process/ptrace"

	"golang.org/x/sys/unix"
)

// Twin is stopped in every moment but for the calls that are made in it, and
// the kernel kills it when its tracer is gone.
type Twin struct {
	PID     int
	inner   int // the same, as it sees itself
	parent  int
	thread  ptrace.Thread
	area    ptrace.Area     // of code that it has
	landing *ptrace.Landing // of its parent, which it has too
	call    *ptrace.Caller
	turn    *ptrace.Turn // among other twins
	Memory  *ptrace.Memory
	fault   Fault

	batch ptrace.Batch // with memory for arguments
	pipe  uint64       // descriptor of the end to write to
	ended bool
}

// adopt takes charge of a twin that was just born.
func (w *Twin) adopt() error {
	if _, err := w.thread.WaitStopped(w.turn); err != nil {
		return fmt.Errorf("waiting for the twin: %w", err)
	}
	// It can only be asked for once it is stopped. Until here it would have
	// come to its end by itself: see ptrace.Programs.
	if err := w.thread.SetOptions(ptrace.SysGood | ptrace.ExitKill); err != nil {
		return fmt.Errorf("binding the twin to this process: %w", err)
	}
	return nil
}

// begin makes it one in which calls can be made, within memory of its own. It gets
// a name, by which a later snapshot knows what is left of it if its agent was
// killed.
func (w *Twin) begin() (err error) {
	if w.call, err = ptrace.NewCaller(w.thread, w.area.Site()); err != nil {
		return fmt.Errorf("reading the registers of the twin: %w", err)
	}
	if w.Memory, err = ptrace.OpenMemory(w.PID); err != nil {
		return fmt.Errorf("opening the memory of the twin: %w", err)
	}
	if err = w.landing.Clear(w.Memory); err != nil {
		return err
	}
	// The program does not need that any more: what it mapped for its calls.
	w.batch = ptrace.Batch{
		Memory: w.Memory, Area: w.area, TID: w.inner, Limit: listLimit,
		At: w.area.Code + w.area.CodeSize, Size: int(w.area.Spare() - w.area.Code - w.area.CodeSize),
	}
	calls := []ptrace.Call{
		{Nr: unix.SYS_PRCTL, Args: [6]uint64{unix.PR_SET_NAME, w.area.Name()}},
		{Nr: unix.SYS_MMAP, Args: [6]uint64{0, scratchSize, unix.PROT_READ | unix.PROT_WRITE, unix.MAP_PRIVATE | unix.MAP_ANONYMOUS, math.MaxUint64, 0}},
	}
	calls, err = w.endRseq(calls)
	if err != nil {
		return err
	}
	w.call.Awake = true
	w.call.Turn = w.turn
	answer, err := w.call.Run(&w.batch, calls, 0)
	if err != nil {
		return fmt.Errorf("beginning with the twin: %w", err)
	}
	// If there is no room for more, what there is has to do.
	if at, err := answer.Returned(1); err == nil {
		w.batch.At, w.batch.Size = at, scratchSize
	}
	for i := 2; i < len(calls); i++ {
		if _, err := answer.Returned(i); err != nil {
			return fmt.Errorf("ending the rseq registration of the twin: %w", err)
		}
	}
	return nil
}

// listLimit is for how long a list of calls may keep the program from running.
const listLimit = time.Second

// take has others seen to while it makes calls.
func (w *Twin) take(turn *ptrace.Turn) {
	w.turn = turn
	if w.call != nil {
		w.call.Turn = turn
	}
}

// rseqUnregister is RSEQ_FLAG_UNREGISTER of linux/rseq.h.
const rseqUnregister = 1

// endRseq keeps the kernel from writing to the twin's memory. A fork takes
// the registration of its rseq(2) area with it, and whenever the twin has come
// to another CPU the kernel writes the number there (kernel/rseq.c,
// rseq_update_cpu_node_id): to a page that may have been read already.
func (w *Twin) endRseq(calls []ptrace.Call) ([]ptrace.Call, error) {
	area, err := w.thread.Rseq()
	if err != nil {
		return nil, fmt.Errorf("reading the rseq registration of the twin: %w", err)
	}
	if area.Address != 0 {
		calls = append(calls, ptrace.Call{Nr: unix.SYS_RSEQ, Args: [6]uint64{area.Address, uint64(area.Size), rseqUnregister, uint64(area.Signature)}})
	}
	return calls, nil
}

// part parts it from the program, before that runs on. What the program closes
// from then on has to be closed: a connection must not stay up, nor a lock be
// held, because the twin has it too. Up to here the two have had one table of
// descriptors, which is left at no cost.
func (w *Twin) part() error {
	if _, err := w.call.Call(unix.SYS_CLOSE_RANGE, 0, math.MaxUint32, unix.CLOSE_RANGE_UNSHARE); err != nil {
		return fmt.Errorf("parting the twin from files: %w", err)
	}
	w.call.Awake = false
	return nil
}

// scratchSize is room for the answer of mincore(2) on 256 MiB.
const scratchSize = 64 << 10

// get makes a call that stores something at the address of w.batch.At, which
// has to be among its arguments.
func (w *Twin) get(b []byte, nr uintptr, args ...uint64) error {
	if _, err := w.call.Call(nr, args...); err != nil {
		return err
	}
	return w.Memory.Read(b, w.batch.At)
}

// End kills the twin and has its parent put it away, so that nothing of it can
// be seen. If the parent has ended, somebody else does. Where the tracer
// ignores SIGCHLD, as an agent does, the kernel itself puts away what it traced
// (kernel/exit.c: exit_notify), which may happen at any moment of this.
func (w *Twin) End() error {
	if w.ended {
		return nil
	}
	w.ended = true
	if w.Memory != nil {
		w.Memory.Close()
	}
	if err := w.thread.KillUnseen(); err != nil {
		return fmt.Errorf("killing the twin: %w", err)
	}
	if err := w.fault.At(FaultTwinKilled); err != nil {
		// What failed is not to be tried: the next snapshot does it.
		return errors.Join(err, w.thread.Reap())
	}
	// The parent sees it once this process has waited for it; by then the
	// parent's own call to wait is on its way.
	err := patiently(func() error { return reap(w.parent, w.PID, w.inner, w.thread.Reap) })
	return errors.Join(err, w.thread.Reap())
}
