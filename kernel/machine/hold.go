// Holding the disks still until the image is stored.
//
// From before the snapshot until the machine is off, nothing may be written
// to a file system that is in the image. So they stay frozen while the
// pipeline works, and only what comes after it decides: power off, or thaw
// and give up the image.

package machine

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"time"

	"golang.org/x/sys/unix"
)

// hold is what stands still. All of it is in the image too, so that it can
// be released in the resumed system.
type hold struct {
	watched []int // the pipeline's processes, as far as others wait for them
	waiting []int // those others
	mounts  mounts
	guard   *guardian
	stopped stopped
	then    string
}

// newHold stops all others and freezes the file systems.
func newHold(disks []disk, then string) (*hold, error) {
	if err := noSwap(); err != nil {
		return nil, err
	}
	h := &hold{then: then}
	chain, err := pipeline(os.Getpid())
	if err != nil {
		return nil, err
	}
	if err := writesElsewhere(chain, disks); err != nil {
		return nil, err
	}
	h.watched, h.waiting = heads(chain)
	if h.mounts, err = openMounts(disks); err != nil {
		return nil, err
	}
	if h.guard, err = newGuardian(h.mounts.roots()); err != nil {
		return nil, errors.Join(err, h.mounts.thaw())
	}
	if h.stopped, err = stopAll(append(chain, h.guard.pid), h.guard); err == nil {
		err = h.mounts.freeze()
	}
	if err != nil {
		return nil, errors.Join(err, h.release())
	}
	return h, nil
}

// taken lets everyone go on but those that wait for the pipeline: as long as
// they do not, what its processes ended with can be seen.
func (h *hold) taken() error {
	err := h.stopped.run(h.waiting)
	h.stopped = h.stopped.keepOnly(h.waiting)
	return err
}

// release ends the hold.
func (h *hold) release() error {
	return errors.Join(h.mounts.thaw(), h.stopped.run(nil), h.guard.dismiss())
}

// Stored waits for the pipeline. If all of it ended well, it does what is to
// be done then; else the machine just goes on.
func (i *image) Stored(ok bool) error {
	h := i.hold
	if h == nil {
		return nil
	}
	var err error
	if ok {
		err = h.wait()
	}
	if !ok || err != nil || h.then == "stay" {
		return errors.Join(err, h.release())
	}
	how := unix.LINUX_REBOOT_CMD_POWER_OFF
	if h.then == "reboot" {
		how = unix.LINUX_REBOOT_CMD_RESTART
	}
	if err := unix.Reboot(how); err != nil {
		return errors.Join(fmt.Errorf("%s: %w", h.then, err), h.release())
	}
	return nil
}

// wait returns when the rest of the pipeline has ended.
func (h *hold) wait() error {
	left := slices.Clone(h.watched)
	for {
		var err error
		left = slices.DeleteFunc(left, func(pid int) bool {
			p, readErr := readProcess(fmt.Sprintf("/proc/%d/stat", pid))
			switch {
			case readErr != nil:
				err = errors.Join(err, fmt.Errorf("process %d of the pipeline ended unseen, so the image may not be stored", pid))
			case !gone(p):
				return false
			case p.exit != 0:
				err = errors.Join(err, fmt.Errorf("%v of the pipeline failed, so the image is not stored", p))
			}
			return true
		})
		if err != nil || len(left) == 0 {
			return err
		}
		time.Sleep(20 * time.Millisecond)
	}
}
