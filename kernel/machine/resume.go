// The way back: what has to hold of an image, of this machine and of its disks
// before anything of the image is taken, and which way it takes.

package machine

import (
	"context"
	"fmt"
	"os"

	"golang.org/x/sys/unix"

	"snappipe/kernel"
)

// ResumeSnapshot checks that the image is one of this machine, that its disks
// are as they were, and that there is room for it.
func (m *Machine) ResumeSnapshot(ctx context.Context, facts kernel.Facts, size int64) (kernel.Resumption, error) {
	if err := m.admit(facts); err != nil {
		return nil, err
	}
	r, err := m.load(size)
	if err != nil {
		return nil, err
	}
	m.would(size)
	return r, nil
}

// admit makes all checks but that of the size.
func (m *Machine) admit(facts kernel.Facts) error {
	if err := available(); err != nil {
		return err
	}
	here, err := identity()
	if err != nil {
		return err
	}
	if err := matches(facts, here, m.opts.Force); err != nil {
		return err
	}
	if err := m.nothingToLose(); err != nil {
		return err
	}
	if m.following, err = followersOf(facts); err != nil {
		return err
	}
	if err := unchangedDisks(facts, m.following); err != nil {
		return err
	}
	return unchangedSwaps(facts)
}

func (m *Machine) would(size int64) {
	if m.opts.Check {
		m.opts.Report(fmt.Sprintf("would go on with a machine of %d MiB instead of this one", size>>20))
	}
}

// load begins to take an image that comes in pieces. For resume_snapshot it
// has to lie in memory of this process, and the kernel makes a copy of it to
// where the image has nothing. The device takes each page as it comes: it is
// the way for an image that is larger than half of what is free.
func (m *Machine) load(size int64) (kernel.Resumption, error) {
	if m.byCalls() {
		err := fits(size, 2)
		if err == nil {
			return m.newMapped(size)
		}
		if unix.Access(device, unix.F_OK) != nil {
			return nil, err
		}
	}
	if err := fits(size, 1); err != nil {
		return nil, err
	}
	return m.openDevice(size)
}

// nothingToLose refuses to let go of a system that has something to write.
func (m *Machine) nothingToLose() error {
	if m.opts.Force {
		return nil
	}
	disks, err := mountedDisks()
	if err != nil {
		return err
	}
	for _, d := range disks {
		if d.writable {
			return kernel.Refuse(d.String(), "unmount it, remount it read-only, or use --force",
				"mounted for writing in this system, which a resume ends like a loss of power")
		}
	}
	return nil
}

// fits checks the size, which the kernel does not do to the byte (an image
// whose last page is cut short would be restored as it is), and whether there
// is room for the image so many times.
func fits(size, times int64) error {
	page := int64(os.Getpagesize())
	if size < 2*page || size%page != 0 {
		return kernel.Refuse("the image", "", "its size of %d bytes is not that of an image of a machine", size)
	}
	// Pages are taken where the image does not have its own, for which the kernel
	// would drop nothing by itself. Where that fails, memory is just scarcer.
	dropCaches()
	m, err := readMeminfo()
	if err != nil {
		return err
	}
	if size > m.available/times {
		return kernel.Refuse(noRoomObject, "end programs that need much memory, or resume right after the machine was started",
			"the image has %d MiB, for which %d MiB are needed, and only %d MiB are free", size>>20, times*size>>20, m.available>>20)
	}
	return nil
}

// within refuses what does not lie from start to end.
func within(p []byte, off, start, end int64) error {
	if off < start || off > end-int64(len(p)) {
		return fmt.Errorf("write %d bytes to the image at %d: %w", len(p), off, os.ErrInvalid)
	}
	return nil
}
