// Package capture takes the image of a live process and of all that descends from
// it.
//
// The pause is a fork, not a copy. All threads are stopped, one clone is made
// in the name of each process, and all run on; the clone, its twin, stays
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
	"snappipe/kernel/process/sys"
	"snappipe/kernel/process/world"
)

// Options are what the caller wants.
type Options struct {
	Only    bool // without the children of the process
	Precopy bool // copy memory before they are stopped
	Kill    bool // keep them stopped until it is known whether they are to end
	Force   bool
	Drop    []int // descriptors to leave out
	Report  func(line string)
	Warn    func(line string)
	// Mapped is told what is mapped in a process for a while, and Born its twin,
	// as soon as there is one: what has to be put away if this process is killed.
	// See Clean.
	Mapped func(pid int, a ptrace.Area)
	Born   func(pid, twin int)
	// Tracking is told that a process is about to have a userfaultfd for a moment,
	// and that it has none any more. See CloseTracker.
	Tracking func(pid int, begins bool)
	// Peeking is told where the program had its socket peeked at, before that is
	// moved for a while, and when it is there again. See object.Peek.
	Peeking func(object.Peek)
	// Emptying is told what a pseudo-terminal of the program is to be again, which is
	// read out for a while. See object.Emptied.
	Emptying func(object.Emptied)
	// Damming is told of a table of nftables before it is there, and of none when that
	// is to stay or has gone. See sys.BreakDam.
	Damming func(pid int, name string, ways []sys.Way)
	// Fault is for tests: the step that fails. See faults.go.
	Fault Fault
	// Cancelled reports whether nobody wants the image any more.
	Cancelled func() bool
}

// Captured is the image of processes that run on, or stand still with [Options].Kill.
type Captured struct {
	still   *tree
	Twins   []*Twin
	Store   *Store // what is in no memory of a twin: headers, shared memory, contents
	Size    int64
	Extents []Extent // ascending by Offset
	Facts   kernel.Facts
}

// Extent is a run of bytes of the image and where they are.
type Extent struct {
	Offset, Length int64
	Twin           int    // index in Captured.Twins, or InStore
	At             uint64 // an address in the twin, or an offset in the store
}

// InStore is Extent.Twin of what is in none.
const InStore = -1

// piece is a run of bytes that the image holds: where it lies in its mapping
// (an address) or content (an offset), and where it is now.
type piece struct {
	start, end uint64
	inStore    bool
	at         uint64 // as Extent.At
}

// tree is one run of Take: all processes that are taken.
type tree struct {
	o       Options
	members []*member     // parents before children, the first is the root
	moves   int           // how often somebody became a member, or left
	dead    []world.Task  // their children that have ended and were not waited for
	dry     *object.Taker // before they were stopped
	files   *object.Taker
	changed bool // something else is open by then
	stopped *ptrace.Tree
	still   bool     // until Finish
	dam     *sys.Dam // nil if there are no connections to others
	paused  time.Duration
	// deadGroups are the IDs that groups of the dead have in the PID namespace of the
	// tree, where there is one.
	deadGroups map[int]int

	tracked  []*member                     // of whom precopied is or was set
	promised uint64                        // how much memory the copies of all these take
	copied   struct{ before, rest uint64 } // bytes, before they were stopped and then

	img      *world.World
	store    *Store
	contents []content // those of img.Contents
	extents  []Extent
	size     int64
}

// member is one of them.
type member struct {
	*tree
	pid     int
	mem     *ptrace.Memory
	landing *ptrace.Landing

	before   survey // what was known before it was stopped
	surveyed bool
	isApart  bool // it shares nothing with who is not taken
	twin     *Twin
	task     *world.Task
	space    *world.Space
	opener   *object.Task // the process, for files
	sharing  sharing      // with other members
	lends    bool         // others have its memory
	areas    []proc.Map   // of calls, of all that have it
	frozen   frozen

	precopied *precopy // while its memory is tracked
	apart     []apart  // mappings that the twin has the beginning of only

	kept     map[uint64][]piece       // by start of the mapping: what the twin doesn't have
	private  map[uint64][]proc.Run    // by start: which of kept is not the file's
	guards   map[uint64][]proc.Run    // by start: guard pages
	policies map[uint64]*world.Policy // by start
	pieces   [][]piece                // the memory of each of space.VMAs
}

