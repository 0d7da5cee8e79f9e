// Holding swap areas until the machine is resumed.
//
// From before the image is made until the machine is off, nothing is written to
// them: processes stay stopped, and the counters of swapuse.go tell whether it
// is true. When the image is stored, the areas are marked for it, as the last
// thing before the machine goes off. The machine that is resumed puts them right
// before anything else. So
//
//   - an area that is marked for an image is as that image needs it;
//   - without all of the marks an image is refused, and its marks are wherever
//     nothing has come of it: if the power fails half-way through marking, the
//     image is lost, and if it does half-way through putting them right, too;
//   - what is marked in vain is put right by snapresume --forget.

package machine

import (
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"snappipe/kernel"
)

// swapHold are the areas that an image depends on.
type swapHold struct {
	id    imageID
	areas []*heldArea
	used  swapUse // up to when the image was made
	// marked says that an area may be: in the list of the guardian, and so in the image,
	// since in the system that is resumed they are. Elsewhere, a disk that does not
	// answer is not asked.
	marked *bool
}

// heldArea is an area whose header can be written to.
type heldArea struct {
	swapArea
	disk *os.File   // for direct I/O: the page cache may have what was there earlier
	was  swapHeader // before it is marked
}

// holdSwap opens the areas in use. Nothing is changed yet.
func holdSwap(disks []disk) (*swapHold, error) {
	areas, err := swapAreas(disks)
	if err != nil {
		return nil, err
	}
	if len(areas) > maxGuardedAreas {
		return nil, kernel.Refuse(fmt.Sprintf("%d swap areas", len(areas)), "", "no more than %d can be held", maxGuardedAreas)
	}
	s := &swapHold{}
	rand.Read(s.id[:]) // never fails: crypto/rand
	for _, a := range areas {
		held, err := openArea(a)
		if err == nil {
			s.areas = append(s.areas, held)
			err = held.markable()
		}
		if err != nil {
			return nil, errors.Join(kernel.Refuse(a.String(), "swapoff "+a.name, "in use, and its header cannot be marked: %v", err), s.close())
		}
	}
	return s, nil
}

func openArea(a swapArea) (*heldArea, error) {
	disk, err := os.OpenFile(a.device, os.O_RDWR|unix.O_DIRECT, 0)
	if err != nil {
		return nil, err
	}
	held := &heldArea{swapArea: a, disk: disk}
	held.was, _, err = held.read()
	if err == nil {
		err = held.was.check()
	}
	if err != nil {
		return nil, errors.Join(err, disk.Close())
	}
	return held, nil
}

// read returns the header as it is on the disk, and what follows it.
func (a *heldArea) read() (h swapHeader, sample []byte, err error) {
	size, page := min(a.length, digested), os.Getpagesize()
	b, free, err := pageBuffer(size)
	if err != nil {
		return nil, nil, err
	}
	if _, err := a.disk.ReadAt(b, a.offset); err != nil {
		return nil, nil, errors.Join(err, free())
	}
	all := append([]byte(nil), b...)
	return all[:page:page], all[page:], free()
}

// markable finds out in advance what would keep the header from being marked.
func (a *heldArea) markable() error {
	if _, marked := a.was.markedFor(); marked {
		return errors.New("it is marked for another image")
	}
	if a.file {
		return a.sameFile()
	}
	return a.writable(func() error { return nil })
}

// sameFile makes sure that what lies at the place of a file is that file.
func (a *heldArea) sameFile() error {
	f, err := os.Open(a.name)
	if err != nil {
		return err
	}
	defer f.Close()
	h := make(swapHeader, len(a.was))
	if _, err := f.ReadAt(h, 0); err != nil {
		return err
	}
	if string(h) != string(a.was) {
		return fmt.Errorf("it does not lie where its file system says, on %s at %d", a.device, a.offset)
	}
	return nil
}

