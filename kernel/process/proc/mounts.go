// /proc/PID/mountinfo: what is mounted where; see proc_pid_mountinfo(5).

package proc

import (
	"strconv"
	"strings"

	"snappipe/kernel/mountinfo"
)

// Mount is a mounted filesystem.
type Mount struct {
	Major, Minor uint32 // of its device
	Point        string
}

// Mounts returns those that a process sees.
func Mounts(pid int) (all []Mount, err error) {
	b, err := read(pid, "mountinfo")
	if err != nil {
		return nil, err
	}
	for line := range strings.Lines(string(b)) {
		f := strings.Fields(line) // ID, parent, major:minor, root, mount point
		if len(f) < 5 {
			continue
		}
		major, minor, _ := strings.Cut(f[2], ":")
		a, _ := strconv.ParseUint(major, 10, 32)
		b, _ := strconv.ParseUint(minor, 10, 32)
		all = append(all, Mount{uint32(a), uint32(b), mountinfo.Unescape(f[4])})
	}
	return all, nil
}