// join adds a process.
func (t *tree) join(pid int) *member {
	c := &member{
		tree: t, pid: pid, task: new(world.Task), space: new(world.Space),
		kept: map[uint64][]piece{}, private: map[uint64][]proc.Run{},
		guards: map[uint64][]proc.Run{}, policies: map[uint64]*world.Policy{},
	}
	c.opener = &object.Task{PID: pid, Title: c.object, InnerID: c.innerID, InnerGroup: c.ownGroup}
	t.members = append(t.members, c)
	t.moves++
	return c
}

func (t *tree) root() *member { return t.members[0] }

// each does something to all members, up to the first that fails.
func (t *tree) each(steps ...func(*member) error) error {
	for _, step := range steps {
		for _, c := range t.members {
			if err := step(c); err != nil {
				return err
			}
		}
	}
	return nil
}

// Take makes the image of a process. On error nothing is left of the attempt.
// A [*kernel.Refusal] says that the process can't be taken as it is.
func Take(pid int, o Options) (_ *Captured, err error) {
	t := &tree{o: o, img: new(world.World), deadGroups: map[int]int{}}
	t.join(pid)
	defer func() {
		t.endPrecopies()
		if err != nil {
			err = errors.Join(err, t.abandon())
		}
		if !t.still {
			t.closeMemory()
		}
	}()
	for _, step := range []func() error{t.survey, t.precopy, t.damUp, t.freeze, t.endPrecopies, t.readTwins, t.readMemory, t.encode} {
		if o.Cancelled() {
			return nil, ErrCancelled
		}
		if err := step(); err != nil {
			return nil, err
		}
	}
	t.report()
	return &Captured{
		still: t, Twins: t.twins(), Store: t.store, Size: t.size, Extents: t.extents, Facts: t.facts(),
	}, nil
}

// encode puts the image together, and finds the place of everything in it.
func (t *tree) encode() error {
	t.joinSharers()
	for _, c := range t.members {
		t.img.Tasks = append(t.img.Tasks, *c.task)
	}
	t.img.Tasks = append(t.img.Tasks, t.dead...)
	header, size, err := world.Encode(t.img)
	if err != nil {
		return fmt.Errorf("%s: %w", t.root().object(), err)
	}
	if err := t.fault(FaultEncode); err != nil {
		return err
	}
	at, err := t.store.Add(header)
	if err != nil {
		return err
	}
	t.size = size
	t.layOut(int64(len(header)), at)
	return nil
}

func (t *tree) twins() (all []*Twin) {
	for _, c := range t.members {
		if c.twin != nil {
			all = append(all, c.twin)
		}
	}
	return all
}

// abandon undoes what an attempt left: the twins and the store.
func (t *tree) abandon() (err error) {
	if t.still {
		err = t.goOn()
	}
	err = errors.Join(err, t.breakDam())
	for _, w := range t.twins() {
		err = errors.Join(err, w.End())
	}
	if t.store != nil {
		t.store.Close()
	}
	return err
}

func (t *tree) closeMemory() {
	for _, c := range t.members {
		c.closeMemory()
	}
}

func (t *tree) report() {
	var bytes int64
	for _, e := range t.extents {
		bytes += e.Length
	}
	var mapped int64
	for i := range t.img.Spaces {
		for j := range t.img.Spaces[i].VMAs {
			v := &t.img.Spaces[i].VMAs[j]
			mapped += int64(v.End - v.Start)
		}
	}
	if !t.still {
		t.o.Report(fmt.Sprintf("paused for %.1f ms", float64(t.paused.Microseconds())/1000))
	}
	if t.o.Precopy {
		t.o.Report(fmt.Sprintf("pre-copy: %d bytes before that, %d bytes meanwhile", t.copied.before, t.copied.rest))
	}
	t.o.Report(fmt.Sprintf("%d pages in %d extents, %d bytes; %d bytes of the %d mapped are holes",
		bytes/world.Page, len(t.extents), bytes, max(mapped-bytes, 0), mapped))
}

// object names the process in errors.
func (c *member) object() string { return proc.Title(c.pid) }
