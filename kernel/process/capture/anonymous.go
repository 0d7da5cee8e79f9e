// Open files that have no name: what eventfd(2), timerfd_create(2),
// signalfd(2), epoll(7) and inotify(7) made.

package capture

import (
	"fmt"
	"strings"
	"unsafe"

	"snappipe/kernel"
	"snappipe/kernel/process/image"
	"snappipe/kernel/process/proc"

	"golang.org/x/sys/unix"
)

// anonymous describes what /proc shows as "anon_inode:[eventfd]" or alike.
func (t *fileTable) anonymous(o *openFile, d *image.OpenFile) error {
	name := strings.TrimPrefix(o.link, "anon_inode:")
	switch name = strings.Trim(name, "[]"); name {
	case "eventfd":
		d.Kind = image.KindEventFD
		d.EventFD = &image.EventFD{Count: o.info.EventCount, Semaphore: o.info.EventSemaphore}
		if !o.info.EventComplete && !t.dry {
			t.c.o.Warn(o.object("an eventfd") + " is kept as one without EFD_SEMAPHORE: this kernel does not show whether it has that")
		}
	case "timerfd":
		d.Kind = image.KindTimerFD
		d.TimerFD = &image.TimerFD{
			Clock: o.info.TimerClock, Ticks: o.info.TimerTicks, SettimeFlags: o.info.TimerFlags,
			Interval: o.info.TimerInterval, Value: o.info.TimerValue,
		}
		return setExpires(d.TimerFD)
	case "signalfd":
		d.Kind = image.KindSignalFD
		d.SignalFD = &image.SignalFD{Mask: image.Hex(o.info.SigMask)}
	case "eventpoll":
		d.Kind = image.KindEpoll
		t.epolls[len(t.open)] = o.info.Watches
	case "inotify":
		return t.inotify(o, d)
	default:
		return t.lose(o, d, o.link, "an open file of this kind can't be put back")
	}
	return nil
}

// relate completes what depends on several descriptors.
func (t *fileTable) relate() error {
	t.inherit()
	for _, step := range []func() error{t.pipes, t.peers, t.watches} {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

// inherit finds what is on the same terminal, pipe or socket as descriptors 0
// to 2.
func (t *fileTable) inherit() {
	for i := range t.open {
		for j := range t.open {
			if std := t.open[j].Inherit; std != image.NoIndex && t.first[j] == std && t.open[i].Inherit == image.NoIndex && t.same(i, j) {
				t.open[i].Inherit = std
			}
		}
	}
}

// same reports whether two descriptions are of one terminal, or one end of one
// pipe.
func (t *fileTable) same(i, j int) bool {
	a, b := &t.open[i], &t.open[j]
	switch {
	case a.Kind != b.Kind:
		return false
	case a.Kind == image.KindTerminal:
		return t.files[a.File].Rdev == t.files[b.File].Rdev || a.Terminal.Controlling && b.Terminal.Controlling
	case a.Kind == image.KindPipe:
		return a.Pipe.Ino == b.Pipe.Ino && a.Flags&unix.O_ACCMODE == b.Flags&unix.O_ACCMODE
	}
	return false
}

// watches finds what each epoll set watches. The number by which a file was
// added may be another file's by now: the kernel compares them for us.
func (t *fileTable) watches() error {
	for i, all := range t.epolls {
		seen := map[int]uint32{}
		for _, w := range all {
			open, err := t.watched1(t.first[i], w, seen[w.FD])
			seen[w.FD]++
			if err != nil {
				return err
			}
			t.open[i].Epoll = append(t.open[i].Epoll, image.Watch{FD: w.FD, Open: open, Events: w.Events, Data: image.Hex(w.Data)})
		}
	}
	return nil
}

func (t *fileTable) watched1(epoll int, w proc.EpollWatch, nth uint32) (open int, err error) {
	// struct kcmp_epoll_slot of kcmp(2)
	slot := struct{ efd, tfd, toff uint32 }{uint32(epoll), uint32(w.FD), nth}
	same := func(fd int) bool {
		const kcmpEpollTFD = 7
		r, err := t.c.kcmp(kcmpEpollTFD, uintptr(fd), uintptr(unsafe.Pointer(&slot)))
		return err == nil && r == 0
	}
	for _, f := range t.fds { // most often it is the one of that number
		if f.FD == w.FD && same(f.FD) {
			return f.Open, nil
		}
	}
	for _, f := range t.fds {
		if same(f.FD) {
			return f.Open, nil
		}
	}
	if t.dry {
		return 0, nil // the program runs, and may be about to close it
	}
	return 0, kernel.Refuse(fmt.Sprintf("fd %d, an epoll set", epoll), "",
		"it watches a file that was added as fd %d, which the program has closed since while another process has it open", w.FD)
}

// fileOwner reads F_GETOWN_EX and F_GETSIG.
func fileOwner(fd int) (image.Owner, error) {
	const getOwnEx, getSig = 16, 11
	owner := struct{ kind, pid int32 }{}
	if _, _, e := unix.Syscall(unix.SYS_FCNTL, uintptr(fd), getOwnEx, uintptr(unsafe.Pointer(&owner))); e != 0 {
		return image.Owner{}, fmt.Errorf("reading the owner of a file: %w", e)
	}
	sig, err := unix.FcntlInt(uintptr(fd), getSig, 0)
	return image.Owner{Type: int(owner.kind), PID: int(owner.pid), Signal: sig}, err
}

func (t *fileTable) addBlob(b []byte) int {
	t.blobs = append(t.blobs, b)
	return len(t.blobs) - 1
}