// facts has one for each area.
func (s *swapHold) facts() (facts kernel.Facts) {
	for i, a := range s.areas {
		facts = append(facts, kernel.Fact{
			Name:  fmt.Sprintf("%s%d", swapFactPrefix, i+1),
			Value: fmt.Sprintf("%s %d uuid:%s id:%s %s", a.device, a.offset, a.was.uuid(), s.id, a.name),
		})
	}
	return facts
}

// mark marks all areas, or none. What was written to them before is on their
// disks then.
func (s *swapHold) mark() error {
	s.mayBeMarked(true)
	for _, a := range s.areas {
		err := a.disk.Sync()
		if err == nil {
			err = a.mark(s.id)
		}
		if err != nil {
			return errors.Join(fmt.Errorf("mark %v: %w", a, err), s.putRight())
		}
	}
	return nil
}

func (s *swapHold) mayBeMarked(it bool) {
	if s.marked != nil {
		*s.marked = it
	}
}

func (a *heldArea) mark(id imageID) error {
	_, sample, err := a.read()
	if err != nil {
		return err
	}
	return a.put(a.was.mark(id, sample))
}

// putRight makes ordinary areas of those that are marked for the image.
func (s *swapHold) putRight() error {
	var errs []error
	for _, a := range s.areas {
		now, _, err := a.read()
		if err == nil {
			if id, marked := now.markedFor(); marked && id == s.id {
				err = a.put(now.unmark())
			}
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("put %v right: %w", a, err))
		}
	}
	return errors.Join(errs...)
}

// put writes a header, and through to the disk.
func (a *heldArea) put(h swapHeader) error {
	b, free, err := pageBuffer(int64(len(h)))
	if err != nil {
		return err
	}
	copy(b, h)
	write := func() error {
		if _, err := a.disk.WriteAt(b, a.offset); err != nil {
			return err
		}
		return a.disk.Sync()
	}
	if a.file {
		err = write()
	} else {
		err = a.writable(write)
	}
	return errors.Join(err, free())
}

// resumeSwapArea is struct resume_swap_area: include/uapi/linux/suspend_ioctls.h.
type resumeSwapArea [12]byte

const snapshotSetSwapArea = 0x400c330d

func (a swapArea) asResumeArea() (r resumeSwapArea, err error) {
	var st unix.Stat_t
	if err := unix.Stat(a.device, &st); err != nil {
		return r, err
	}
	major, minor := unix.Major(st.Rdev), unix.Minor(st.Rdev)
	binary.LittleEndian.PutUint32(r[8:], minor&0xff|major<<8|minor&^0xff<<12) // new_encode_dev
	return r, nil
}

// writable does f while the device of the area may be written to. The kernel
// keeps everybody from a block device that is swapped to, but for one: who has
// named it to /dev/snapshot, as hibernation from user space does
// (is_hibernate_resume_dev in kernel/power/user.c).
func (a *heldArea) writable(f func() error) error {
	area, err := a.asResumeArea()
	if err != nil {
		return err
	}
	fd, err := unix.Open(device, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	for tries := 0; errors.Is(err, unix.EBUSY) && tries < 50; tries++ { // somebody looks whether it opens
		time.Sleep(20 * time.Millisecond)
		fd, err = unix.Open(device, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	}
	if err != nil {
		return fmt.Errorf("open %s: %w", device, err)
	}
	defer unix.Close(fd)
	if _, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), snapshotSetSwapArea, uintptr(unsafe.Pointer(&area))); errno != 0 {
		return fmt.Errorf("name it to %s: %w", device, errno)
	}
	return f()
}

func (s *swapHold) close() error {
	var errs []error
	for _, a := range s.areas {
		errs = append(errs, a.disk.Close())
	}
	return errors.Join(errs...)
}

// names lists the areas.
func (s *swapHold) names() string {
	var names []string
	for _, a := range s.areas {
		names = append(names, a.String())
	}
	return strings.Join(names, ", ")
}
