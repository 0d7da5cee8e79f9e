// What descends from a process: to find the program that snapresume runs, and
// to leave nothing behind when a test has failed.

package cycle

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// Children returns the children of all threads of a process.
func Children(pid int) []int {
	var all []int
	tasks, err := os.ReadDir(fmt.Sprintf("/proc/%d/task", pid))
	if err != nil {
		return nil // it has ended
	}
	for _, task := range tasks {
		b, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%s/children", pid, task.Name()))
		if err != nil {
			continue
		}
		for _, word := range strings.Fields(string(b)) {
			if child, err := strconv.Atoi(word); err == nil {
				all = append(all, child)
			}
		}
	}
	return all
}

// Running lists the processes that are executing a file.
func Running(path string) (all []int) {
	entries, _ := os.ReadDir("/proc")
	for _, entry := range entries {
		exe, err := os.Readlink("/proc/" + entry.Name() + "/exe")
		if pid, e := strconv.Atoi(entry.Name()); err == nil && e == nil && exe == path {
			all = append(all, pid)
		}
	}
	return all
}

// killTree kills a process and all that descends from it, and waits for their end: until
// then their addresses are taken. Each is stopped before its children are looked for, so
// that none is missed.
func killTree(pid int) {
	for _, k := range killAll(pid, nil) {
		for !k.ended() {
		}
		unix.Close(k.pidfd)
	}
}

// killed is a process that was.
type killed struct{ pid, pidfd int }

// killAll adds whom it has killed.
func killAll(pid int, all []killed) []killed {
	pidfd, err := unix.PidfdOpen(pid, 0)
	if err != nil {
		return all
	}
	if unix.PidfdSendSignal(pidfd, unix.SIGSTOP, nil, 0) == nil {
		for _, child := range Children(pid) {
			all = killAll(child, all)
		}
		unix.PidfdSendSignal(pidfd, unix.SIGKILL, nil, 0)
	}
	return append(all, killed{pid, pidfd})
}

// ended waits a moment for the end of all threads, or until they have nothing open any
// more: the first process of a PID namespace stays until all others of that are reaped,
// which may be by somebody who never does.
func (k killed) ended() bool {
	const moment = 20 // milliseconds
	n, err := unix.Poll([]unix.PollFd{{Fd: int32(k.pidfd), Events: unix.POLLIN}}, moment)
	if n > 0 || err != nil && err != unix.EINTR {
		return true
	}
	open, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/fd/*", k.pid))
	return err == nil && len(open) == 0
}

// End kills a process that is nobody's child here, and its descendants, and waits until its
// ID is free, or it is for its parent to free it.
func End(t *testing.T, pid int) {
	t.Helper()
	killTree(pid)
	Until(t, "the end of a process", func() bool { s := State(pid); return s == 0 || s == 'Z' })
}

// killWithin kills all that works in a directory, was started from there, or
// was told of it.
func killWithin(dir string) {
	pids, _ := os.ReadDir("/proc")
	for _, entry := range pids {
		pid, err := strconv.Atoi(entry.Name())
		if err != nil || pid == os.Getpid() {
			continue
		}
		pidfd, err := unix.PidfdOpen(pid, 0) // whose it is then stays so
		if err != nil {
			continue
		}
		if isWithin(pid, dir) {
			unix.PidfdSendSignal(pidfd, unix.SIGKILL, nil, 0)
		}
		unix.Close(pidfd)
	}
}

func isWithin(pid int, dir string) bool {
	proc := fmt.Sprintf("/proc/%d/", pid)
	for _, link := range []string{"cwd", "exe"} {
		if to, err := os.Readlink(proc + link); err == nil && (to == dir || strings.HasPrefix(to, dir+"/")) {
			return true
		}
	}
	b, _ := os.ReadFile(proc + "cmdline")
	for _, argument := range strings.Split(string(b), "\x00") {
		if argument == dir || strings.HasPrefix(argument, dir+"/") {
			return true
		}
	}
	return false
}

// State is the letter of proc_pid_stat(5): 'S' sleeping, 'T' stopped, 'Z'
// ended; 0 if there is no such process.
func State(pid int) byte {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0
	}
	// The name may hold anything, a parenthesis too.
	_, rest, ok := bytes.Cut(b[max(bytes.LastIndexByte(b, ')'), 0):], []byte(" "))
	if !ok {
		return 0
	}
	return rest[0]
}
