// Running a pipeline, and what it took.

package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
)

// shell runs a pipeline in dir; a failure anywhere in it is an error.
func shell(dir, pipeline string) (*exec.Cmd, error) {
	cmd := exec.Command("bash", "-c", "set -o pipefail; "+pipeline)
	cmd.Dir = dir
	cmd.Stdout, cmd.Stderr = nil, os.Stderr
	if err := cmd.Run(); err != nil {
		return nil, fmt.Errorf("%s: %w", pipeline, err)
	}
	return cmd, nil
}

// usage is what a pipeline took.
type usage struct {
	wall, cpu time.Duration
	rss       int64 // bytes, of the largest process
}

func measure(dir, pipeline string) (usage, error) {
	start := time.Now()
	cmd, err := shell(dir, pipeline)
	if err != nil {
		return usage{}, err
	}
	ru := cmd.ProcessState.SysUsage().(*syscall.Rusage)
	return usage{
		wall: time.Since(start),
		cpu:  cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime(),
		rss:  ru.Maxrss << 10,
	}, nil
}

// pair measures ours and theirs alternately. The first round of each is not
// counted: it fills caches.
func (r row) pair(dir string, rounds int) (our, their usage, err error) {
	var o, t []usage
	for i := range rounds + 1 {
		if err := warm(r.memory); err != nil {
			return our, their, err
		}
		a, err := measure(dir, r.ours)
		if err != nil {
			return our, their, err
		}
		if err := warm(r.memory); err != nil {
			return our, their, err
		}
		b, err := measure(dir, r.theirs)
		if err != nil {
			return our, their, err
		}
		if i > 0 {
			o, t = append(o, a), append(t, b)
		}
	}
	return median(o), median(t), nil
}

func median(all []usage) usage {
	slices.SortFunc(all, func(a, b usage) int { return int(a.wall - b.wall) })
	return all[len(all)/2]
}

// sizes returns the sizes of files in dir.
func sizes(dir string, names ...string) ([]int64, error) {
	var all []int64
	for _, name := range names {
		st, err := os.Stat(filepath.Join(dir, name))
		if err != nil {
			return nil, err
		}
		all = append(all, st.Size())
	}
	return all, nil
}

// missing returns the tool that a pipeline needs and this machine lacks.
func missing(pipeline string) string {
	for stage := range strings.SplitSeq(pipeline, "|") {
		if f := strings.Fields(stage); len(f) > 0 {
			if _, err := exec.LookPath(f[0]); err != nil {
				return f[0]
			}
		}
	}
	return ""
}
