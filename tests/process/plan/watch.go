// Package plan holds what snapresume --list says against what snapresume does.
package plan

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"

	"snappipe/kernel/process/world"
)

// deed is something that was done by a path or an address.
type deed struct {
	call, what string
	writes     bool // the file was opened for writing, made, changed or removed
}

// paths are the calls that take a path: by which argument, and which argument has the
// directory that it begins at and the flags of open(2), or -1.
var paths = map[uint64]struct {
	name           string
	path, from, fl int
}{
	unix.SYS_OPEN: {"open", 0, -1, 1}, unix.SYS_OPENAT: {"open", 1, 0, 2}, unix.SYS_CREAT: {"creat", 0, -1, -1},
	unix.SYS_OPENAT2: {"openat2", 1, 0, -1}, unix.SYS_TRUNCATE: {"truncate", 0, -1, -1},
	unix.SYS_MKDIR: {"mkdir", 0, -1, -1}, unix.SYS_MKDIRAT: {"mkdir", 1, 0, -1},
	unix.SYS_MKNOD: {"mknod", 0, -1, -1}, unix.SYS_MKNODAT: {"mknod", 1, 0, -1},
	unix.SYS_UNLINK: {"unlink", 0, -1, -1}, unix.SYS_UNLINKAT: {"unlink", 1, 0, -1}, unix.SYS_RMDIR: {"rmdir", 0, -1, -1},
	unix.SYS_RENAME: {"rename", 1, -1, -1}, unix.SYS_RENAMEAT: {"rename", 3, 2, -1}, unix.SYS_RENAMEAT2: {"rename", 3, 2, -1},
	unix.SYS_LINK: {"link", 1, -1, -1}, unix.SYS_LINKAT: {"link", 3, 2, -1},
	unix.SYS_SYMLINK: {"symlink", 1, -1, -1}, unix.SYS_SYMLINKAT: {"symlink", 2, 1, -1},
	unix.SYS_CHMOD: {"chmod", 0, -1, -1}, unix.SYS_FCHMODAT: {"chmod", 1, 0, -1},
	unix.SYS_CHOWN: {"chown", 0, -1, -1}, unix.SYS_LCHOWN: {"chown", 0, -1, -1},
	unix.SYS_INOTIFY_ADD_WATCH: {"inotify_add_watch", 1, -1, -1}, unix.SYS_CHDIR: {"chdir", 0, -1, -1},
}

// Ends of struct ptrace_syscall_info (ptrace(2)).
const (
	getSyscallInfo = 0x420e
	atEntry        = 1
	atExit         = 2
)

// watch runs a command and returns what it did, all of its threads, but not its
// children: those have a tracer, which it is. It is to be called on a locked thread.
func watch(t *testing.T, cmd *exec.Cmd) (deeds []deed) {
	t.Helper()
	cmd.SysProcAttr.Ptrace = true
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	const own = unix.WALL | unix.WNOTHREAD // of this thread alone
	entered, known := map[int]deed{}, map[int]bool{cmd.Process.Pid: true}
	var status unix.WaitStatus
	if _, err := unix.Wait4(cmd.Process.Pid, &status, own, nil); err != nil || !status.Stopped() {
		t.Fatalf("the tool is not there: %v, %#x", err, status)
	}
	// Threads come along by clone(2) with another signal than SIGCHLD, and no others.
	if err := unix.PtraceSetOptions(cmd.Process.Pid, unix.PTRACE_O_TRACECLONE|unix.PTRACE_O_TRACESYSGOOD|unix.PTRACE_O_EXITKILL); err != nil {
		t.Fatal(err)
	}
	tid := cmd.Process.Pid
	for signal := 0; ; {
		if err := unix.PtraceSyscall(tid, signal); err != nil && !errors.Is(err, unix.ESRCH) {
			t.Fatal(err)
		}
		var err error
		for {
			tid, err = unix.Wait4(-1, &status, own, nil)
			if !errors.Is(err, unix.EINTR) && !(err == nil && !status.Stopped()) {
				break
			}
		}
		if errors.Is(err, unix.ECHILD) {
			_ = cmd.Wait() // until all that it has said has come: its end was seen here
			return deeds
		}
		if err != nil {
			t.Fatal(err)
		}
		signal = 0
		switch sig := status.StopSignal(); {
		case sig == unix.SIGTRAP|0x80:
			deeds = step(tid, entered, deeds)
		case sig == unix.SIGTRAP:
		case sig == unix.SIGSTOP && !known[tid]:
			known[tid] = true
		default:
			signal = int(sig)
		}
	}
}

// step remembers what a call is about when it begins, for when it has done that.
func step(tid int, entered map[int]deed, deeds []deed) []deed {
	var info struct {
		op   uint8
		_    [23]byte
		args [7]uint64 // the number of the call and its arguments, or what it returns
	}
	if _, _, errno := unix.Syscall6(unix.SYS_PTRACE, getSyscallInfo, uintptr(tid), unsafe.Sizeof(info), uintptr(unsafe.Pointer(&info)), 0, 0); errno != 0 {
		return deeds
	}
	switch info.op {
	case atEntry:
		delete(entered, tid)
		if d, ok := about(tid, info.args[0], info.args[1:]); ok {
			entered[tid] = d
		}
	case atExit:
		if d, ok := entered[tid]; ok && int64(info.args[0]) >= 0 {
			deeds = append(deeds, d)
		}
		delete(entered, tid)
	}
	return deeds
}

func about(tid int, nr uint64, args []uint64) (deed, bool) {
	switch nr {
	case unix.SYS_BIND, unix.SYS_CONNECT:
		name := map[uint64]string{unix.SYS_BIND: "bind", unix.SYS_CONNECT: "connect"}[nr]
		return deed{name, world.AddressText(read(tid, args[1], int(args[2]))), nr == unix.SYS_BIND}, true
	}
	p, ok := paths[nr]
	if !ok {
		return deed{}, false
	}
	path, _, _ := strings.Cut(string(read(tid, args[p.path], unix.PathMax)), "\x00")
	if !filepath.IsAbs(path) {
		from := "cwd"
		if p.from >= 0 && int32(args[p.from]) != unix.AT_FDCWD {
			from = fmt.Sprintf("fd/%d", int32(args[p.from]))
		}
		dir, _ := os.Readlink(fmt.Sprintf("/proc/%d/%s", tid, from))
		path = filepath.Join(dir, path)
	}
	d := deed{p.name, path, p.name != "chdir" && p.name != "inotify_add_watch"}
	if p.fl >= 0 {
		const all = unix.O_TRUNC | unix.O_CREAT
		d.writes = args[p.fl]&unix.O_PATH == 0 && (args[p.fl]&unix.O_ACCMODE != unix.O_RDONLY || args[p.fl]&all != 0)
	}
	return d, true
}

// read returns up to n bytes of a thread's memory.
func read(tid int, at uint64, n int) []byte {
	mem, err := os.Open(fmt.Sprintf("/proc/%d/mem", tid))
	if err != nil {
		return nil
	}
	defer mem.Close()
	b := make([]byte, n)
	for done := 0; done < n; { // up to the end of what is there
		some, err := mem.ReadAt(b[done:min(n, done+4096-int((at+uint64(done))%4096))], int64(at)+int64(done))
		done += some
		if err != nil {
			return b[:done]
		}
	}
	return b
}
