// A name below /dev that is no device is a slip: of the fingers, or of a
// driver that is not loaded. A file that is made there is memory, and gone
// with the power. So it is with all that the kernel makes up.

package file

import (
	"fmt"
	"os"
	"slices"

	"golang.org/x/sys/unix"

	"snappipe/kernel"
	"snappipe/kernel/mountinfo"
)

// refusePseudo refuses to make a file in dir, where nothing is kept. A tmpfs
// elsewhere is fine: who names /tmp or /dev/shm knows what they are.
func refusePseudo(path, dir string) error {
	var here, dev unix.Stat_t
	if unix.Stat(dir, &here) != nil {
		return nil // what is wrong with it, the open will say
	}
	if unix.Stat("/dev", &dev) == nil && here.Dev == dev.Dev && !isRoot(here.Dev) {
		return kernel.Refuse(path, "a device that is not there may need its driver (modprobe), or has another name (lsblk)",
			"there is no device of that name, and a file in /dev would be gone with the power")
	}
	if kind := fileSystem(here.Dev); slices.Contains(pseudo, kind) {
		return kernel.Refuse(path, "name a file on a disk, or a device", "a file on %s would be gone with the power", kind)
	}
	return nil
}

// pseudo are the file systems on which no file stays: see "nodev" in
// /proc/filesystems, without those that are a way to a disk or to another
// machine, and without tmpfs and overlay.
var pseudo = []string{
	"autofs", "binfmt_misc", "bpf", "cgroup", "cgroup2", "configfs", "cpuset", "debugfs", "devpts",
	"devtmpfs", "efivarfs", "fusectl", "hugetlbfs", "mqueue", "nsfs", "proc", "pstore", "ramfs", "resctrl",
	"rpc_pipefs", "securityfs", "selinuxfs", "smackfs", "sysfs", "tracefs",
}

// isRoot reports whether dev is the file system of the root directory, where
// /dev is a directory like any other.
func isRoot(dev uint64) bool {
	var root unix.Stat_t
	return unix.Stat("/", &root) != nil || root.Dev == dev
}

// fileSystem returns the type of the file system on dev, "" where it is not
// known.
func fileSystem(dev uint64) string {
	mounts, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return ""
	}
	number := fmt.Sprintf("%d:%d", unix.Major(dev), unix.Minor(dev))
	for _, m := range mountinfo.Parse(string(mounts)) {
		if m.Device == number {
			return m.Type
		}
	}
	return ""
}
