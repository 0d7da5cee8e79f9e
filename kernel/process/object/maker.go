// This file is the order in which what was open is made again.

package object

import (
	"errors"
	"fmt"
	"os"
	"slices"

	"golang.org/x/sys/unix"

	"snappipe/kernel"
	"snappipe/kernel/process/proc"
	"snappipe/kernel/process/sockopt"
	"snappipe/kernel/process/world"
)

// Maker makes what the processes of a World had open. Every open file is made
// once, by calls of this process, and handed to all processes that had it; what
// the kernel ties to the caller, they do. All of its methods are to be called on
// the thread that traces them.
type Maker struct {
	world    *world.World
	options  kernel.Options
	tasks    []Process
	sockopts *sockopt.Reader
	boot     string // of this machine
	root     string // by which the tasks' root directory is to be reached from here

	contents  []*os.File
	standards standards
	made      []made     // by index in world.Open
	holders   [][]holder // likewise
	firsts    []int      // by index in world.Tables, the first of the tasks that have it
	screen    *world.Terminal

	pipes     map[uint64]*os.File // each open for both, by inode
	unix      *unixSockets
	ends      map[uint64]int    // of TCP connections, by inode; nil before they are needed
	pairs     map[int]*madePair // of pseudo-terminals, by the index of the master in world.Open
	rejoining []rejoining       // connections to others
	// undo gives up what would be left if nothing came of it, last first.
	undo []func() error
}

// made is an open file description of the image, made again here.
type made struct {
	fd      int  // ours; -1 if it is not made yet
	lent    bool // shared with others here: not to be closed, nor changed
	follows bool // one of our descriptors 0 to 2
}

func (f *made) close() {
	if f.fd >= 0 && !f.lent {
		unix.Close(f.fd)
	}
	f.fd = -1
}

// NewMaker returns a Maker for a World that is checked, with a process for each of
// its tasks that is alive, by the same index.
func NewMaker(w *world.World, o kernel.Options, tasks []Process) *Maker {
	boot, _ := proc.BootID() // or else this machine may be any
	m := &Maker{
		world: w, options: o, tasks: tasks, sockopts: sockopt.NewReader(), boot: boot,
		standards: standards{options: o}, pipes: map[uint64]*os.File{}, pairs: map[int]*madePair{},
	}
	m.firsts = make([]int, len(w.Tables))
	for i := range slices.Backward(w.Tasks) {
		if t := w.Tasks[i].Table; t != world.NoIndex {
			m.firsts[t] = i
		}
	}
	m.unix = newUnixSockets(m)
	return m
}

// Open makes every open file. The processes are given theirs by Place.
func (m *Maker) Open() error {
	m.made = make([]made, len(m.world.Open))
	for i := range m.made {
		m.made[i].fd = -1
	}
	m.findHolders()
	if err := m.followStandard(); err != nil {
		return err
	}
	if err := m.makeAll(); err != nil {
		return err
	}
	for i := range m.world.Open {
		if err := m.settle(i); err != nil {
			return m.about(i, err)
		}
	}
	if err := m.seal(); err != nil {
		return err
	}
	m.findScreen()
	return nil
}

// makeAll takes the steps of every kind.
func (m *Maker) makeAll() (err error) {
	for _, step := range []func(k *kind) func(m *Maker, i int) error{
		func(k *kind) func(*Maker, int) error { return k.makeOne },
		func(k *kind) func(*Maker, int) error { return k.join },
		func(k *kind) func(*Maker, int) error { return k.fill },
		func(k *kind) func(*Maker, int) error { return k.point },
	} {
		if err = m.each(step); err != nil {
			break
		}
	}
	// What only the making needed is given up.
	if err = errors.Join(err, m.closePipes(), m.unix.close()); err != nil {
		return err
	}
	return m.each(func(k *kind) func(*Maker, int) error { return k.settle })
}

func (k *kind) makeOne(m *Maker, i int) (err error) {
	m.made[i].fd, err = k.make(m, i)
	return err
}

// each takes a step with all open files, but for those that become some of ours.
func (m *Maker) each(step func(k *kind) func(m *Maker, i int) error) error {
	for _, k := range kinds {
		do := step(k)
		if do == nil {
			continue
		}
		for i := range m.world.Open {
			if m.world.Open[i].Kind != k.name || m.made[i].follows {
				continue
			}
			if err := do(m, i); err != nil {
				return m.about(i, err)
			}
		}
	}
	return nil
}

// settle gives a description its flags, owner and locks, as far as they are not
// those of a process.
func (m *Maker) settle(i int) error {
	o, f := &m.world.Open[i], &m.made[i]
	if f.lent || o.Flags&unix.O_PATH != 0 {
		return nil
	}
	if err := m.setOwner(f.fd, o.Owner); err != nil {
		return err
	}
	if _, err := unix.FcntlInt(uintptr(f.fd), unix.F_SETFL, o.Flags&settable); err != nil {
		return fmt.Errorf("setting its flags to %#o: %w", o.Flags, err)
	}
	return m.lock(i)
}

// kindOf returns the kind of an open file.
func (m *Maker) kindOf(i int) *kind { return byName[m.world.Open[i].Kind] }

// name is how an open file is spoken of: by its first number and its path.
func (m *Maker) name(i int) string {
	o := &m.world.Open[i]
	what := string(o.Kind)
	if o.File != world.NoIndex {
		what = string(m.world.Files[o.File].Path)
	}
	if title := m.kindOf(i).title; title != nil {
		if t := title(o); t != "" {
			what = t
		}
	}
	if i >= len(m.holders) || len(m.holders[i]) == 0 {
		return what
	}
	h := m.holders[i][0]
	what = fmt.Sprintf("fd %d, %s", h.fd.FD, what)
	if h.task > 0 {
		return fmt.Sprintf("process %d, %s", m.world.Tasks[h.task].PID, what)
	}
	return what
}

// about says of which open file an error is. A refusal says so itself.
func (m *Maker) about(i int, err error) error {
	if errors.As(err, new(*kernel.Refusal)) {
		return err
	}
	return fmt.Errorf("%s: %w", m.name(i), err)
}

// Undo takes back what others could see, if nothing comes of it.
func (m *Maker) Undo() error {
	m.leaveFar()
	var all []error
	for len(m.undo) > 0 {
		last := m.undo[len(m.undo)-1]
		m.undo = m.undo[:len(m.undo)-1]
		all = append(all, last())
	}
	return errors.Join(all...)
}

// Close closes what was opened here.
func (m *Maker) Close() {
	for i := range m.made {
		m.made[i].close()
	}
	for _, p := range m.pairs {
		p.close()
	}
	for _, f := range m.contents {
		f.Close()
	}
	m.made, m.contents = nil, nil
	m.standards.close()
}

// Tolerate reports, instead of failing, that the user may not set something that
// the program goes on without.
func (m *Maker) Tolerate(what string, err error) error {
	if errors.Is(err, unix.EPERM) || errors.Is(err, unix.EACCES) {
		m.options.Warn("not restored, for want of privilege: " + what)
		return nil
	}
	return err
}
