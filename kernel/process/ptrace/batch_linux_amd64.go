// This file makes many calls in one stopped thread that is the tracer's own affair: a
// child that the interpreter has created, or a process in the making. All of them cost
// one stop.

package ptrace

import (
	"fmt"
	"time"

	"golang.org/x/sys/unix"
)

// Batch is memory of the process in which lists of calls are laid, and code to go
// through them.
type Batch struct {
	Memory *Memory
	Area   Area
	At     uint64 // address of the memory
	Size   int    // of that
	TID    int    // of the thread that goes through them, as it knows itself
	// Limit is for how long a list may run, 0 being for ever. Each call takes
	// microseconds, unless it is about a file of a filesystem that does not answer.
	Limit time.Duration
}

// BatchCode is the size of the code that goes through lists.
const BatchCode = pageSize

// LayCode writes it to executable memory of the process.
func (b *Batch) LayCode() error { return b.Memory.Write(text, b.Area.Code) }

// Fits returns how many times so many calls there is room for, with memory for
// them to store something in.
func (b *Batch) Fits(calls, stores int) int {
	return (b.Size - callSize - 8) / (calls*callSize + stores)
}

// Stores is the address of the memory behind a list of n calls.
func (b *Batch) Stores(n int) uint64 { return b.At + uint64((n+1)*callSize+8) }

// Answer is what calls have returned and stored.
type Answer struct {
	list   []byte
	Stored []byte
}

// Returned is what call i returned.
func (a Answer) Returned(i int) (uint64, error) { return returned(a.list[i*callSize:]) }

// Run makes calls, for which so many bytes are stored. A process that does not come
// to the end of them is of no more use.
func (c *Caller) Run(b *Batch, calls []Call, stores int) (a Answer, err error) {
	// The last one stops the thread itself. No other signal does that without
	// a change of what it does about signals.
	stop := Call{Nr: unix.SYS_TKILL, Args: [6]uint64{uint64(b.TID), uint64(unix.SIGSTOP)}}
	list := encodeCalls(append(calls, stop))
	if len(list)+stores > b.Size {
		return a, fmt.Errorf("%d calls do not fit", len(calls))
	}
	if err := b.Memory.Copy(list, b.At); err != nil {
		return a, err
	}
	regs := c.Base
	regs.Rip, regs.Orig_rax, regs.Rbx = b.Area.Code, noSyscall, b.At
	if err := c.Thread.SetRegs(&regs); err != nil {
		return a, err
	}
	if err := c.runTo(b.At+uint64(len(calls)*callSize), b.Limit); err != nil {
		return a, err
	}
	all := make([]byte, len(list)+stores)
	if err := b.Memory.Read(all, b.At); err != nil {
		return a, err
	}
	return Answer{all[:len(list)], all[len(list):]}, nil
}

// runTo runs the interpreter until it has come to a call, stops that others cause
// notwithstanding.
func (c *Caller) runTo(call uint64, limit time.Duration) error {
	for deadline := time.Now().Add(limit); ; {
		if err := c.Thread.Cont(0); err != nil {
			return err
		}
		wait := c.wait
		if limit > 0 {
			wait = func() (Stop, error) { return c.Thread.waitUntil(deadline, c.Turn) }
		}
		stop, err := wait()
		if err != nil {
			return err
		}
		if stop.Kind != Signalled && stop.Kind != Interrupted && stop.Kind != GroupStop {
			return &stopError{c.Thread, stop}
		}
		regs, err := c.Thread.Regs()
		if err != nil {
			return err
		}
		if regs.Rbx == call {
			return nil
		}
		if stop.Kind == Signalled {
			if err := c.Thread.crash(stop.Signal); err != nil {
				return err
			}
		}
	}
}
