// Giving up an image: its swap areas are put right, so that the machine that
// boots now can swap to them.

package machine

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"

	"snappipe/kernel"
	"snappipe/kernel/machine/lvm"
)

var _ kernel.Forgetter = (*Machine)(nil)

// Forget puts right each area that is marked for the image, and removes the snapshots
// that disks were to be turned back to.
func (m *Machine) Forget(facts kernel.Facts) (freed []string, err error) {
	following, err := followersOf(facts)
	if err != nil {
		return nil, err
	}
	for _, f := range following {
		if errors.Is(f.at.Holds(), lvm.ErrNone) {
			continue
		}
		if err := f.at.Drop(); err != nil {
			return freed, err
		}
		freed = append(freed, "what the snapshot "+f.at.Snapshot+" of "+f.at.Name+" took up")
	}
	err = swapFacts(facts, func(a swapArea, id string) error {
		done, err := a.putRight(func(theirs imageID) bool { return theirs.String() == id })
		if done {
			freed = append(freed, a.String())
		}
		return err
	})
	return freed, err
}

// ForgetAt puts right the area at path, a block device or a file.
func (m *Machine) ForgetAt(path string) error {
	a := swapArea{name: path, device: path}
	done, err := a.putRight(func(imageID) bool { return true })
	if err == nil && !done {
		return kernel.Refuse(path, "", "neither an image, nor a swap area that is kept for one")
	}
	return err
}

// putRight makes an ordinary area of one that is marked for an image that meant
// says.
func (a swapArea) putRight(meant func(imageID) bool) (done bool, err error) {
	disk, err := os.OpenFile(a.device, os.O_RDWR|unix.O_DIRECT, 0)
	if errors.Is(err, os.ErrNotExist) {
		return false, kernel.Refuse(a.String(), "snapresume --forget AREA puts it right when it is there again", "%s is not there now", a.device)
	}
	if err != nil {
		return false, err
	}
	defer disk.Close()
	a.length = int64(os.Getpagesize())
	held := &heldArea{swapArea: a, disk: disk}
	h, _, err := held.read()
	if err != nil {
		return false, fmt.Errorf("read the header of %v: %w", a, err)
	}
	id, marked := h.markedFor()
	if h.check() != nil || !marked || !meant(id) {
		return false, nil
	}
	// The kernel does not swap to what is marked, so nothing keeps it from being
	// written to.
	held.file = true
	return true, held.put(h.unmark())
}
