// Package capture takes the image of a live process.
//
// The pause is a fork, not a copy. All threads are stopped, one clone is made
// in the program's name, and the program runs on; the clone, its twin, stays
// stopped for good, and its memory, which nobody changes, is the memory of the
// image. What a fork does not carry over (registers, timers, signals, shared
// memory, what is open) is collected while the program is stopped.
//
// The order of things is that of [Take]: whatever can be known beforehand is
// looked at first and refused; the program is stopped, in freeze.go; what the
// twin still shows is read at leisure.
//
// All of it must run on one OS thread, that of a [ptrace.Tracer], in a process
// that no signal meant for the user's tools can end: see package agent.
package capture

import (
	"errors"
	"fmt"
	"time"

	"snappipe/kernel"
	"snappipe/kernel/process/object"
	"snappipe/kernel/process/proc"
	"snappipe/kernel/process/ptrace"
	"snappipe/kernel/process/world"
)

// Options are what the caller wants.
type Options struct {
	Force  bool
	Drop   []int // descriptors to leave out
	Report func(line string)
	Warn   func(line string)
	// Mapped is told what is mapped in the program for a while, and Born the
	// twin, as soon as there is one: what has to be put away if this process
	// is killed. See Clean.
	Mapped func(ptrace.Area)
	Born   func(twin int)
	// Peeking is told where the program had its socket peeked at, before that is
	// moved for a while, and when it is there again. See object.Peek.
	Peeking func(object.Peek)
	// Fault is for tests: the step that fails. See faults.go.
	Fault Fault
	// Cancelled reports whether nobody wants the image any more.
	Cancelled func() bool
}

// Captured is the image of a process that runs on.
type Captured struct {
	Twin    *Twin
	Store   *Store // what is in no memory of the twin: headers, shared memory, contents
	Header  int64  // bytes of headers, at the start of Store
	Size    int64
	Extents []Extent // ascending by Offset
	Facts   kernel.Facts
}

// Extent is a run of bytes of the image and where they are.
type Extent struct {
	Offset, Length int64
	InStore        bool
	At             uint64 // an address in the twin, or an offset in the store
}

// piece is a run of bytes that the image holds: where it lies in its mapping
// (an address) or content (an offset), and where it is now.
type piece struct {
	start, end uint64
	inStore    bool
	at         uint64 // as Extent.At
}

// capture is one run of Take.
type capture struct {
	pid  int
	o    Options
	mem  *ptrace.Memory
	site uint64 // of a system call instruction

	before survey // what was known before it was stopped
	store  *Store
	twin   *Twin
	img    *world.World
	task   *world.Task // of img
	space  *world.Space
	table  *world.Table
	files  *object.Taker
	opener *object.Task // the process, for files
	frozen frozen
	paused time.Duration

	kept     map[uint64][]piece       // by start of the mapping: what the twin doesn't have
	private  map[uint64][]proc.Run    // by start: which of kept is not the file's
	guards   map[uint64][]proc.Run    // by start: guard pages
	policies map[uint64]*world.Policy // by start
	contents []content                // those of img.Contents
	pieces   [][]piece                // the memory of each of space.VMAs
	extents  []Extent
}

// Take makes the image of a process. On error nothing is left of the attempt.
// A [*kernel.Refusal] says that the process can't be taken as it is.
func Take(pid int, o Options) (_ *Captured, err error) {
	c := &capture{
		pid: pid, o: o, img: world.One(),
		kept: map[uint64][]piece{}, private: map[uint64][]proc.Run{},
		guards: map[uint64][]proc.Run{}, policies: map[uint64]*world.Policy{},
	}
	c.task, c.space, c.table = &c.img.Tasks[0], &c.img.Spaces[0], &c.img.Tables[0]
	defer func() {
		if err != nil {
			err = errors.Join(err, c.abandon())
		}
		if c.mem != nil {
			c.mem.Close()
		}
	}()
	for _, step := range []func() error{c.survey, c.freeze, c.readTwin, c.readMemory} {
		if o.Cancelled() {
			return nil, ErrCancelled
		}
		if err := step(); err != nil {
			return nil, err
		}
	}
	header, size, err := world.Encode(c.img)
	if err != nil {
		return nil, fmt.Errorf("process %d: %w", pid, err)
	}
	if err := c.fault(FaultEncode); err != nil {
		return nil, err
	}
	at, err := c.store.Add(header)
	if err != nil {
		return nil, err
	}
	c.layOut(int64(len(header)), at)
	c.report()
	return &Captured{
		Twin: c.twin, Store: c.store, Header: int64(len(header)), Size: size,
		Extents: c.extents, Facts: c.facts(),
	}, nil
}

// abandon undoes what an attempt left: the twin and the store.
func (c *capture) abandon() (err error) {
	if c.twin != nil {
		err = c.twin.End()
	}
	if c.store != nil {
		c.store.Close()
	}
	return err
}

func (c *capture) report() {
	var bytes int64
	for _, e := range c.extents {
		bytes += e.Length
	}
	var mapped int64
	for i := range c.space.VMAs {
		mapped += int64(c.space.VMAs[i].End - c.space.VMAs[i].Start)
	}
	c.o.Report(fmt.Sprintf("paused for %.1f ms", float64(c.paused.Microseconds())/1000))
	c.o.Report(fmt.Sprintf("%d pages in %d extents, %d bytes; %d bytes of the %d mapped are holes",
		bytes/world.Page, len(c.extents), bytes, max(mapped-bytes, 0), mapped))
}

// object names the process in errors.
func (c *capture) object() string { return proc.Title(c.pid) }
