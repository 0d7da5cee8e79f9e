// What each epoll set watches. The kernel shows the number by which a file was
// added, which may be another file's by now.

package capture

import (
	"errors"
	"fmt"

	"snappipe/kernel"
	"snappipe/kernel/process/proc"
	"snappipe/kernel/process/ptrace"
	"snappipe/kernel/process/sys"
	"snappipe/kernel/process/world"

	"golang.org/x/sys/unix"
)

// epoll describes a set; what it watches is found when all is known.
func (t *fileTable) epoll(o *openFile, d *world.OpenFile) error {
	d.Kind, d.Epoll = world.KindEpoll, &world.Epoll{}
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

func (t *fileTable) watches() error {
	if t.dry {
		return nil // the program runs, and its sets change
	}
	for i, all := range t.epolls {
		sure, err := t.c.twin.watched(t.first[i], t.candidates(all))
		if err != nil {
			return err
		}
		seen := map[int]uint32{}
		for _, w := range all {
			open := t.opened[w.FD]
			if !sure[w.FD] {
				if open, err = t.compared(t.first[i], w, seen[w.FD]); err != nil {
					return err
				}
			}
			seen[w.FD]++
			t.open[i].Epoll.Watches = append(t.open[i].Epoll.Watches, world.Watch{FD: w.FD, Open: open, Events: w.Events, Data: world.Hex(w.Data)})
		}
	}
	return nil
}

// candidates are the descriptors by which one file was added that seems to be
// theirs still.
func (t *fileTable) candidates(all []proc.EpollWatch) (fds []int) {
	times := make(map[int]int, len(all))
	for _, w := range all {
		times[w.FD]++
	}
	for _, w := range all {
		if _, ok := t.opened[w.FD]; ok && times[w.FD] == 1 && (w.Ino == 0 || w.Ino == t.inode[w.FD]) {
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
func (w *Twin) watched(epoll int, fds []int) (map[int]bool, error) {
	sure := make(map[int]bool, len(fds))
	set := uint64(epoll)
	for atOnce := w.batch.Fits(1, 0) - 1; len(fds) > 0; {
		some := fds[:min(len(fds), atOnce)]
		fds = fds[len(some):]
		// The arguments of the first call are the event of the others: none.
		calls := []ptrace.Call{{Nr: unix.SYS_GETPID}}
		for _, fd := range some {
			calls = append(calls, ptrace.Call{Nr: unix.SYS_EPOLL_CTL, Args: [6]uint64{set, unix.EPOLL_CTL_ADD, uint64(fd), w.batch.At + 8}})
		}
		answer, err := w.call.Run(&w.batch, calls, 0)
		if err != nil {
			return nil, fmt.Errorf("having the twin look at fd %d, an epoll set: %w", epoll, err)
		}
		for i, fd := range some {
			_, err := answer.Returned(i + 1)
			if sure[fd] = errors.Is(err, unix.EEXIST); err != nil {
				continue
			}
			if _, err := w.call.Call(unix.SYS_EPOLL_CTL, set, unix.EPOLL_CTL_DEL, uint64(fd), 0); err != nil {
				return nil, fmt.Errorf("taking fd %d out of fd %d, an epoll set: %w", fd, epoll, err)
			}
		}
	}
	return sure, nil
}

// compared looks for the file of a watch, the nth of those that were added by
// that descriptor, among all that are open.
func (t *fileTable) compared(epoll int, w proc.EpollWatch, nth uint32) (open int, err error) {
	for i, fd := range t.first {
		if w.Ino != 0 && t.inode[fd] != 0 && w.Ino != t.inode[fd] {
			continue
		}
		same, err := sys.KcmpEpollTarget(t.c.pid, fd, epoll, w.FD, nth)
		if err != nil {
			return 0, fmt.Errorf("comparing fd %d to what fd %d, an epoll set, watches: %w", fd, epoll, err)
		}
		if same {
			return i, nil
		}
	}
	return 0, kernel.Refuse(fmt.Sprintf("fd %d, an epoll set", epoll), "",
		"it watches a file that was added as fd %d, which the program has closed since while another process has it open", w.FD)
}
