package mountinfo_test

import (
	"slices"
	"testing"

	"snappipe/kernel/mountinfo"
)

func TestParse(t *testing.T) {
	table := `22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw,errors=remount-ro
23 22 0:21 / /proc rw,nosuid - proc proc rw
24 22 8:2 /sub /mnt/a\040b ro,relatime master:1 propagate_from:2 - xfs /dev/disk\0403 rw
25 22 0:50 / /snap rw - btrfs /dev/sdb ro,space_cache
26 22 0:51 / /empty rw - tmpfs  rw
not a line of a mount table
26 22 - ext4 /dev/sdc rw
`
	want := []mountinfo.Mount{
		{Device: "8:1", Root: "/", Point: "/", Options: "rw,relatime", Type: "ext4", Source: "/dev/sda1", Super: "rw,errors=remount-ro"},
		{Device: "0:21", Root: "/", Point: "/proc", Options: "rw,nosuid", Type: "proc", Source: "proc", Super: "rw"},
		{Device: "8:2", Root: "/sub", Point: "/mnt/a b", Options: "ro,relatime", Type: "xfs", Source: "/dev/disk 3", Super: "rw"},
		{Device: "0:50", Root: "/", Point: "/snap", Options: "rw", Type: "btrfs", Source: "/dev/sdb", Super: "ro,space_cache"},
		{Device: "0:51", Root: "/", Point: "/empty", Options: "rw", Type: "tmpfs", Super: "rw"},
	}
	if got := mountinfo.Parse(table); !slices.Equal(got, want) {
		t.Errorf("got  %v\nwant %v", got, want)
	}
}
