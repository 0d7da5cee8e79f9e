// What became of a job, in words that help.

package machine

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"snappipe/kernel"
)

// outcome tells how taking an image went; ErrResumed is how it went in the
// system that came back from it.
func (j *job) outcome() error {
	switch {
	case j.errno != 0:
		return j.failure()
	case j.inSuspend == 0:
		return kernel.ErrResumed
	case j.got != j.size || j.size == 0:
		return fmt.Errorf("read the image from %s: it ends after %d of %d bytes", device, j.got, j.size)
	}
	return nil
}

func (j *job) stoodStill() time.Duration {
	return time.Duration(j.thawed.Nano() - j.frozen.Nano())
}

// failure explains why step j.step failed. The machine has been thawed, or
// was never frozen.
func (j *job) failure() error {
	switch {
	case j.step == stepOpen:
		return cannotOpen(j.errno)
	case j.step == stepFreeze && j.errno == unix.EBUSY:
		return notStopped()
	case j.step == stepCreate && j.errno == unix.ENOMEM, j.step == stepRead && j.errno == unix.EFAULT, j.step == stepRead && j.errno == unix.ENOMEM:
		return j.tooLittleMemory()
	case j.step == stepRestore && (j.errno == unix.EPERM || j.errno == unix.ENODATA): // as 6.12 says it
		return kernel.Refuse("the image", "", "the kernel does not take it: it is not complete")
	}
	return fmt.Errorf("%v by %s: %w", j.step, device, j.errno)
}

func (j *job) tooLittleMemory() error {
	m, err := readMeminfo()
	if err != nil {
		return err
	}
	// In use is what neither drop_caches nor image_size, which the kernel is
	// asked for anyway, would take out of the image.
	inUse, most := m.total-m.available, m.total/3
	if j.size > 0 {
		inUse = j.size // since by now there is a part of the copy as well
	}
	if j.size == 0 {
		return kernel.Refuse(noRoomObject, m.moreRoom(inUse-most),
			"the kernel cannot make an atomic image: of %d MiB in all, %d MiB are in use, and no more than a third, %d MiB, can be in an image that is copied",
			m.total>>20, inUse>>20, most>>20)
	}
	return kernel.Refuse(noRoomObject, m.moreRoom(inUse-most),
		"the image has %d MiB, and no room was left to copy it to after %d MiB: it is needed three times (in use, in the kernel, in the copy), and there are %d MiB in all",
		j.size>>20, j.got>>20, m.total>>20)
}

// notStopped explains EBUSY of a call that stops all processes.
func notStopped() error {
	if len(holders()) > 0 {
		return cannotOpen(unix.EBUSY)
	}
	return kernel.Refuse("the machine", "end or wake what they wait for, then try again",
		"not all of its processes could be stopped%s", stuck())
}

// notTaken explains why the kernel refuses an image, or a page of it.
func notTaken(err error, attempt string, size int64) error {
	switch {
	case errors.Is(err, unix.EPERM), errors.Is(err, unix.EFAULT), errors.Is(err, unix.EINVAL), errors.Is(err, unix.ENODEV), errors.Is(err, unix.ENODATA):
		return kernel.Refuse("the image", "", "the kernel does not take it for one of this machine: %v", err)
	case errors.Is(err, unix.ENOMEM):
		return kernel.Refuse(noRoomObject, "end programs that need much memory", "the kernel has no room for the image of %d MiB", size>>20)
	}
	return fmt.Errorf("%s: %w", attempt, err)
}

// stuck names the tasks that sleep where nothing can wake them, which is what
// keeps a machine from being frozen.
func stuck() string {
	all, err := readAll("/proc/[0-9]*/task/[0-9]*/stat")
	if err != nil {
		return ""
	}
	var names []string
	for _, p := range all {
		if p.state == 'D' {
			names = append(names, p.String())
		}
	}
	if len(names) == 0 {
		return ""
	}
	return "; in uninterruptible sleep: " + strings.Join(names, ", ")
}
