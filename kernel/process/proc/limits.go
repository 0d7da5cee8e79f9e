// /proc/PID/limits: resource limits; see proc_pid_limits(5). Unlike by
// prlimit(2), anybody may read there those of other users' processes.

package proc

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// Limit is a limit of getrlimit(2); all ones is RLIM_INFINITY.
type Limit struct{ Cur, Max uint64 }

// Limits returns all limits, by RLIMIT_ number, which is the order of the file
// (fs/proc/base.c: proc_pid_limits).
func Limits(pid int) ([]Limit, error) {
	b, err := read(pid, "limits")
	if err != nil {
		return nil, err
	}
	var all []Limit
	_, rows, _ := strings.Cut(string(b), "\n") // below the heading
	for row := range strings.Lines(rows) {
		l, err := parseLimit(row)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", path(pid, "limits"), err)
		}
		all = append(all, l)
	}
	return all, nil
}

// parseLimit parses a name of several words, in a column of its own, and two
// values.
func parseLimit(row string) (l Limit, err error) {
	const name = 26
	if len(row) < name {
		return l, fmt.Errorf("the line %q is too short", row)
	}
	values := strings.Fields(row[name:])
	if len(values) < 2 {
		return l, fmt.Errorf("the line %q has no two values", row)
	}
	for i, to := range []*uint64{&l.Cur, &l.Max} {
		if values[i] == "unlimited" {
			*to = math.MaxUint64
		} else if *to, err = strconv.ParseUint(values[i], 10, 64); err != nil {
			return l, fmt.Errorf("the line %q: %w", row, err)
		}
	}
	return l, nil
}
