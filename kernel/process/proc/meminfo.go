// /proc/meminfo; see proc_meminfo(5).

package proc

import (
	"fmt"
	"os"
	"strings"
)

// AvailableMemory is how many bytes this process may use without swapping, and within
// the limits of its control groups.
func AvailableMemory() (uint64, error) {
	b, err := os.ReadFile("/proc/meminfo")
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(b)) {
		if name, value, _ := strings.Cut(line, ":"); name == "MemAvailable" {
			return min(kilobytes(value), groupRoom()), nil
		}
	}
	return 0, fmt.Errorf("/proc/meminfo: it has no MemAvailable")
}
