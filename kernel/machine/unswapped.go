// Making room by paging out, and an image while nothing is paged out.
//
// Where there is swap, that is done before (pageout.go). Else it is the kernel that
// makes room, before it makes an image that would be too large, and that pages out
// where it cannot be had to do so before (hibernate_preallocate_memory in
// kernel/power/snapshot.c). Afterwards nobody can tell whether a page was swapped out
// before the image was made, or right after, perhaps to where the image has another.
// So an image counts only if nothing was swapped out from before until after. Where it
// was, the next one is made from what is left, which the kernel is told not to shrink
// further: it would, since it takes pages for used that each CPU has in stock.

package machine

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"snappipe/kernel"
)

// attempts is after how many images it is given up.
const attempts = 8

// takeUnswapped takes an image. swap has no areas where there are none to hold.
func (m *Machine) takeUnswapped(facts kernel.Facts, swap *swapHold) (*image, error) {
	info, err := readMeminfo()
	if err != nil {
		return nil, err
	}
	first, err := swap.use()
	if err != nil {
		return nil, err
	}
	for attempt := range attempts {
		size, all, err := m.makeRoom(info, swap, attempt)
		if err != nil {
			return nil, err
		}
		swap.mayBeMarked(true)
		img, err := m.takeLimited(facts, size)
		if errors.Is(err, kernel.ErrResumed) {
			return nil, err
		}
		swap.mayBeMarked(false)
		now, useErr := swap.use()
		if useErr != nil {
			return nil, errors.Join(err, useErr, img.discard())
		}
		quiet := now == swap.used
		swap.used = now
		switch {
		case err == nil && (quiet || len(swap.areas) == 0):
			m.reportPaging(now.out - first.out)
			return img, nil
		case err != nil && (quiet && all || !isNoRoom(err)):
			return nil, err
		}
		if err := img.discard(); err != nil {
			return nil, err
		}
	}
	return nil, kernel.Refuse(noRoomObject, "end programs that need much memory",
		"pages are swapped out again and again, %d so far, so that no image can be made in between", swap.used.out-first.out)
}

// makeRoom pages out what has to be, and more of it with each attempt that failed. It
// returns how large an image the kernel is to make, before which it pages out itself,
// and whether that is all the room that can be made.
func (m *Machine) makeRoom(info meminfo, swap *swapHold, attempt int) (size int64, all bool, err error) {
	size, goal := info.total, m.most(info)
	if len(swap.areas) > 0 {
		all, err = swap.pageOut(goal - int64(attempt)*portion)
	}
	if len(swap.areas) == 0 || errors.Is(err, fs.ErrNotExist) {
		if all = attempt%2 == 0; all {
			size = goal
		}
		err = swap.pageOutByKernel(goal)
	}
	if err == nil {
		swap.used, err = swap.settle()
	}
	return size, all, err
}

// takeLimited takes an image that is no larger than that, if the kernel can.
func (m *Machine) takeLimited(facts kernel.Facts, size int64) (*image, error) {
	restore, err := limitImage(size)
	if err != nil {
		return nil, err
	}
	img, err := m.take(facts)
	if err = errors.Join(err, restore()); err != nil {
		return nil, errors.Join(err, img.discard())
	}
	return img, nil
}

func (m *Machine) reportPaging(pages int64) {
	if pages > 0 {
		m.opts.Report(fmt.Sprintf("%d MiB were swapped out to make room", pages*int64(os.Getpagesize())>>20))
	}
}

// discard gives up an image, if there is one.
func (i *image) discard() error {
	if i == nil {
		return nil
	}
	return i.Close()
}

// noRoomObject is what stands in the way where there is too little memory.
const noRoomObject = "memory"

// isNoRoom tells a refusal that paging out may help against.
func isNoRoom(err error) bool {
	var r *kernel.Refusal
	return errors.As(err, &r) && r.Object == noRoomObject
}
