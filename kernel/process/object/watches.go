// This file fills epoll(7) sets. A watch is known by the file and the number
// under which it was added, so they are added by a process that has the set, and by
// the numbers that files have there.
//
// One that was to tell something once (EPOLLONESHOT), and did, is silent even
// about EPOLLHUP until it is changed. Only having told makes a watch so. These
// come first, while the sets hold nothing else that could be told.

package object

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

	"golang.org/x/sys/unix"

	"snappipe/kernel"
	"snappipe/kernel/process/proc"
	"snappipe/kernel/process/world"
)

// epollPrivate are the bits of a watch that are no events (fs/eventpoll.c:
// EP_PRIVATE_BITS), and epollAny events of which one comes from any file that
// is ready for something.
const (
	epollPrivate = unix.EPOLLWAKEUP | unix.EPOLLONESHOT | unix.EPOLLET | unix.EPOLLEXCLUSIVE
	epollAny     = unix.EPOLLIN | unix.EPOLLOUT | unix.EPOLLPRI | unix.EPOLLRDHUP | unix.EPOLLERR | unix.EPOLLHUP
)

// silent reports whether a watch has told what it was to tell once.
func silent(w world.Watch) bool {
	return w.Events&^epollPrivate == 0 && w.Events&unix.EPOLLONESHOT != 0
}

// watched is what an epoll set watches: at a number in the process by which that is
// filled, and here.
type watched struct {
	open *world.OpenFile
	here int
	by   Process
	at   uint64
}

// numbers are those of descriptors in a process.
type numbers struct {
	by     Process
	openAt map[int]world.FD // what is at a number
	of     map[int]int      // a number of each of world.Open that has one
}

// numbersOf returns them for the process by which each set is filled: the first that
// has it, once for all.
func (m *Maker) numbersOf() map[int]*numbers {
	bySet, byTask := map[int]*numbers{}, map[int]*numbers{}
	for i := range m.world.Open {
		if m.world.Open[i].Epoll == nil || len(m.holders[i]) == 0 {
			continue
		}
		task := m.holders[i][0].task
		n := byTask[task]
		if n == nil {
			n = &numbers{m.tasks[task], map[int]world.FD{}, map[int]int{}}
			for _, f := range m.fds(task) {
				n.openAt[f.FD] = f
				if _, ok := n.of[f.Open]; !ok {
					n.of[f.Open] = f.FD
				}
			}
			byTask[task] = n
		}
		bySet[i] = n
	}
	return bySet
}

// watchedNumbers adds the numbers by which sets among some open files watch others.
func (m *Maker) watchedNumbers(open []int, to map[int]bool) {
	for _, i := range open {
		if set := m.world.Open[i].Epoll; set != nil {
			for _, w := range set.Watches {
				to[w.FD] = true
			}
		}
	}
}

// Arm has all that is open do what others may notice: epoll sets watch, sockets
// listen, and processes have their locks.
func (m *Maker) Arm() error {
	n := m.numbersOf()
	if err := m.addWatches(n, silent); err != nil {
		return err
	}
	// What would have disturbed them until here.
	for _, step := range []func(*kind) func(*Maker, int) error{
		func(k *kind) func(*Maker, int) error { return k.begin },
		func(k *kind) func(*Maker, int) error { return k.begun },
	} {
		if err := m.each(step); err != nil {
			return err
		}
	}
	if err := m.addWatches(n, func(w world.Watch) bool { return !silent(w) }); err != nil {
		return err
	}
	if err := m.checkWatches(n); err != nil {
		return err
	}
	for t, p := range m.tasks {
		if p == nil || !m.isFirst(t) {
			continue
		}
		if err := p.CloseChannel(); err != nil {
			return err
		}
	}
	// Closing a descriptor, as was done here, would end them (fcntl_locking(2)).
	return m.lockAsProcess()
}

// addWatches adds those that which is true of to all sets.
func (m *Maker) addWatches(sets map[int]*numbers, which func(world.Watch) bool) error {
	for i := range m.world.Open {
		n := sets[i]
		if n == nil {
			continue
		}
		for _, w := range m.world.Open[i].Epoll.Watches {
			if !which(w) {
				continue
			}
			if len(m.holders[w.Open]) == 0 {
				return kernel.Refuse(m.name(i), "", "it watches what no descriptor leads to any more")
			}
			err := m.atNumber(n, w, func() error { return m.watch(n, i, w) })
			if errors.Is(err, unix.EPERM) && m.made[w.Open].follows {
				m.dropWatch(i, w)
				continue
			}
			if err != nil {
				return m.about(i, err)
			}
		}
	}
	return nil
}

// dropWatch is for what is a file or /dev/null here, which has nothing to be
// waited for (epoll_ctl(2)).
func (m *Maker) dropWatch(set int, w world.Watch) {
	m.options.Warn(fmt.Sprintf("dropped: the watch of %s by %s, which can't be waited for as what it is here", m.name(w.Open), m.name(set)))
	o := &m.world.Open[set]
	o.Epoll.Watches = slices.DeleteFunc(slices.Clone(o.Epoll.Watches), func(other world.Watch) bool { return other == w })
}

