// What is open: file descriptors, the open file descriptions behind them, and
// the inodes behind those and behind mappings.

package object

import (
	"cmp"
	"errors"
	"fmt"
	"slices"

	"snappipe/kernel/process/proc"
	"snappipe/kernel/process/sockopt"
	"snappipe/kernel/process/sys"
	"snappipe/kernel/process/world"

	"golang.org/x/sys/unix"
)

// Options are what a [Taker] is to do.
type Options struct {
	Dry   bool // to look only, while the program runs
	Force bool
	Drop  []int // descriptors of the first task to leave out
	Far   bool  // connections to others too, since the program ends with the image
	Warn  func(line string)
	// Peeking is told where the program had its socket peeked at, before that is
	// moved for a while, and when it is there again. See Peek.PutBack.
	Peeking func(Peek)
	// PeekFault is for tests: it is asked at each message that is peeked at.
	PeekFault func() error
	// Emptying is told what a pseudo-terminal is to be again, before it is read out and
	// then with what waited in it, and when it is that. See Emptied.PutBack.
	Emptying func(Emptied)
	// EmptyFault is for tests: it is asked when one was read out.
	EmptyFault func() error
	// Others are the processes that are not taken, as far as they are to be seen.
	Others func() ([]int, error)
}

// Taker takes what some processes have open into a World. It is done twice: once
// before they are stopped, to refuse what can't be kept, and once while they are
// stopped, then with what pipes and sockets hold.
type Taker struct {
	o     Options
	w     *world.World
	tasks []*Task
	known *known

	locked  func() lockedInodes
	sharing sharing
	inodes  []inodeInfo // of w.Files, by the same index
	byKey   map[inode]int
	first   []ref    // a descriptor of each of w.Open
	links   []string // where that leads
	// epolls are the watches of each epoll set, by index in w.Open.
	epolls map[int][]proc.EpollWatch
	// blobs are what pipes and sockets hold. Until they are stored, they are what
	// Pipe.Content and Socket.Queue are indices of.
	blobs  [][]byte
	groups []group // multicast groups, once they were looked for
	// connected are the unix sockets, by inode, that are connected to another.
	connected map[uint64]bool
	// waits are those of which the connection waits at one of the program's.
	waits map[uint64]bool
	// waiting is how many connections have not been accepted, by inode of who
	// listens, less those of which the program has the other end.
	waiting map[uint64]int
	// attached is how often segments of shared memory are mapped, by ID, in all
	// processes.
	attached map[int]int
	sockopts *sockopt.Reader
	far      []farSocket // what is to be silenced
	flight   flight
}

// known is what was found out once for all looks.
type known struct {
	places      map[shown]place
	watched     map[inode]string // paths of inodes that inotify watches
	elsewhere   map[string]string
	filesystems map[int]int64    // kinds of them, by mount
	far         map[sys.Way]bool // of connections to others
}

// NewTaker makes one that has nothing yet, for a world of so many tasks. What an
// earlier one has found serves it.
func NewTaker(o Options, w *world.World, earlier *Taker, tasks ...*Task) *Taker {
	t := &Taker{
		o: o, w: w, tasks: tasks, byKey: map[inode]int{}, epolls: map[int][]proc.EpollWatch{}, connected: map[uint64]bool{},
		waits: map[uint64]bool{}, attached: map[int]int{}, waiting: map[uint64]int{},
	}
	var ranks map[ref]int
	if earlier != nil {
		t.known, t.sockopts = earlier.known, earlier.sockopts
		ranks = earlier.sharing.ranks()
	} else {
		t.known = &known{places: map[shown]place{}, watched: map[inode]string{}, elsewhere: map[string]string{}, filesystems: map[int]int64{}, far: map[sys.Way]bool{}}
		t.sockopts = sockopt.NewReader()
	}
	for i, k := range tasks {
		k.nth = i
	}
	t.sharing = newSharing(t.compareFiles, ranks)
	return t
}

// taskOf returns the index of a process, or -1.
func (t *Taker) taskOf(pid int) int {
	return slices.IndexFunc(t.tasks, func(k *Task) bool { return k.PID == pid })
}

// root is the first task.
func (t *Taker) root() *Task { return t.tasks[0] }

// Collect does all there is to do while the program runs.
func (t *Taker) Collect() error {
	err := t.Begin(nil)
	if err == nil {
		err = t.Finish()
	}
	return errors.Join(err, t.Close())
}

// Begin finds out what is open. Of the plain files that an earlier look has
// found, what there is to know is left to Finish.
func (t *Taker) Begin(earlier *Taker) error {
	if earlier != nil && t.locked == nil {
		t.locked = earlier.readLocked()
	}
	for _, k := range t.tasks {
		if k.Shares != nil {
			k.forget()
			continue
		}
		if err := k.begin(); err != nil {
			return err
		}
		var was []*Found
		if earlier != nil {
			was = k.found
		}
		k.forget()
		if err := t.beginTask(k, was); err != nil {
			return err
		}
	}
	return nil
}

func (t *Taker) beginTask(k *Task, earlier []*Found) error {
	fds, err := k.list(earlier)
	if err != nil {
		return fmt.Errorf("%s: %w", k.Title(), err)
	}
	known := make(map[int]*Found, len(earlier))
	for _, o := range earlier {
		known[o.fd] = o
	}
	var all []*Found
	for _, fd := range fds {
		was := known[fd]
		if was != nil && was.isPlain() {
			k.plain = append(k.plain, was)
			continue
		}
		if all, err = t.look(all, ref{k, fd}, was); err != nil {
			return err
		}
	}
	return t.take(all)
}

