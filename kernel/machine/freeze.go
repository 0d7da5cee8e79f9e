// Keeping file systems from being written to.
//
// They are frozen, which finishes what is under way and keeps the next writer
// waiting (freeze_super in fs/super.c). Those that cannot be frozen, such as the
// FAT of an EFI system partition, are made read-only: who writes then fails, and
// who has a file open for writing keeps it from being done.

package machine

import (
	"errors"
	"fmt"
	"os"
	"slices"

	"golang.org/x/sys/unix"

	"snappipe/kernel"
)

// include/uapi/linux/fs.h
const (
	fiFreeze = 0xc0045877
	fiThaw   = 0xc0045878
)

// mount is a file system that is to be frozen.
type mount struct {
	disk
	root     *os.File
	context  *os.File // to reconfigure it: fspick(2)
	frozen   bool
	readOnly bool
	guarded  *bool // the same, as the guardian knows it
}

// mounts are file systems in the order in which they were mounted.
type mounts []*mount

// openMounts opens those of disks that are mounted for writing.
func openMounts(disks []disk) (mounts, error) {
	var all mounts
	for _, d := range disks {
		if !d.writable {
			continue
		}
		root, err := os.Open(d.at)
		if err != nil {
			return nil, errors.Join(kernel.Refuse(d.String(), "unmount it", "it cannot be reached: %v", err), all.thaw())
		}
		m := &mount{disk: d, root: root}
		all = append(all, m)
		fd, err := unix.Fspick(int(root.Fd()), "", unix.FSPICK_EMPTY_PATH|unix.FSPICK_CLOEXEC)
		if err != nil {
			return nil, errors.Join(fmt.Errorf("%v: pick it: %w", d, err), all.thaw())
		}
		m.context = os.NewFile(uintptr(fd), d.at)
	}
	return all, nil
}

// freeze freezes them, the last mounted first, since that may lie on another.
// What was written to it is on the disk then.
func (all mounts) freeze() error {
	for _, m := range slices.Backward(all) {
		err := unix.IoctlSetInt(int(m.root.Fd()), fiFreeze, 0)
		m.frozen = err == nil
		if errors.Is(err, unix.EOPNOTSUPP) {
			err = m.protect()
		}
		if err != nil {
			return kernel.Refuse(m.disk.String(), "unmount it", "it cannot be frozen: %v", err)
		}
	}
	return nil
}

// protect makes a file system read-only, and leaves all of it on its disk.
func (m *mount) protect() error {
	*m.guarded = true // should it be killed right after
	if err := m.reconfigure("ro"); err != nil {
		*m.guarded = false
		return fmt.Errorf("nor made read-only: %w", err)
	}
	m.readOnly = true
	device, err := os.Open(m.source)
	if err != nil {
		return err
	}
	return errors.Join(device.Sync(), device.Close())
}

func (m *mount) reconfigure(flag string) error {
	fd := int(m.context.Fd())
	if err := unix.FsconfigSetFlag(fd, flag); err != nil {
		return err
	}
	return unix.FsconfigReconfigure(fd)
}

// thaw lets them be written to again, and forgets them.
func (all mounts) thaw() error {
	var errs []error
	for _, m := range all {
		if m.frozen {
			if err := unix.IoctlSetInt(int(m.root.Fd()), fiThaw, 0); err != nil {
				errs = append(errs, fmt.Errorf("thaw %v: %w", m.disk, err))
			}
		}
		if m.readOnly {
			if err := m.reconfigure("rw"); err != nil {
				errs = append(errs, fmt.Errorf("let %v be written to again: %w", m.disk, err))
			}
		}
		m.root.Close()
		if m.context != nil {
			m.context.Close()
		}
	}
	return errors.Join(errs...)
}