// atNumber calls f while what is watched is at the number that it was added by,
// which may be free by now, or another file's.
func (m *Maker) atNumber(n *numbers, w world.Watch, f func() error) error {
	there, used := n.openAt[w.FD]
	if used && there.Open == w.Open {
		return f()
	}
	p, at := n.by, uint64(w.FD)
	put := func(from uint64) error {
		if err := moveTo(p, from, world.FD{FD: w.FD, CloseOnExec: true}); err != nil {
			return err
		}
		return f()
	}
	fill := func() error {
		if from, ok := n.of[w.Open]; ok {
			return put(uint64(from))
		}
		return p.Lend(m.made[w.Open].fd, put) // another process has it
	}
	if !used {
		if err := fill(); err != nil {
			return err
		}
		_, err := p.Call("close", unix.SYS_CLOSE, at)
		return err
	}
	aside, err := p.Call("fcntl", unix.SYS_FCNTL, at, unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		return err
	}
	if err := fill(); err != nil {
		return err
	}
	if err := moveTo(p, aside, there); err != nil {
		return err
	}
	_, err = p.Call("close", unix.SYS_CLOSE, aside)
	return err
}

// watch adds a watch, and has it tell something if that is what it did.
func (m *Maker) watch(n *numbers, i int, w world.Watch) error {
	set := n.of[i]
	events, rousable := w.Events, silent(w) && !m.made[w.Open].follows
	if rousable {
		events |= epollAny
	}
	// struct epoll_event, which is packed
	event := binary.LittleEndian.AppendUint32(nil, events)
	event = binary.LittleEndian.AppendUint64(event, uint64(w.Data))
	const add = 3 // which argument
	if _, err := callWith(n.by, fmt.Sprintf("epoll_ctl for fd %d", w.FD), unix.SYS_EPOLL_CTL, add, event,
		uint64(set), unix.EPOLL_CTL_ADD, uint64(w.FD), 0); err != nil {
		return err
	}
	if !rousable {
		return nil // or it is not ours to be made ready
	}
	told, err := tells(n.by, set, 0)
	if told || err != nil {
		return err
	}
	calm, err := m.rouse(n, w)
	if err == nil {
		const soon = 1000 // milliseconds
		told, err = tells(n.by, set, soon)
		err = errors.Join(err, calm())
	}
	if err == nil && told {
		return nil
	}
	why := "" // a full socket has room for others than root only up to net.core.wmem_max
	if err != nil {
		why = fmt.Sprintf(" (%v)", err)
	}
	return kernel.Refuse(m.name(w.Open), "resume it as root", "it was watched for something that has happened, which it does not do here%s", why)
}

// rouse makes what is watched ready for something, for a moment. calm makes it what
// it was.
func (m *Maker) rouse(n *numbers, w world.Watch) (calm func() error, err error) {
	rouse := m.kindOf(w.Open).rouse
	if rouse == nil {
		return nil, errors.ErrUnsupported
	}
	return rouse(m, watched{&m.world.Open[w.Open], m.made[w.Open].fd, n.by, uint64(w.FD)})
}

// tells waits for a set to tell something.
func tells(p Process, set int, milliseconds uint64) (bool, error) {
	const buffer, room = 1, 12 // struct epoll_event
	n, err := callWith(p, "epoll_wait", unix.SYS_EPOLL_WAIT, buffer, make([]byte, room), uint64(set), 0, 1, milliseconds)
	return n == 1, err
}

// checkWatches sees that every set has what it had: the kernel drops what takes
// more privilege (EPOLLWAKEUP) without a word.
func (m *Maker) checkWatches(sets map[int]*numbers) error {
	dirs := map[Process]*proc.FDs{}
	defer func() {
		for _, d := range dirs {
			d.Close()
		}
	}()
	for i := range m.world.Open {
		n := sets[i]
		if n == nil {
			continue
		}
		if dirs[n.by] == nil {
			d, err := proc.OpenFDs(n.by.PID())
			if err != nil {
				return err
			}
			dirs[n.by] = d
		}
		if err := m.setBusyPoll(i); err != nil {
			return err
		}
		info, err := dirs[n.by].Info(n.of[i])
		if err != nil {
			return m.about(i, err)
		}
		if err := m.compareWatches(i, info.Watches); err != nil {
			return err
		}
	}
	return nil
}

func (m *Maker) compareWatches(i int, now []proc.EpollWatch) error {
	type key struct {
		fd     int
		events uint32
		data   uint64
	}
	have := map[key]int{}
	for _, w := range now {
		have[key{w.FD, w.Events, w.Data}]++
	}
	for _, w := range m.world.Open[i].Epoll.Watches {
		k := key{w.FD, w.Events, uint64(w.Data)}
		if have[k]--; have[k] >= 0 {
			continue
		}
		if !m.options.Force {
			return kernel.Refuse(m.name(i), "resume it as root; --force goes on without", "its watch of fd %d for events %#x cannot be had", w.FD, w.Events)
		}
		m.options.Warn(fmt.Sprintf("%s: its watch of fd %d for events %#x cannot be had", m.name(i), w.FD, w.Events))
	}
	return nil
}