// Finish is for when the twins can be asked, which share files with the program.
func (t *Taker) Finish() error {
	var locked lockedInodes
	if t.locked != nil {
		locked = t.locked()
	}
	for _, k := range t.tasks {
		if err := t.finishTask(k, locked); err != nil {
			return err
		}
		fds := t.w.Tables[k.nth].FDs
		slices.SortFunc(fds, func(a, b world.FD) int { return cmp.Compare(a.FD, b.FD) })
	}
	if err := t.checkDropped(); err != nil {
		return err
	}
	if err := t.takeFlying(); err != nil {
		return err
	}
	return t.relate()
}

func (t *Taker) finishTask(k *Task, locked lockedInodes) error {
	if err := k.Glance(); err != nil {
		return err
	}
	var all []*Found
	var err error
	for _, was := range k.plain {
		if now, same := was.again(k.glances); !same {
			all, err = t.look(all, was.ref, was)
		} else {
			k.found = append(k.found, now)
			all, err = append(all, now), t.readLocks(now, locked)
		}
		if err != nil {
			return err
		}
	}
	return t.take(all)
}

// Close gives up what was opened for looking.
func (t *Taker) Close() (err error) {
	for _, k := range t.tasks {
		err = errors.Join(err, k.end())
	}
	if t.locked != nil {
		t.locked() // it has a file open until then
	}
	return errors.Join(err, t.endFlight())
}

// foundFirst is the first descriptor of an open file description.
func (t *Taker) foundFirst(i int) *Found { return &Found{ref: t.first[i], link: t.links[i]} }

// look appends one descriptor, unless it was closed since it was listed.
func (t *Taker) look(all []*Found, r ref, was *Found) ([]*Found, error) {
	o := &Found{ref: r}
	err := o.read(was)
	switch {
	case proc.IsGone(err) && t.o.Dry:
		return all, nil
	case proc.IsGone(err):
		return all, ErrOthers
	case err != nil:
		return all, err
	}
	r.task.found = append(r.task.found, o)
	return append(all, o), nil
}

// take adds descriptors, and what they lead to.
func (t *Taker) take(all []*Found) error {
	var kept []*Found
	for _, o := range all {
		if t.chosen(o.ref) {
			t.refer(o, t.drop(o))
			continue
		}
		kept = append(kept, o)
	}
	same, err := t.sharing.add(kept)
	if err != nil {
		return err
	}
	for _, o := range kept {
		i, ok := same[o.ref].opened()
		if !ok {
			if i, err = t.description(o); err != nil {
				return err
			}
		}
		t.refer(o, i)
	}
	return nil
}

// refer makes o a descriptor of an open file description.
func (t *Taker) refer(o *Found, i int) {
	o.task.index[o.fd], o.task.inode[o.fd] = i, o.info.Ino
	t.addLocks(o, &t.w.Open[i])
	table := &t.w.Tables[o.task.nth]
	table.FDs = append(table.FDs, world.FD{FD: o.fd, Open: i, CloseOnExec: o.info.Flags&unix.O_CLOEXEC != 0})
}

// description adds the open file description of o.
func (t *Taker) description(o *Found) (int, error) {
	d := world.OpenFile{
		Flags: o.info.Flags &^ unix.O_CLOEXEC, Pos: o.info.Pos,
		File: world.NoIndex,
	}
	if err := t.describe(o, &d); err != nil {
		return 0, err
	}
	return t.add(o, d), nil
}

// add adds an open file description that o is the first descriptor of.
func (t *Taker) add(o *Found, d world.OpenFile) int {
	t.w.Open = append(t.w.Open, d)
	t.first, t.links = append(t.first, o.ref), append(t.links, o.link)
	i := len(t.w.Open) - 1
	t.addCarrier(o, i)
	return i
}

// describe fills in what kind of file it is, and what belongs to that.
func (t *Taker) describe(o *Found, d *world.OpenFile) error {
	switch {
	case d.Flags&unix.O_PATH != 0 && !o.hasPath():
		return t.lose(o, d, "an O_PATH reference to "+o.link, "it has no path by which it could be found again")
	case o.hasPath():
		return t.named(o, d)
	}
	k := kindShown(o.link)
	if k == nil {
		return t.lose(o, d, o.link, "an open file of this kind can't be put back")
	}
	d.Kind = k.name
	return k.take(t, o, d)
}

// relate completes what depends on several descriptors.
func (t *Taker) relate() error {
	for _, k := range kinds {
		if k.relate == nil {
			continue
		}
		if err := k.relate(t); err != nil {
			return err
		}
	}
	return t.elsewhere()
}

// borrow gets a descriptor for what the process has open.
func (t *Taker) borrow(o *Found) (int, error) { return o.borrow(o.object(o.link)) }

// Blobs are what pipes and sockets hold. The caller stores each as a Content of
// the World, of which the first has the index base.
func (t *Taker) Blobs(base int) [][]byte {
	for i := range t.w.Open {
		o := &t.w.Open[i]
		for _, c := range byName[o.Kind].contentsOf(o) {
			if *c != world.NoIndex {
				*c += base
			}
		}
	}
	return t.blobs
}

func (t *Taker) addBlob(b []byte) int {
	t.blobs = append(t.blobs, b)
	return len(t.blobs) - 1
}
