// This file fills epoll(7) sets. A watch is known by the file and the number
// under which it was added, so they are added in the stub, by the numbers that
// files have there.
//
// One that was to tell something once (EPOLLONESHOT), and did, is silent even
// about EPOLLHUP until it is changed. Only having told makes a watch so. These
// come first, while the sets hold nothing else that could be told.

package restore

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

	"golang.org/x/sys/unix"

	"snappipe/kernel"
	"snappipe/kernel/process/proc"
	"snappipe/kernel/process/sys"
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

// numbers are those of descriptors in the stub.
type numbers struct {
	openAt map[int]world.FD // what is at a number
	of     map[int]int      // a number of each of world.Open that has one
}

func (p *process) numbers() *numbers {
	n := &numbers{map[int]world.FD{}, map[int]int{}}
	for _, f := range p.table.FDs {
		n.openAt[f.FD] = f
		if _, ok := n.of[f.Open]; !ok {
			n.of[f.Open] = f.FD
		}
	}
	return n
}

func (p *process) restoreEpolls() error {
	n := p.numbers()
	if err := p.addWatches(n, silent); err != nil {
		return err
	}
	// What would have disturbed them until here.
	for i := range p.img.Open {
		if err := p.begin(i); err != nil {
			return fmt.Errorf("%s: %w", p.name(&p.img.Open[i]), err)
		}
	}
	if err := p.addWatches(n, func(w world.Watch) bool { return !silent(w) }); err != nil {
		return err
	}
	if err := p.checkWatches(n); err != nil {
		return err
	}
	// Closing a descriptor, as was done here, would end them (fcntl_locking(2)).
	return p.lockAsProcess()
}

// begin starts what waited for silent watches.
func (p *process) begin(i int) error {
	o := &p.img.Open[i]
	switch {
	case p.files[i].lent:
	case o.Kind == world.KindInotify:
		return drain(p.files[i].fd)
	case o.Kind == world.KindSocket && o.Socket.Family != unix.AF_UNIX && o.Socket.Listening:
		if err := unix.Listen(p.files[i].fd, o.Socket.Backlog); err != nil {
			return taken(o.Socket.Local, err)
		}
	}
	return nil
}

// addWatches adds those that which is true of to all sets.
func (p *process) addWatches(n *numbers, which func(world.Watch) bool) error {
	for i := range p.img.Open {
		o := &p.img.Open[i]
		set, ok := n.of[i]
		if o.Epoll == nil || !ok {
			continue
		}
		for _, w := range o.Epoll.Watches {
			if !which(w) {
				continue
			}
			if _, ok := n.of[w.Open]; !ok {
				return kernel.Refuse(p.name(o), "", "it watches what no descriptor leads to any more")
			}
			err := p.atNumber(n, w, func() error { return p.watch(set, w) })
			if errors.Is(err, unix.EPERM) && p.files[w.Open].follows {
				p.dropWatch(o, w)
				continue
			}
			if err != nil {
				return fmt.Errorf("%s: %w", p.name(o), err)
			}
		}
	}
	return nil
}

// dropWatch is for what is a file or /dev/null here, which has nothing to be
// waited for (epoll_ctl(2)).
func (p *process) dropWatch(o *world.OpenFile, w world.Watch) {
	p.options.Warn(fmt.Sprintf("dropped: the watch of %s by %s, which can't be waited for as what it is here", p.name(&p.img.Open[w.Open]), p.name(o)))
	o.Epoll.Watches = slices.DeleteFunc(slices.Clone(o.Epoll.Watches), func(other world.Watch) bool { return other == w })
}

// atNumber calls f while what is watched is at the number that it was added
// by, which may be free by now, or another file's.
func (p *process) atNumber(n *numbers, w world.Watch, f func() error) error {
	there, used := n.openAt[w.FD]
	if used && there.Open == w.Open {
		return f()
	}
	s, at := p.stub, uint64(w.FD)
	var aside uint64
	var err error
	if used {
		if aside, err = s.call("fcntl", unix.SYS_FCNTL, at, unix.F_DUPFD_CLOEXEC, 0); err != nil {
			return err
		}
	}
	if _, err := s.call("dup3", unix.SYS_DUP3, uint64(n.of[w.Open]), at, unix.O_CLOEXEC); err != nil {
		return err
	}
	if err := f(); err != nil {
		return err
	}
	if !used {
		_, err := s.call("close", unix.SYS_CLOSE, at)
		return err
	}
	flags := uint64(0)
	if there.CloseOnExec {
		flags = unix.O_CLOEXEC
	}
	if _, err := s.call("dup3", unix.SYS_DUP3, aside, at, flags); err != nil {
		return err
	}
	_, err = s.call("close", unix.SYS_CLOSE, aside)
	return err
}

