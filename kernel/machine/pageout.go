// Paging out ahead of the image, and waiting until it is on the disk.
//
// A device is told to stand still before the image is made, and then the CPUs but
// one are switched off, each of which waits for what it has asked of a disk
// (blk_mq_hctx_notify_offline in block/blk-mq.c). A page on its way to swap that is
// encrypted is with a thread of dm-crypt meanwhile, which nobody stops and nothing
// waits for: what that asks of a disk which stands still already is waited for for
// ever, with the whole machine. So nothing is to be on its way then. What has to be
// paged out is so by memory.reclaim of control groups, before, instead of by the
// kernel when it makes the image, and all of it is waited for.

package machine

import (
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"snappipe/kernel"
)

const (
	portion = 16 << 20 // how much is asked for at a time
	futile  = 32       // how often that may bring nothing, as where what goes is needed at once
)

// pageOut has the kernel drop page cache and page out until no more than goal is in
// use, or until that was all that goes. What goes is still on its way to the disk then.
func (s *swapHold) pageOut(goal int64) (all bool, err error) {
	reclaim, err := openReclaim()
	if err != nil {
		return false, err
	}
	defer reclaim.Close()
	last, least, inVain := swapUse{out: -1}, int64(math.MaxInt64), 0
	for {
		over, err := inUse()
		if over -= goal; err != nil || over <= 0 {
			return false, err
		}
		if inVain++; over < least {
			least, inVain = over, 0
		}
		if inVain == futile {
			return true, nil
		}
		err = s.reclaim(reclaim, min(over, portion))
		if err == nil {
			continue
		}
		if !errors.Is(err, unix.EAGAIN) {
			return false, fmt.Errorf("page out: %w", err)
		}
		// Nothing could be freed in time, perhaps since a slow disk has to write it first.
		now, err := s.settle()
		if err != nil || now == last {
			return true, err
		}
		last = now
	}
}

// reclaim asks for so many bytes. If the disk takes nothing, whoever asks may wait for
// that for ever, where no signal ends it: as soon as its queue is full
// (blk_mq_get_tag in block/blk-mq-tag.c). Then that thread is left behind.
func (s *swapHold) reclaim(file *os.File, n int64) error {
	done := make(chan error, 1)
	go func() {
		_, err := file.WriteString(strconv.FormatInt(n, 10))
		done <- err
	}()
	traffic := s.watchTraffic()
	for {
		select {
		case err := <-done:
			return err
		case <-time.After(glance):
			if _, err := traffic.look(); err != nil {
				return err
			}
		}
	}
}

// openReclaim opens memory.reclaim of all processes, in a mount of its own that
// nobody else sees. Where there is no such file, that is fs.ErrNotExist.
func openReclaim() (*os.File, error) {
	context, err := unix.Fsopen("cgroup2", unix.FSOPEN_CLOEXEC)
	if errors.Is(err, unix.ENODEV) {
		return nil, fs.ErrNotExist
	}
	if err != nil {
		return nil, fmt.Errorf("open control groups: %w", err)
	}
	defer unix.Close(context)
	if err := unix.FsconfigCreate(context); err != nil {
		return nil, fmt.Errorf("mount control groups: %w", err)
	}
	root, err := unix.Fsmount(context, unix.FSMOUNT_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("mount control groups: %w", err)
	}
	defer unix.Close(root)
	const name = "memory.reclaim"
	fd, err := unix.Openat(root, name, unix.O_WRONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: name, Err: err}
	}
	return os.NewFile(uintptr(fd), name), nil
}

// inUse is how much of the memory would be in an image: all that is not free, of the
// kernel as well, which MemTotal leaves out.
func inUse() (int64, error) {
	b, err := os.ReadFile("/proc/zoneinfo")
	if err != nil {
		return 0, fmt.Errorf("find out how much memory is in use: %w", err)
	}
	var pages int64
	for line := range strings.Lines(string(b)) {
		words := strings.Fields(line)
		if len(words) == 3 && words[0] == "pages" && words[1] == "free" {
			pages -= number(words[2])
		} else if len(words) == 2 && words[0] == "present" {
			pages += number(words[1])
		}
	}
	if pages <= 0 {
		return 0, errors.New("find out how much memory is in use: /proc/zoneinfo does not say")
	}
	return pages * int64(os.Getpagesize()), nil
}

func number(word string) int64 {
	n, _ := strconv.ParseInt(word, 10, 64)
	return n
}

// pageOutByKernel tells whether it can be left to the kernel, when it makes the image,
// to page out until no more than goal is in use. It is refused where somebody is
// between the kernel and the disk.
func (s *swapHold) pageOutByKernel(goal int64) error {
	used, err := inUse()
	if err != nil || used <= goal {
		return err
	}
	for _, a := range s.areas {
		if stacked(a.number) {
			return kernel.Refuse(a.String(), fmt.Sprintf("end programs that have some %d MiB, or boot with the memory controller of control groups, version 2", (used-goal)>>20),
				"it does not lie on its disk by itself, so what is swapped there has to be waited for before the image is made, but this kernel has no memory.reclaim to swap before that")
		}
	}
	return nil
}

// stacked tells a block device that others carry.
func stacked(number string) bool {
	if aboutDevice(number, "partition") != "" {
		return stacked(aboutDevice(number, "../dev"))
	}
	below, err := filepath.Glob(filepath.Join("/sys/dev/block", number, "slaves/*"))
	return err != nil || len(below) > 0
}
