// Mounts, as /proc lists them.

package machine

import (
	"slices"
	"testing"
)

func TestParseMounts(t *testing.T) {
	table := `22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw,errors=remount-ro
23 22 0:21 / /proc rw,nosuid - proc proc rw
24 22 8:2 /sub /mnt/a\040b ro,relatime master:1 propagate_from:2 - xfs /dev/disk\0403 rw
25 22 0:50 / /snap rw - btrfs /dev/sdb ro,space_cache
not a line of a mount table
26 22 - ext4 /dev/sdc rw
`
	want := []disk{
		{number: "8:1", source: "/dev/sda1", fstype: "ext4", at: "/", writable: true},
		{number: "0:21", source: "proc", fstype: "proc", at: "/proc", writable: true},
		// The mount is read-only, but not the file system.
		{number: "8:2", source: "/dev/disk 3", fstype: "xfs", at: "/mnt/a b", writable: true},
		{number: "0:50", source: "/dev/sdb", fstype: "btrfs", at: "/snap", writable: false},
	}
	if got := parseMounts(table); !slices.Equal(got, want) {
		t.Errorf("got  %v\nwant %v", got, want)
	}
}
