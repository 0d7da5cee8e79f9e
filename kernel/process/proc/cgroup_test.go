package proc

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	"testing"

	"snappipe/kernel/mountinfo"
)

// What is left is the least of a group and of those above it, as far as they can be seen,
// and what files take that nobody needs counts as free.
func TestRoomUnder(t *testing.T) {
	const none = math.MaxUint64
	dir := t.TempDir()
	group := func(path string, files map[string]string) {
		if err := os.MkdirAll(filepath.Join(dir, path), 0o755); err != nil {
			t.Fatal(err)
		}
		for name, text := range files {
			if err := os.WriteFile(filepath.Join(dir, path, name), []byte(text+"\n"), 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
	group("v2/a/b", map[string]string{"memory.max": "1000", "memory.current": "400", "memory.stat": "anon 300\ninactive_file 100"})
	group("v2/a", map[string]string{"memory.max": "900", "memory.current": "700", "memory.stat": "inactive_file 0"})
	group("v2/free", map[string]string{"memory.max": "max", "memory.current": "400", "memory.stat": "inactive_file 0"})
	group("v2/over", map[string]string{"memory.max": "100", "memory.current": "400"})
	group("v1/a", map[string]string{"memory.limit_in_bytes": "500", "memory.usage_in_bytes": "200", "memory.stat": "inactive_file 7\ntotal_inactive_file 50"})
	v1 := fmt.Sprintf("35 31 0:32 / %s/v1 rw - cgroup cgroup rw,cpu,memory\n36 31 0:33 / %s rw - tmpfs tmpfs rw\n", dir, dir)
	v2 := fmt.Sprintf("41 31 0:38 / %s/v2 rw - cgroup2 cgroup2 rw\n", dir)
	inner := fmt.Sprintf("41 31 0:38 /a %s/v2/a rw - cgroup2 cgroup2 rw\n", dir)
	for _, c := range []struct {
		what, mounts, kind, option, group string
		files                             groupFiles
		room                              uint64
	}{
		{"one above has less", v2, "cgroup2", "", "/a/b", groupFilesV2, 200},
		{"one above that is not limited", v2, "cgroup2", "", "/a", groupFilesV2, 200},
		{"no limit", v2, "cgroup2", "", "/free", groupFilesV2, none},
		{"more than the limit", v2, "cgroup2", "", "/over", groupFilesV2, 0},
		{"what is not there", v2, "cgroup2", "", "/gone", groupFilesV2, none},
		{"a part is mounted", inner, "cgroup2", "", "/a/b", groupFilesV2, 200},
		{"what is mounted is below", inner, "cgroup2", "", "/", groupFilesV2, 200},
		{"version 1", v1, "cgroup", "memory", "/a", groupFilesV1, 350},
		{"another controller", v1, "cgroup", "cpuset", "/a", groupFilesV1, none},
		{"not mounted", "", "cgroup2", "", "/a", groupFilesV2, none},
	} {
		if room := roomUnder(mountinfo.Parse(c.mounts), c.kind, c.option, c.group, c.files); room != c.room {
			t.Errorf("%s: %d, not %d", c.what, room, c.room)
		}
	}
}
