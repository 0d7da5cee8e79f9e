// Who undoes it if this process is killed.
//
// While file systems are frozen and processes stopped, a second child waits
// for the end of this one. Should that come without a word, as by SIGKILL, it
// thaws and wakes them. It never enters the Go runtime, like the one in
// child_linux_amd64.go, and works through a list in shared memory.

package machine

import (
	"errors"
	"fmt"
	"os"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"

	"snappipe/kernel"
)

// guardName is the child's, for ps(1) and killall(1).
const guardName = "thaw-disks\x00"

const (
	maxGuardedDisks     = 256
	maxGuardedProcesses = 1 << 17
)

// guard is the list. What is on it may also be free and awake.
type guard struct {
	gate, key uintptr // a pipe: what the child reads, what the parent writes to
	disks     int32
	processes int32
	roots     [maxGuardedDisks]int32 // descriptors of mounted file systems
	pids      [maxGuardedProcesses]int32
}

// watch is the child.
//
//go:nosplit
//go:norace
func (g *guard) watch() {
	// Whoever kills all that is called snapcat does not mean this one.
	syscall.RawSyscall(syscall.SYS_PRCTL, unix.PR_SET_NAME, uintptr(unsafe.Pointer(unsafe.StringData(guardName))), 0)
	// The pipeline would wait for the end of our copy of standard output.
	for fd := uintptr(0); fd <= 2; fd++ {
		syscall.RawSyscall(syscall.SYS_CLOSE, fd, 0, 0)
	}
	syscall.RawSyscall(syscall.SYS_CLOSE, g.key, 0, 0)
	var b [1]byte
	if n, _, _ := syscall.RawSyscall(syscall.SYS_READ, g.gate, uintptr(unsafe.Pointer(&b[0])), 1); n == 1 {
		return
	}
	for i := g.disks - 1; i >= 0 && i < maxGuardedDisks; i-- {
		syscall.RawSyscall(syscall.SYS_IOCTL, uintptr(g.roots[i]), fiThaw, 0)
	}
	for i := int32(0); i < g.processes && i < maxGuardedProcesses; i++ {
		syscall.RawSyscall(syscall.SYS_KILL, uintptr(g.pids[i]), uintptr(syscall.SIGCONT), 0)
	}
}

// guardian is the child, as its parent knows it.
type guardian struct {
	list *guard
	mem  *shared
	pid  int
}

// newGuardian starts one for the file systems at roots.
func newGuardian(roots []*os.File) (*guardian, error) {
	if len(roots) > maxGuardedDisks {
		return nil, kernel.Refuse(fmt.Sprintf("%d file systems", len(roots)), "", "no more than %d can be frozen", maxGuardedDisks)
	}
	mem, err := mapShared(unsafe.Sizeof(guard{}))
	if err != nil {
		return nil, err
	}
	var gate [2]int
	if err := unix.Pipe2(gate[:], unix.O_CLOEXEC); err != nil {
		return nil, errors.Join(fmt.Errorf("make a pipe: %w", err), mem.unmap(0))
	}
	defer unix.Close(gate[0])
	g := &guardian{list: (*guard)(mem.at), mem: mem}
	g.list.gate, g.list.key = uintptr(gate[0]), uintptr(gate[1])
	for _, root := range roots {
		g.list.roots[g.list.disks] = int32(root.Fd())
		g.list.disks++
	}
	if g.pid, err = fork(taskGuard, mem.at); err != nil {
		return nil, errors.Join(err, unix.Close(gate[1]), mem.unmap(0))
	}
	return g, nil
}

// add puts a process on the list, before it is stopped.
func (g *guardian) add(pid int) error {
	if g.list.processes == maxGuardedProcesses {
		return kernel.Refuse("processes", "", "there are more than the %d that can be stopped", maxGuardedProcesses)
	}
	g.list.pids[g.list.processes] = int32(pid)
	g.list.processes++
	return nil
}

// dismiss ends the child, since all has been undone.
func (g *guardian) dismiss() error {
	key := int(g.list.key)
	_, err := unix.Write(key, []byte{1})
	err = errors.Join(err, unix.Close(key))
	if err != nil {
		return fmt.Errorf("dismiss process %d: %w", g.pid, err)
	}
	if _, err := waitFor(g.pid); err != nil && !errors.Is(err, unix.ECHILD) {
		return err
	}
	return g.mem.unmap(0)
}
