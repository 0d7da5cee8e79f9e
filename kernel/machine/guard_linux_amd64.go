// Who undoes it if this process is killed.
//
// While file systems are frozen, processes stopped and swap areas held, a second
// child waits for the end of this one. Should that come without a word, as by
// SIGKILL, it puts the areas right, which come to be used again, sets back what
// was set, and thaws and wakes the others. It never enters the Go runtime, like
// the one in child_linux_amd64.go, and works through a list in shared memory.

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

// writableFlag is that of fsconfig(2).
const writableFlag = "rw\x00"

const (
	maxGuardedDisks     = 256
	maxGuardedProcesses = 1 << 17
	maxGuardedAreas     = 32 // MAX_SWAPFILES in include/linux/swap.h is no more
	maxGuardedSettings  = 2
	pageSize            = 4 << 10
)

// guard is the list. What is on it may also be free, awake, and as it was.
type guard struct {
	header    [pageSize]byte                  // what is on a disk: direct I/O wants it aligned
	headers   [maxGuardedAreas][pageSize]byte // what is to be there
	gate, key uintptr                         // a pipe: what the child reads, what the parent writes to
	disks     int32
	processes int32
	areas     int32
	settings  int32
	roots     [maxGuardedDisks]int32 // descriptors of mounted file systems
	contexts  [maxGuardedDisks]int32 // and of what they are reconfigured by
	readOnly  [maxGuardedDisks]bool  // not frozen, but read-only
	pids      [maxGuardedProcesses]int32
	area      [maxGuardedAreas]guardedArea
	mark      [markBad]byte // how a mark begins that is to go
	marked    bool          // areas may have it
	setting   [maxGuardedSettings]guardedSetting
	device    [32]byte // the path of /dev/snapshot, ending in a zero byte
}

// guardedArea is a swap area: see writable in swaphold.go.
type guardedArea struct {
	disk   int32
	file   bool
	offset int64
	resume resumeSwapArea
}

// guardedSetting is what a file of /proc or /sys had, and its path, ending in a
// zero byte.
type guardedSetting struct {
	path [64]byte
	was  [32]byte
	size int32
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
	// What its parent has locked is not for who is born by fork(2).
	syscall.RawSyscall(syscall.SYS_MLOCKALL, lockAll, 0, 0)
	var b [1]byte
	if n, _, _ := syscall.RawSyscall(syscall.SYS_READ, g.gate, uintptr(unsafe.Pointer(&b[0])), 1); n == 1 {
		return
	}
	for i := int32(0); g.marked && i < g.areas && i < maxGuardedAreas; i++ {
		g.putRight(&g.area[i], &g.headers[i])
	}
	for i := int32(0); i < g.settings && i < maxGuardedSettings; i++ {
		s := &g.setting[i]
		fd, _, errno := syscall.RawSyscall(syscall.SYS_OPEN, uintptr(unsafe.Pointer(&s.path[0])), syscall.O_WRONLY, 0)
		if errno == 0 {
			syscall.RawSyscall(syscall.SYS_WRITE, fd, uintptr(unsafe.Pointer(&s.was[0])), uintptr(s.size))
			syscall.RawSyscall(syscall.SYS_CLOSE, fd, 0, 0)
		}
	}
	for i := g.disks - 1; i >= 0 && i < maxGuardedDisks; i-- {
		syscall.RawSyscall(syscall.SYS_IOCTL, uintptr(g.roots[i]), fiThaw, 0)
		if g.readOnly[i] {
			context := uintptr(g.contexts[i])
			syscall.RawSyscall6(unix.SYS_FSCONFIG, context, unix.FSCONFIG_SET_FLAG, uintptr(unsafe.Pointer(unsafe.StringData(writableFlag))), 0, 0, 0)
			syscall.RawSyscall6(unix.SYS_FSCONFIG, context, unix.FSCONFIG_CMD_RECONFIGURE, 0, 0, 0, 0)
		}
	}
	for i := int32(0); i < g.processes && i < maxGuardedProcesses; i++ {
		syscall.RawSyscall(syscall.SYS_KILL, uintptr(g.pids[i]), uintptr(syscall.SIGCONT), 0)
	}
}

