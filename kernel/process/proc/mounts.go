// /proc/PID/mountinfo: what is mounted where.

package proc

import "snappipe/kernel/mountinfo"

// Mounts returns the mounts that a process sees.
func Mounts(pid int) ([]mountinfo.Mount, error) {
	b, err := read(pid, "mountinfo")
	if err != nil {
		return nil, err
	}
	return mountinfo.Parse(string(b)), nil
}
