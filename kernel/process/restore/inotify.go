package restore

// This file makes inotify(7) sets with the watches they had, under the same
// watch descriptors.

import (
	"errors"
	"fmt"
	"slices"

	"golang.org/x/sys/unix"

	"snappipe/kernel/process/image"
)

// maxWatches bounds how many watches are made until one has its descriptor:
// they come in order, from 1 in a new set (fs/notify/inotify/inotify_user.c).
const maxWatches = 1 << 20

func (p *process) openInotify(o *image.OpenFile) (int, error) {
	fd, err := unix.InotifyInit1(unix.IN_CLOEXEC)
	if err != nil {
		return -1, fmt.Errorf("inotify_init: %w", err)
	}
	watches := slices.SortedFunc(slices.Values(o.Inotify), func(a, b image.Inotify) int { return a.WD - b.WD })
	for _, w := range watches {
		if err := watch(fd, w); err != nil {
			unix.Close(fd)
			return -1, gone(fmt.Sprintf("%s, which watches %s", p.name(o), w.Path), err)
		}
	}
	return fd, nil // see begin
}

// watch adds a watch as often as it takes to come to its descriptor.
func watch(fd int, w image.Inotify) error {
	if w.WD > maxWatches {
		return fmt.Errorf("watch descriptor %d is out of reach", w.WD)
	}
	for {
		wd, err := unix.InotifyAddWatch(fd, string(w.Path), w.Mask)
		if err != nil || wd == w.WD {
			return err
		}
		if wd > w.WD {
			return fmt.Errorf("it got watch descriptor %d in place of %d", wd, w.WD)
		}
		if _, err := unix.InotifyRmWatch(fd, uint32(wd)); err != nil {
			return err
		}
		if err := drain(fd); err != nil {
			return err
		}
	}
}

// drain reads the events that adding and removing watches made.
func drain(fd int) error {
	var b [64 << 10]byte
	for {
		waiting, err := unix.IoctlGetInt(fd, unix.TIOCINQ)
		if err == nil && waiting > 0 { // or else a blocking one would wait
			_, err = unix.Read(fd, b[:])
		}
		switch {
		case err == nil && waiting == 0:
			return nil
		case err != nil && !errors.Is(err, unix.EINTR):
			return fmt.Errorf("reading inotify events: %w", err)
		}
	}
}