// putRight writes the header of an area as it was, if it is marked.
//
//go:nosplit
//go:norace
func (g *guard) putRight(a *guardedArea, was *[pageSize]byte) {
	n, _, errno := syscall.RawSyscall6(syscall.SYS_PREAD64, uintptr(a.disk), uintptr(unsafe.Pointer(&g.header)), pageSize, uintptr(a.offset), 0, 0)
	if errno != 0 || n != pageSize {
		return
	}
	for i := range g.mark {
		if g.header[swapPadding+i] != g.mark[i] {
			return
		}
	}
	var snapshot uintptr
	if !a.file {
		if snapshot, _, errno = syscall.RawSyscall(syscall.SYS_OPEN, uintptr(unsafe.Pointer(&g.device[0])), syscall.O_RDONLY, 0); errno != 0 {
			return
		}
		syscall.RawSyscall(syscall.SYS_IOCTL, snapshot, snapshotSetSwapArea, uintptr(unsafe.Pointer(&a.resume)))
	}
	syscall.RawSyscall6(syscall.SYS_PWRITE64, uintptr(a.disk), uintptr(unsafe.Pointer(was)), pageSize, uintptr(a.offset), 0, 0)
	syscall.RawSyscall(syscall.SYS_FSYNC, uintptr(a.disk), 0, 0)
	if !a.file {
		syscall.RawSyscall(syscall.SYS_CLOSE, snapshot, 0, 0)
	}
}

// guardian is the child, as its parent knows it.
type guardian struct {
	list *guard
	mem  *shared
	pid  int
}

// newGuardian starts one for file systems and for swap areas.
func newGuardian(disks mounts, swap *swapHold) (*guardian, error) {
	if len(disks) > maxGuardedDisks {
		return nil, kernel.Refuse(fmt.Sprintf("%d file systems", len(disks)), "", "no more than %d can be frozen", maxGuardedDisks)
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
	for i, m := range disks {
		g.list.roots[i], g.list.contexts[i] = int32(m.root.Fd()), int32(m.context.Fd())
		g.list.disks++
		m.guarded = &g.list.readOnly[i]
	}
	if err := g.list.guardAreas(swap); err != nil {
		return nil, errors.Join(err, unix.Close(gate[1]), mem.unmap(0))
	}
	if g.pid, err = fork(taskGuard, mem.at); err != nil {
		return nil, errors.Join(err, unix.Close(gate[1]), mem.unmap(0))
	}
	return g, nil
}

// guardAreas puts swap areas on the list.
func (g *guard) guardAreas(swap *swapHold) error {
	copy(g.device[:], device)
	copy(g.mark[markMagic:], magicOfMark)
	copy(g.mark[markID:], swap.id[:])
	swap.marked = &g.marked
	for i, a := range swap.areas {
		resume, err := a.asResumeArea()
		if err != nil {
			return err
		}
		copy(g.headers[i][:], a.was)
		g.area[i] = guardedArea{disk: int32(a.disk.Fd()), file: a.file, offset: a.offset, resume: resume}
		g.areas++
	}
	return nil
}

// change sets what a file of /proc or /sys has, to be set back in any case.
func (g *guardian) change(path, value string) (restore func() error, err error) {
	was, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	s := &g.list.setting[g.list.settings]
	if len(path) >= len(s.path) || len(was) > len(s.was) {
		return nil, fmt.Errorf("%s: too long to be kept: %q", path, was)
	}
	copy(s.path[:], path)
	s.size = int32(copy(s.was[:], was))
	g.list.settings++
	put := func(value []byte) error { return os.WriteFile(path, value, 0) }
	return func() error { return put(was) }, put([]byte(value))
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
