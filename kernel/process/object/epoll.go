// epoll(7): what each set watches. The kernel shows the number by which a file was
// added, which may be another file's by now. How they are filled again is in watches.go.

package object

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"

	"snappipe/kernel"
	"snappipe/kernel/process/proc"
	"snappipe/kernel/process/ptrace"
	"snappipe/kernel/process/sys"
	"snappipe/kernel/process/world"
)

// In the image: `Epoll`: `Watches`, an array of `FD` by which it was added, `Open` (index of
// `Open`: what it is), `Events`, `Data` (hex); and `BusyPollUsecs` `BusyPollBudget`
// `BusyPollPrefer` of ioctl_eventpoll(2). `Events` that are none but EPOLLONESHOT, EPOLLET and
// EPOLLWAKEUP are of a watch that has told what it was to tell once, and is silent. What
// EPOLLET has told before may be told again.
var epolls = &kind{
	name: world.KindEpoll, check: checkEpoll, plan: inward, shared: "an epoll set",
	shown: "eventpoll", take: (*Taker).epoll, relate: (*Taker).watches,
	make: (*Maker).makeEpoll, rouse: (*Maker).rouseEpoll,
}

func checkEpoll(w *world.World, o *world.OpenFile) error {
	if o.Epoll == nil {
		return errLacks
	}
	for _, watch := range o.Epoll.Watches {
		if watch.Open < 0 || watch.Open >= len(w.Open) || watch.FD < 0 {
			return fmt.Errorf("watches open file %d by fd %d, which is not there", watch.Open, watch.FD)
		}
	}
	return nil
}

// epoll describes a set; what it watches is found when all is known.
func (t *Taker) epoll(o *Found, d *world.OpenFile) error {
	t.epolls[len(t.w.Open)], d.Epoll = o.info.Watches, &world.Epoll{}
	fd, err := t.borrow(o)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	if p, err := sys.GetEpollParams(fd); err == nil {
		d.Epoll.BusyPollUsecs, d.Epoll.BusyPollBudget, d.Epoll.BusyPollPrefer = p.Usecs, p.Budget, p.Prefer
	}
	return nil
}

func (t *Taker) watches() error {
	if t.o.Dry {
		return nil // the program runs, and its sets change
	}
	for i, all := range t.epolls {
		set := t.first[i]
		sure, err := set.watched(set.task.candidates(all))
		if err != nil {
			return err
		}
		seen := map[int]uint32{}
		for _, w := range all {
			open := set.task.index[w.FD]
			if !sure[w.FD] {
				if open, err = t.compared(set, w, seen[w.FD]); err != nil {
					return err
				}
			}
			if t.first[open].task.inFlight {
				return kernel.Refuse(set.object("an epoll set"), "try again", "it watches fd %d, which was closed, sent, and is not received yet", w.FD)
			}
			seen[w.FD]++
			t.w.Open[i].Epoll.Watches = append(t.w.Open[i].Epoll.Watches, world.Watch{FD: w.FD, Open: open, Events: w.Events, Data: world.Hex(w.Data)})
		}
	}
	return nil
}

// candidates are the descriptors by which one file was added that seems to be
// theirs still.
func (k *Task) candidates(all []proc.EpollWatch) (fds []int) {
	times := make(map[int]int, len(all))
	for _, w := range all {
		times[w.FD]++
	}
	for _, w := range all {
		if _, ok := k.index[w.FD]; ok && times[w.FD] == 1 && (w.Ino == 0 || w.Ino == k.inode[w.FD]) {
			fds = append(fds, w.FD)
		}
	}
	return fds
}

// watched finds out by which of some descriptors their present files were added
// to an epoll set: those can't be added again. To compare them by kcmp(2) would
// have the kernel search the set from its start for each (fs/eventpoll.c:
// ep_find_tfd). One that was added here, since another file had been by its
// number, is taken out at once; nobody waits for it, as the program is stopped.
func (r ref) watched(fds []int) (map[int]bool, error) {
	sure := make(map[int]bool, len(fds))
	set, w := uint64(r.fd), r.task.Twin
	for len(fds) > 0 {
		atOnce := w.Fits(1, 0) - 1
		some := fds[:min(len(fds), atOnce)]
		fds = fds[len(some):]
		// The arguments of the first call are the event of the others: none.
		calls := []ptrace.Call{{Nr: unix.SYS_GETPID}}
		for _, fd := range some {
			calls = append(calls, ptrace.Call{Nr: unix.SYS_EPOLL_CTL, Args: [6]uint64{set, unix.EPOLL_CTL_ADD, uint64(fd), w.Arguments() + 8}})
		}
		answer, err := w.Run(calls, 0)
		if err != nil {
			return nil, fmt.Errorf("having the twin look at fd %d, an epoll set: %w", r.fd, err)
		}
		for i, fd := range some {
			_, err := answer.Returned(i + 1)
			if sure[fd] = errors.Is(err, unix.EEXIST); err != nil {
				continue
			}
			if _, err := w.Call(unix.SYS_EPOLL_CTL, set, unix.EPOLL_CTL_DEL, uint64(fd), 0); err != nil {
				return nil, fmt.Errorf("taking fd %d out of fd %d, an epoll set: %w", fd, r.fd, err)
			}
		}
	}
	return sure, nil
}

// compared looks for the file of a watch, the nth of those that were added by
// that descriptor, among all that are open.
func (t *Taker) compared(set ref, w proc.EpollWatch, nth uint32) (open int, err error) {
	for i, r := range t.first {
		if ino := r.task.inode[r.fd]; w.Ino != 0 && ino != 0 && w.Ino != ino {
			continue
		}
		same, err := sys.KcmpEpollTarget(r.task.PID, r.fd, set.task.PID, set.fd, w.FD, nth)
		if err != nil {
			return 0, fmt.Errorf("comparing fd %d to what fd %d, an epoll set, watches: %w", r.fd, set.fd, err)
		}
		if same {
			return i, nil
		}
	}
	return 0, kernel.Refuse(set.object("an epoll set"), "",
		"it watches a file that was added as fd %d, which the program has closed since while another process has it open", w.FD)
}

func (m *Maker) makeEpoll(int) (int, error) { return unix.EpollCreate1(unix.EPOLL_CLOEXEC) }

// rouseEpoll adds something that is ready to an epoll set.
func (*Maker) rouseEpoll(w watched) (calm func() error, err error) {
	ready, err := unix.Eventfd(1, unix.EFD_CLOEXEC)
	if err != nil {
		return nil, err
	}
	return func() error {
		return errors.Join(unix.EpollCtl(w.here, unix.EPOLL_CTL_DEL, ready, nil), unix.Close(ready))
	}, unix.EpollCtl(w.here, unix.EPOLL_CTL_ADD, ready, &unix.EpollEvent{Events: unix.EPOLLIN})
}

// setBusyPoll sets the parameters of a set.
func (m *Maker) setBusyPoll(i int) error {
	o := &m.world.Open[i]
	want := sys.EpollParams{Usecs: o.Epoll.BusyPollUsecs, Budget: o.Epoll.BusyPollBudget, Prefer: o.Epoll.BusyPollPrefer}
	if want == (sys.EpollParams{}) {
		return nil
	}
	err := sys.SetEpollParams(m.made[i].fd, want)
	if err != nil && !m.options.Force {
		return kernel.Refuse(m.name(i), "resume it as root; --force goes on without", "its parameters for busy polling cannot be set: %v", err)
	}
	if err != nil {
		m.options.Warn(fmt.Sprintf("%s: its parameters for busy polling cannot be set: %v", m.name(i), err))
	}
	return nil
}
