// Reading what /proc says of processes: proc(5).

package machine

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// process is what /proc/PID/stat says.
type process struct {
	pid    int
	name   string
	state  byte // R, S, D, T (stopped), t (traced), Z, X, ...
	parent int
	flags  uint64
	exit   int // as wait(2) would give it, once the state is Z
}

const kernelThread = 0x00200000 // PF_KTHREAD, include/linux/sched.h

func readProcess(stat string) (p process, err error) {
	b, err := os.ReadFile(stat)
	if err != nil {
		return p, err
	}
	// The name stands in brackets, and may hold brackets and blanks.
	s := string(b)
	open, end := strings.IndexByte(s, '('), strings.LastIndexByte(s, ')')
	if open < 0 || end < open {
		return p, fmt.Errorf("%s makes no sense: %q", stat, s)
	}
	rest := strings.Fields(s[end+1:])
	if len(rest) < 50 {
		return p, fmt.Errorf("%s makes no sense: %q", stat, s)
	}
	p.name, p.state = s[open+1:end], rest[0][0]
	if p.pid, err = strconv.Atoi(strings.TrimSpace(s[:open])); err != nil {
		return p, err
	}
	if p.parent, err = strconv.Atoi(rest[1]); err != nil {
		return p, err
	}
	if p.flags, err = strconv.ParseUint(rest[6], 10, 64); err != nil {
		return p, err
	}
	p.exit, err = strconv.Atoi(rest[49])
	return p, err
}

func (p process) String() string { return fmt.Sprintf("pid %d (%s)", p.pid, p.name) }

// processes lists all of them, but for those that end meanwhile.
func processes() ([]process, error) { return readAll("/proc/[0-9]*/stat") }

// threads lists those of one process.
func threads(pid int) ([]process, error) {
	return readAll(fmt.Sprintf("/proc/%d/task/[0-9]*/stat", pid))
}

func readAll(pattern string) ([]process, error) {
	stats, err := filepath.Glob(pattern)
	if err != nil {
		return nil, err
	}
	var all []process
	for _, stat := range stats {
		if p, err := readProcess(stat); err == nil { // else it has ended
			all = append(all, p)
		}
	}
	return all, nil
}
