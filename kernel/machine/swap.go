// The areas that the machine swaps to.
//
// What is swapped out is no part of an image. It stays in its area, which nobody
// may write to from before the image is made until the machine that is resumed
// from it goes on: see swaphold.go. Areas that are in memory themselves, zram and
// RAM disks, are in the image like all memory.

package machine

import (
	"bufio"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"unsafe"

	"golang.org/x/sys/unix"

	"snappipe/kernel"
	"snappipe/kernel/mountinfo"
)

// swapArea is an area on a disk.
type swapArea struct {
	name   string // as swapped to: "/dev/vda3", "/swapfile"
	device string // the block device that it lies on
	number string // of that device, major:minor
	offset int64  // of the area's first page, the header, in bytes
	length int64  // as far as it is known to lie there in one piece
	file   bool   // it is a file of a file system
}

func (a swapArea) String() string { return a.name + " (swap)" }

// activeSwaps are the names of the areas in use that are not in memory.
func activeSwaps() ([]string, error) {
	f, err := os.Open("/proc/swaps")
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil // a kernel without swap
	}
	if err != nil {
		return nil, fmt.Errorf("find out what is swapped to: %w", err)
	}
	defer f.Close()
	var names []string
	s := bufio.NewScanner(f)
	for s.Scan() {
		words := strings.Fields(s.Text())
		if len(words) > 0 && words[0] != "Filename" && !inMemory(mountinfo.Unescape(words[0])) {
			names = append(names, mountinfo.Unescape(words[0]))
		}
	}
	return names, s.Err()
}

// inMemory: a RAM disk, or a zram device without a backing device.
func inMemory(swap string) bool {
	if strings.HasPrefix(swap, "/dev/ram") {
		return true
	}
	name, ok := strings.CutPrefix(swap, "/dev/zram")
	if !ok {
		return false
	}
	b, err := os.ReadFile("/sys/block/zram" + name + "/backing_dev")
	return errors.Is(err, fs.ErrNotExist) || err == nil && strings.TrimSpace(string(b)) == "none"
}

// swapAreas finds out where the areas in use lie, and refuses those that
// cannot be kept as they are. disks are the mounted file systems.
func swapAreas(disks []disk) ([]swapArea, error) {
	names, err := activeSwaps()
	if err != nil {
		return nil, err
	}
	var areas []swapArea
	for _, name := range names {
		a, err := findArea(name, disks)
		if err != nil {
			return nil, kernel.Refuse(name+" (swap)", "swapoff "+name, "%v", err)
		}
		areas = append(areas, a)
	}
	return areas, nil
}

func findArea(name string, disks []disk) (swapArea, error) {
	var st unix.Stat_t
	if err := unix.Stat(name, &st); err != nil {
		return swapArea{}, fmt.Errorf("in use, and it cannot be found: %w", err)
	}
	if st.Mode&unix.S_IFMT == unix.S_IFBLK {
		return findPartition(name, deviceNumber(st.Rdev))
	}
	number := deviceNumber(st.Dev)
	for _, d := range disks {
		if d.number == number {
			offset, length, err := firstExtent(name)
			return swapArea{name, d.source, number, offset, length, true}, err
		}
	}
	return swapArea{}, fmt.Errorf("in use, and its file system is not that of a single block device")
}

func deviceNumber(dev uint64) string {
	return fmt.Sprintf("%d:%d", unix.Major(dev), unix.Minor(dev))
}

// findPartition looks at what is behind a block device. A mapped one has a name
// that it will have again, unlike its number.
func findPartition(name, number string) (swapArea, error) {
	if err := borne(number); err != nil {
		return swapArea{}, err
	}
	device := name
	if mapped := aboutDevice(number, "dm/name"); mapped != "" {
		device = "/dev/mapper/" + mapped
	}
	sectors, err := strconv.ParseInt(aboutDevice(number, "size"), 10, 64)
	if err != nil {
		return swapArea{}, fmt.Errorf("in use, and its size cannot be found out: %w", err)
	}
	return swapArea{name, device, number, 0, sectors << 9, false}, nil
}

// aboutDevice reads what sysfs has in a file of a block device, or "" where
// there is no such thing. The device is a symbolic link there, so that "../dev" is
// not what path/filepath would make of it.
func aboutDevice(number, file string) string {
	b, _ := os.ReadFile("/sys/dev/block/" + number + "/" + file)
	return strings.TrimSpace(string(b))
}

// borne refuses a block device on top of something that would not bear it.
func borne(number string) error {
	dir := filepath.Join("/sys/dev/block", number)
	if aboutDevice(number, "partition") != "" {
		return borne(aboutDevice(number, "../dev"))
	}
	switch file := aboutDevice(number, "loop/backing_file"); {
	case file != "":
		return fmt.Errorf("in use, and it goes through %s, whose file system is to be frozen: swap to the file itself", file)
	case aboutDevice(number, "backing_dev") != "":
		return errors.New("in use, and zram has a backing device: what it writes to that is not looked after")
	case strings.HasPrefix(aboutDevice(number, "dm/uuid"), "CRYPT-PLAIN-"):
		return errors.New("in use, and encrypted with a key that nothing but this running machine has, so that it could not be looked at before a resume")
	}
	slaves, err := os.ReadDir(filepath.Join(dir, "slaves"))
	if err != nil {
		return fmt.Errorf("in use, and what it lies on cannot be found out: %w", err)
	}
	for _, s := range slaves {
		if err := borne(aboutDevice(number, "slaves/"+s.Name()+"/dev")); err != nil {
			return err
		}
	}
	return nil
}

// What FS_IOC_FIEMAP takes: include/uapi/linux/fiemap.h.
const (
	fsIocFiemap  = 0xc020660b
	extentLast   = 0x1
	extentMerged = 0x1000
)

// fiemap is struct fiemap, with room for one extent.
type fiemap struct {
	start, length         uint64
	flags, mapped, room   uint32
	_                     uint32
	logical, physical, by uint64 // the extent, and how long it is
	_                     [2]uint64
	extentFlags           uint32
	_                     [3]uint32
}

// firstExtent finds where the beginning of a file lies on its device.
func firstExtent(name string) (offset, length int64, err error) {
	f, err := os.Open(name)
	if err != nil {
		return 0, 0, err
	}
	defer f.Close()
	m := fiemap{length: digested, room: 1}
	_, _, errno := unix.Syscall(unix.SYS_IOCTL, f.Fd(), fsIocFiemap, uintptr(unsafe.Pointer(&m)))
	if errno != 0 {
		return 0, 0, fmt.Errorf("in use, and where it lies cannot be found out: %w", errno)
	}
	if m.mapped != 1 || m.logical != 0 || m.extentFlags&^(extentLast|extentMerged) != 0 {
		return 0, 0, errors.New("in use, and it does not lie on its disk as it is")
	}
	return int64(m.physical), int64(m.by), nil
}