// watch adds a watch, and has it tell something if that is what it did.
func (p *process) watch(set int, w world.Watch) error {
	events, rousable := w.Events, silent(w) && !p.files[w.Open].follows
	if rousable {
		events |= epollAny
	}
	// struct epoll_event, which is packed
	event := binary.LittleEndian.AppendUint32(nil, events)
	event = binary.LittleEndian.AppendUint64(event, uint64(w.Data))
	const add = 3 // which argument
	if _, err := p.stub.callWith(p.stub.Caller, fmt.Sprintf("epoll_ctl for fd %d", w.FD), unix.SYS_EPOLL_CTL, add, event,
		uint64(set), unix.EPOLL_CTL_ADD, uint64(w.FD), 0); err != nil {
		return err
	}
	if !rousable {
		return nil // or it is not ours to be made ready
	}
	told, err := p.stub.tells(set, 0)
	if told || err != nil {
		return err
	}
	calm, err := p.rouse(w)
	if err == nil {
		const soon = 1000 // milliseconds
		told, err = p.stub.tells(set, soon)
		err = errors.Join(err, calm())
	}
	if err == nil && told {
		return nil
	}
	why := "" // a full socket has room for others than root only up to net.core.wmem_max
	if err != nil {
		why = fmt.Sprintf(" (%v)", err)
	}
	return kernel.Refuse(p.name(&p.img.Open[w.Open]), "resume it as root", "it was watched for something that has happened, which it does not do here%s", why)
}

// tells waits for a set to tell something.
func (s *stub) tells(set int, milliseconds uint64) (bool, error) {
	const buffer, room = 1, 12 // struct epoll_event
	n, err := s.callWith(s.Caller, "epoll_wait", unix.SYS_EPOLL_WAIT, buffer, make([]byte, room), uint64(set), 0, 1, milliseconds)
	return n == 1, err
}

// checkWatches sees that every set has what it had: the kernel drops what takes
// more privilege (EPOLLWAKEUP) without a word.
func (p *process) checkWatches(n *numbers) error {
	fds, err := proc.OpenFDs(p.stub.pid)
	if err != nil {
		return err
	}
	defer fds.Close()
	for i := range p.img.Open {
		o := &p.img.Open[i]
		set, ok := n.of[i]
		if o.Epoll == nil || !ok {
			continue
		}
		if err := p.setBusyPoll(i); err != nil {
			return err
		}
		info, err := fds.Info(set)
		if err != nil {
			return fmt.Errorf("%s: %w", p.name(o), err)
		}
		type key struct {
			fd     int
			events uint32
			data   uint64
		}
		have := map[key]int{}
		for _, w := range info.Watches {
			have[key{w.FD, w.Events, w.Data}]++
		}
		for _, w := range o.Epoll.Watches {
			k := key{w.FD, w.Events, uint64(w.Data)}
			if have[k]--; have[k] >= 0 {
				continue
			}
			if !p.options.Force {
				return kernel.Refuse(p.name(o), "resume it as root; --force goes on without", "its watch of fd %d for events %#x cannot be had", w.FD, w.Events)
			}
			p.options.Warn(fmt.Sprintf("%s: its watch of fd %d for events %#x cannot be had", p.name(o), w.FD, w.Events))
		}
	}
	return nil
}

// setBusyPoll sets the parameters of a set.
func (p *process) setBusyPoll(i int) error {
	o := &p.img.Open[i]
	want := sys.EpollParams{Usecs: o.Epoll.BusyPollUsecs, Budget: o.Epoll.BusyPollBudget, Prefer: o.Epoll.BusyPollPrefer}
	if want == (sys.EpollParams{}) {
		return nil
	}
	err := sys.SetEpollParams(p.files[i].fd, want)
	if err != nil && !p.options.Force {
		return kernel.Refuse(p.name(o), "resume it as root; --force goes on without", "its parameters for busy polling cannot be set: %v", err)
	}
	if err != nil {
		p.options.Warn(fmt.Sprintf("%s: its parameters for busy polling cannot be set: %v", p.name(o), err))
	}
	return nil
}
