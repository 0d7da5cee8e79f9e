// How much memory the control groups of this process leave it; see cgroups(7) and
// Documentation/admin-guide/cgroup-v2.rst, and cgroup-v1/memory.rst beside it.

package proc

import (
	"errors"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"snappipe/kernel/mountinfo"
)

// groupFiles are where a version of control groups says what memory may be used, what
// is, and which line of memory.stat what of that are pages of files that nobody needs.
type groupFiles struct{ limit, used, idle string }

var (
	groupFilesV1 = groupFiles{"memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"}
	groupFilesV2 = groupFiles{"memory.max", "memory.current", "inactive_file"}
)

// groupRoom is how many bytes more this process may use before its control groups, or
// those above them, have the kernel kill somebody in them. Where there is no limit, or
// none that can be seen, it is all there could be.
func groupRoom() uint64 {
	groups, _ := os.ReadFile("/proc/self/cgroup")
	table, _ := os.ReadFile("/proc/self/mountinfo")
	mounts := mountinfo.Parse(string(table))
	room := uint64(math.MaxUint64)
	for line := range strings.Lines(string(groups)) {
		f := strings.SplitN(strings.TrimSuffix(line, "\n"), ":", 3) // number, controllers, path
		if len(f) < 3 {
			continue
		}
		switch {
		case f[1] == "":
			room = min(room, roomUnder(mounts, "cgroup2", "", f[2], groupFilesV2))
		case slices.Contains(strings.Split(f[1], ","), "memory"):
			room = min(room, roomUnder(mounts, "cgroup", "memory", f[2], groupFilesV1))
		}
	}
	return room
}

// roomUnder is the least room of a group and of those above it, in the file system of
// that type and option that holds them.
func roomUnder(mounts []mountinfo.Mount, kind, option, group string, files groupFiles) uint64 {
	room := uint64(math.MaxUint64)
	for _, m := range mounts {
		if m.Type != kind || option != "" && !slices.Contains(strings.Split(m.Super, ","), option) {
			continue
		}
		below, err := filepath.Rel(m.Root, group)
		if err != nil || strings.HasPrefix(below, "..") {
			below = "." // it is above what is mounted, and can't be seen
		}
		for dir := below; ; dir = filepath.Dir(dir) {
			room = min(room, roomOf(filepath.Join(m.Point, dir), files))
			if dir == "." {
				break
			}
		}
	}
	return room
}

// roomOf is that of one group, which may be one without limits.
func roomOf(dir string, files groupFiles) uint64 {
	limit, err := groupNumber(filepath.Join(dir, files.limit))
	used, e := groupNumber(filepath.Join(dir, files.used))
	if errors.Join(err, e) != nil {
		return math.MaxUint64
	}
	stat, _ := os.ReadFile(filepath.Join(dir, "memory.stat"))
	for line := range strings.Lines(string(stat)) {
		if name, value, _ := strings.Cut(strings.TrimSpace(line), " "); name == files.idle {
			idle, _ := strconv.ParseUint(value, 10, 64)
			used -= min(used, idle)
		}
	}
	return limit - min(limit, used)
}

// groupNumber reads one; "max" is an error.
func groupNumber(path string) (uint64, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return 0, err
	}
	return strconv.ParseUint(strings.TrimSpace(string(b)), 10, 64)
}
