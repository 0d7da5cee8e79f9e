// Who works on the image: the processes that read what this one writes, and
// those that read what they write.

package machine

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"snappipe/kernel"
)

// looks is how often a pipeline is looked at until all of it is there, and
// between is the time from one look to the next.
const (
	looks   = 50
	between = 100 * time.Millisecond
)

// pipeline returns the PIDs of those behind pid, after pid itself, as soon as
// they are all there: when each pipe has its reader, in two looks.
func pipeline(pid int) ([]int, error) {
	var last []int
	var loose int
	for range looks {
		var chain []int
		var err error
		if chain, loose, err = behind(pid); err != nil {
			return nil, err
		}
		if loose == 0 && slices.Equal(chain, last) {
			return chain, nil
		}
		last = chain
		time.Sleep(between)
	}
	if loose != 0 {
		return nil, kernel.Refuse(fmt.Sprintf("pid %d", loose), "", "nobody reads the pipe that it writes to")
	}
	return nil, kernel.Refuse("the pipeline", "", "its processes keep changing, so it cannot be told when they have ended")
}

// behind looks once. Two descriptors with the same name, "pipe:[1234]", are
// of the same pipe. loose is a process whose pipe has no reader, or 0.
func behind(pid int) (chain []int, loose int, err error) {
	readers, writers, err := pipes()
	if err != nil {
		return nil, 0, err
	}
	chain = []int{pid}
	for i := 0; i < len(chain); i++ {
		for _, pipe := range writers[chain[i]] {
			if len(readers[pipe]) == 0 {
				loose = chain[i]
			}
			for _, reader := range readers[pipe] {
				if !slices.Contains(chain, reader) {
					chain = append(chain, reader)
				}
			}
		}
	}
	return chain, loose, nil
}

// pipes returns which processes have each pipe as their standard input, and
// which pipe each has as its standard output.
func pipes() (readers map[string][]int, writers map[int][]string, err error) {
	links, err := filepath.Glob("/proc/[0-9]*/fd/*")
	if err != nil {
		return nil, nil, err
	}
	readers, writers = map[string][]int{}, map[int][]string{}
	for _, link := range links {
		to, err := os.Readlink(link)
		if err != nil || !strings.HasPrefix(to, "pipe:") {
			continue // closed, or not ours to see
		}
		words := strings.Split(link, "/")
		pid, err := strconv.Atoi(words[2])
		if err != nil {
			return nil, nil, err
		}
		switch words[4] {
		case "0":
			readers[to] = append(readers[to], pid)
		case "1":
			writers[pid] = append(writers[pid], to)
		}
	}
	return readers, writers, nil
}

// heads returns those behind chain[0] whose parent is not in chain, and these
// parents. Who is started by one in the chain is that one's business. Process
// 1 is never among the parents, since it cannot be stopped; nor is the parent
// of chain[0], which may hold its pipe open: sudo(8) does.
func heads(chain []int) (pids, parents []int) {
	for _, pid := range chain[1:] {
		p, err := readProcess(fmt.Sprintf("/proc/%d/stat", pid))
		if err == nil && slices.Contains(chain, p.parent) {
			continue
		}
		pids = append(pids, pid)
		if err == nil && p.parent > 1 && !slices.Contains(parents, p.parent) {
			parents = append(parents, p.parent)
		}
	}
	return pids, parents
}

// writesElsewhere refuses a pipeline that has a file open for writing on one
// of the disks: it would wait for ever once that is frozen.
func writesElsewhere(chain []int, disks []disk) error {
	for _, pid := range chain {
		links, err := filepath.Glob(fmt.Sprintf("/proc/%d/fd/*", pid))
		if err != nil {
			return err
		}
		for _, link := range links {
			var st unix.Stat_t
			if unix.Stat(link, &st) != nil || st.Mode&unix.S_IFMT != unix.S_IFREG || !writing(link) {
				continue
			}
			number := fmt.Sprintf("%d:%d", unix.Major(st.Dev), unix.Minor(st.Dev))
			for _, d := range disks {
				if d.writable && d.number == number {
					name, _ := os.Readlink(link) // "" if it was closed just now
					if file, nameless := strings.CutSuffix(name, " (deleted)"); nameless {
						name = filepath.Dir(file)
					}
					return kernel.Refuse(name, "write to a disk that is not mounted, or to another host",
						"pid %d has it open for writing, and it is on %v, which is to be frozen", pid, d)
				}
			}
		}
	}
	return nil
}

// writing reads the flags of a descriptor: proc(5), fdinfo.
func writing(link string) bool {
	b, err := os.ReadFile(strings.Replace(link, "/fd/", "/fdinfo/", 1))
	if err != nil {
		return false
	}
	for line := range strings.Lines(string(b)) {
		if name, value := field(line, ":"); name == "flags" {
			flags, err := strconv.ParseUint(value, 8, 64)
			return err == nil && flags&syscall.O_ACCMODE != syscall.O_RDONLY
		}
	}
	return false
}
