// Holding the disks still until the image is stored.
//
// From before the snapshot until the machine is off, nothing may be written
// to a file system that is in the image, nor to a swap area. So they stay frozen
// while the pipeline works, and only what comes after it decides: power off, or
// thaw and give up the image.

package machine

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"time"

	"golang.org/x/sys/unix"

	"snappipe/kernel"
)

// hold is what stands still. All of it is in the image too, so that it can
// be released in the resumed system.
type hold struct {
	watched []int // the pipeline's processes, as far as others wait for them
	waiting []int // those others
	mounts  mounts
	swap    *swapHold
	guard   *guardian
	kept    followers      // what makes the image good although file systems are thawed
	set     []func() error // settings, to be set back
	stopped stopped
	then    string
}

// newHold stops all others and freezes the file systems.
func newHold(disks []disk, then string) (*hold, error) {
	h := &hold{then: then}
	chain, err := pipeline(os.Getpid())
	if err != nil {
		return nil, err
	}
	if err := writesElsewhere(chain, disks); err != nil {
		return nil, err
	}
	h.watched, h.waiting = heads(chain)
	if h.swap, err = holdSwap(disks); err != nil {
		return nil, err
	}
	if len(h.swap.areas) > 0 {
		err = lockMemory()
	}
	if err == nil {
		h.mounts, err = openMounts(disks)
	}
	if err != nil {
		return nil, errors.Join(err, h.swap.close())
	}
	if h.guard, err = newGuardian(h.mounts, h.swap); err != nil {
		return nil, errors.Join(err, h.mounts.thaw(), h.swap.close())
	}
	if h.stopped, err = stopAll(append(chain, h.guard.pid), h.guard); err == nil {
		err = h.mounts.freeze()
	}
	if err == nil && len(h.swap.areas) > 0 {
		// Page cache costs nothing to drop, and comes back from its files.
		err = h.change(swappiness, "1")
	}
	if err != nil {
		return nil, errors.Join(err, h.release())
	}
	return h, nil
}

// swappiness is how readily the kernel pages out instead of dropping page cache:
// Documentation/admin-guide/sysctl/vm.rst.
const swappiness = "/proc/sys/vm/swappiness"

// taken lets everyone go on but those that wait for the pipeline: as long as
// they do not, what its processes ended with can be seen. With swap areas in the
// image nobody goes on, since whoever does needs memory, for which others would
// be swapped out.
func (h *hold) taken() error {
	if len(h.swap.areas) > 0 {
		return os.WriteFile(swappiness, []byte("0"), 0)
	}
	err := h.stopped.run(h.waiting)
	h.stopped = h.stopped.keepOnly(h.waiting)
	return err
}

// follow has the disks go on by themselves, if there are any that can.
func (h *hold) follow(all followers) error {
	if len(all) == 0 {
		return nil
	}
	if err := all.begin(); err != nil {
		return err
	}
	h.kept = all
	thawed := h.mounts
	h.mounts = nil
	return thawed.thaw()
}

// change sets something for as long as the hold lasts.
func (h *hold) change(path, value string) error {
	restore, err := h.guard.change(path, value)
	if err != nil {
		return fmt.Errorf("set %s: %w", path, err)
	}
	h.set = append(h.set, restore)
	return nil
}

// release ends the hold.
func (h *hold) release() error {
	var err error
	if h.guard.list.marked {
		err = h.swap.putRight()
	}
	for _, restore := range h.set {
		err = errors.Join(err, restore())
	}
	return errors.Join(err, h.swap.close(), h.mounts.thaw(), h.stopped.run(nil), h.guard.dismiss())
}

// resumed ends the hold in the system that was resumed. If the swap areas are not
// those of the image, which only happens to who insists on a flat image, that
// system must not live: nothing has been written to a disk yet.
func (h *hold) resumed() error {
	for _, a := range h.swap.areas {
		if err := a.markedFor(h.swap.id.String()); err != nil {
			message := fmt.Sprintf("snappipe: %v: %v. This machine cannot go on without what it swapped there, and restarts\n", a, err)
			os.WriteFile("/dev/kmsg", []byte("<0>"+message), 0)
			return errors.Join(errors.New(message), unix.Reboot(unix.LINUX_REBOOT_CMD_RESTART))
		}
	}
	return h.release()
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
	if !ok || err != nil {
		return errors.Join(err, h.release(), h.kept.end())
	}
	if h.then == "stay" {
		return h.release()
	}
	how := unix.LINUX_REBOOT_CMD_POWER_OFF
	if h.then == "reboot" {
		how = unix.LINUX_REBOOT_CMD_RESTART
	}
	if err := h.commit(); err != nil {
		return errors.Join(err, h.release())
	}
	if err := unix.Reboot(how); err != nil {
		return errors.Join(fmt.Errorf("%s: %w", h.then, err), h.release())
	}
	return nil
}

// commit makes the image one that can be resumed.
func (h *hold) commit() error {
	if len(h.swap.areas) == 0 {
		return nil
	}
	if err := h.swap.mark(); err != nil {
		return err
	}
	use, err := h.swap.use()
	if err == nil && use != h.swap.used {
		err = kernel.Refuse(h.swap.names(), "see to it that more memory is free, and that nothing else needs much of it",
			"written to while the image was stored, which is of no use any more: %d pages were swapped out", use.out-h.swap.used.out)
	}
	return err
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
