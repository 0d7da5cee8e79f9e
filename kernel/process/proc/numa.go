// /proc/PID/numa_maps: the memory policies of mappings; see numa(7).

package proc

import (
	"fmt"
	"strconv"
	"strings"
)

// NUMAPolicies returns those of all mappings by their start, as set_mempolicy(2)
// names them: "default", "bind:0". One without shows that of the thread.
func NUMAPolicies(pid int) (map[uint64]string, error) {
	b, err := read(pid, "numa_maps")
	if err != nil {
		return nil, err
	}
	policies := map[uint64]string{}
	for line := range strings.Lines(string(b)) {
		start, rest, _ := strings.Cut(line, " ")
		addr, err := strconv.ParseUint(start, 16, 64)
		if err != nil {
			return nil, fmt.Errorf("%s: the line %q: %w", path(pid, "numa_maps"), line, err)
		}
		name, _, _ := strings.Cut(strings.TrimSpace(rest), " ")
		policies[addr] = name
	}
	return policies, nil
}
