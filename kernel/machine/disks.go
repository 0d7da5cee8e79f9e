// Which disks the machine uses, in a way that an image depends on.
//
// A mounted file system has parts of itself in memory: in the caches, and
// dirty. An image holds these as they were; once the disk has been written
// to, they no longer fit, and the resumed system writes them back all the
// same. Swapped-out pages are no part of an image at all.

package machine

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"snappipe/kernel"
	"snappipe/kernel/mountinfo"
)

// disk is a block device with a mounted file system.
type disk struct {
	number   string // major:minor, of the file system: "254:0"
	source   string // as mounted: "/dev/vda"
	fstype   string
	at       string // one of the mount points
	writable bool   // the file system is, whatever single mounts of it say
}

func newDisk(m mountinfo.Mount) disk {
	return disk{m.Device, m.Source, m.Type, m.Point, slices.Contains(strings.Split(m.Super, ","), "rw")}
}

func (d disk) String() string { return fmt.Sprintf("%s (%s on %s)", d.source, d.fstype, d.at) }

// mountedDisks finds all file systems on block devices, in every mount
// namespace, each once.
func mountedDisks() ([]disk, error) {
	onDisk, err := typesWithDisk()
	if err != nil {
		return nil, err
	}
	tables, err := mountTables()
	if err != nil {
		return nil, err
	}
	seen := map[string]int{}
	var disks []disk
	for _, table := range tables {
		for _, m := range mountinfo.Parse(table) {
			if !onDisk[m.Type] || strings.HasPrefix(m.Device, ramdiskMajor) {
				continue
			}
			d := newDisk(m)
			if i, ok := seen[d.number]; ok {
				disks[i].writable = disks[i].writable || d.writable
				continue
			}
			seen[d.number] = len(disks)
			disks = append(disks, d)
		}
	}
	return disks, nil
}

// ramdiskMajor begins the numbers of /dev/ram*, which is in the image
// (Documentation/admin-guide/devices.txt).
const ramdiskMajor = "1:"

// typesWithDisk are the file system types that need a block device (proc(5),
// filesystems). ZFS says that it does not.
func typesWithDisk() (map[string]bool, error) {
	b, err := os.ReadFile("/proc/filesystems")
	if err != nil {
		return nil, fmt.Errorf("find out which file systems have disks: %w", err)
	}
	types := map[string]bool{"zfs": true}
	for line := range strings.Lines(string(b)) {
		if words := strings.Fields(line); len(words) == 1 {
			types[words[0]] = true
		}
	}
	return types, nil
}

// mountTables reads the mount table of each mount namespace that a process
// is in.
func mountTables() ([]string, error) {
	own, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return nil, fmt.Errorf("find out what is mounted: %w", err)
	}
	namespace, err := os.Readlink("/proc/self/ns/mnt")
	if err != nil {
		return nil, fmt.Errorf("find out what is mounted: %w", err)
	}
	tables, seen := []string{string(own)}, map[string]bool{namespace: true}
	links, err := filepath.Glob("/proc/[0-9]*/ns/mnt")
	if err != nil {
		return nil, err
	}
	for _, link := range links {
		// A process that has ended has no mounts, nor has a kernel thread
		// any that are not those of process 1.
		namespace, err := os.Readlink(link)
		if err != nil || seen[namespace] {
			continue
		}
		b, err := os.ReadFile(filepath.Join(filepath.Dir(filepath.Dir(link)), "mountinfo"))
		if errors.Is(err, fs.ErrNotExist) || errors.Is(err, unix.ESRCH) || errors.Is(err, unix.EINVAL) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("find out what is mounted elsewhere: %w", err)
		}
		seen[namespace] = true
		tables = append(tables, string(b))
	}
	return tables, nil
}

// quiescent refuses disks that the running system may write to, which is
// what spoils an image of it.
func quiescent(disks []disk) error {
	if err := noSwap(); err != nil {
		return err
	}
	var names []string
	for _, d := range disks {
		if d.writable {
			names = append(names, d.String())
		}
	}
	if len(names) == 0 {
		return nil
	}
	return kernel.Refuse(strings.Join(names, ", "), "unmount it, remount it read-only, or use --freeze-filesystems",
		"mounted for writing: disk and image would no longer fit as soon as the machine goes on, and a resume would destroy the file system")
}

// noSwap refuses active swap: without a hold, the running system goes on using it.
func noSwap() error {
	areas, err := activeSwaps()
	if err != nil || len(areas) == 0 {
		return err
	}
	return kernel.Refuse(strings.Join(areas, ", ")+" (swap)", "swapoff -a, or use --freeze-filesystems",
		"in use: what is swapped out is no part of an image, and would not fit it later")
}
