// Trees of processes that hold nothing yet, as /proc and waitid(2) see them.

package restore_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"snappipe/kernel"
	"snappipe/kernel/process/proc"
	"snappipe/kernel/process/restore"
	"snappipe/kernel/process/world"
)

// relative is a process by the distance of its IDs from the first of the tree.
// Groups and sessions below 0 are of nobody in the tree.
type relative struct {
	pid, parent, group, session int
	signal                      unix.Signal // at its end
	status                      int         // of one that has ended, or
	alive                       bool
	tty                         bool // of ours
}

func live(pid, parent, group, session int) relative {
	return relative{pid, parent, group, session, unix.SIGCHLD, 0, true, false}
}

func dead(pid, parent, group, session, status int) relative {
	return relative{pid, parent, group, session, unix.SIGCHLD, status, false, false}
}

// onTerminal has it have the terminal of a session whose leader is not in the tree.
func onTerminal(r relative) relative {
	r.tty = true
	return r
}

// skeletons are trees, each of a root in group -1 and session -2 (which become its
// own and ours) unless it leads them.
var skeletons = map[string][]relative{
	"nested children": {
		live(0, 0, -1, -2), live(3, 0, -1, -2), live(5, 3, -1, -2), live(4, 5, -1, -2), live(9, 0, -1, -2),
	},
	"root leads a session": {
		live(0, 0, 0, 0), live(1, 0, 1, 0), live(2, 1, 1, 0), live(3, 0, 3, 3), live(4, 3, 4, 3),
	},
	"sessions": {
		live(0, 0, -1, -2), live(1, 0, 1, 1), live(2, 1, 2, 1), live(3, 1, 2, 1), live(4, 2, 4, 4), live(5, 4, 4, 4),
	},
	"child from before setsid": {
		live(0, 0, -1, -2), live(1, 0, 1, 1), live(2, 1, -1, -2), live(3, 1, 1, 1), live(4, 1, 4, 4), live(5, 4, 1, 1), live(6, 4, 4, 4),
	},
	"before setsid of the root": {
		live(0, 0, 0, 0), onTerminal(live(1, 0, -5, -6)), live(2, 0, 0, 0), live(3, 1, 3, -6), live(4, 0, -7, -8),
	},
	"leader born before that of its parent": {
		live(0, 0, -1, -2), live(1, 0, 1, 1), live(2, 1, 2, 2), live(3, 2, -1, -2), live(4, 2, 2, 2),
	},
	"group, leader gone": {
		live(0, 0, -1, -2), live(2, 0, 1, -2), live(3, 0, 1, -2), live(4, 3, 1, -2), live(5, 0, 5, 5), live(7, 5, 6, 5),
	},
	"group, leader went elsewhere": {
		live(0, 0, -1, -2), live(1, 0, 2, -2), live(2, 0, 1, -2), live(3, 0, 1, -2), live(4, 0, 5, -2), live(5, 0, 4, -2),
	},
	"session, leader gone": {
		live(0, 0, -1, -2), live(2, 0, 1, 1), live(3, 2, 3, 1), live(4, 0, 1, 1), live(6, 0, 5, 1),
	},
	"session, leader gone, its group too": {
		live(0, 0, -1, -2), live(2, 0, 2, 1), live(3, 0, 8, 1),
	},
	"subreaper": { // of a daemon: its session is led by another, or by nobody
		live(0, 0, -1, -2), live(1, 0, -1, -2), live(2, 1, 2, 2), live(3, 0, 2, 2), live(4, 3, 4, 2), live(5, 0, 9, 9), live(6, 1, 9, 9),
		live(7, 0, 7, 7), live(8, 7, 2, 2),
	},
	"zombies": {
		live(0, 0, -1, -2), dead(1, 0, -1, -2, 7<<8), dead(2, 0, -1, -2, int(unix.SIGTERM)), dead(3, 0, -1, -2, int(unix.SIGKILL)),
		dead(4, 0, 4, -2, 0), live(5, 0, 4, -2), dead(6, 5, 6, 6, 255<<8), live(7, 0, 6, 6), dead(8, 7, 11, 6, int(unix.SIGSEGV)),
		dead(9, 0, -1, -2, 34), dead(10, 0, -1, -2, int(unix.SIGPIPE)),
	},
	"exit signals": {
		live(0, 0, -1, -2), {1, 0, -1, -2, unix.SIGUSR1, 0, true, false}, {2, 0, -1, -2, 0, 0, true, false},
		{3, 0, -1, -2, unix.SIGUSR2, 3 << 8, false, false}, {4, 0, -1, -2, 0, 4 << 8, false, false}, {5, 1, -1, -2, 35, int(unix.SIGHUP), false, false},
	},
}

func tasks(base int, all []relative) []world.Task {
	var tasks []world.Task
	for _, r := range all {
		t := world.Task{
			PID: base + r.pid, PPID: base + r.parent, PGID: base + r.group, SID: base + r.session,
			ExitSignal: int(r.signal), Status: r.status, Comm: "was-" + world.Text(strconv.Itoa(r.pid)), Exe: world.NoIndex,
		}
		for i := range 3 {
			t.UIDs[i], t.GIDs[i] = uint32(os.Geteuid()), uint32(os.Getegid())
		}
		if r.tty {
			t.TTY = 1
		}
		if !r.alive {
			t.Space, t.Table = world.NoIndex, world.NoIndex
			if os.Geteuid() == 0 {
				t.UIDs, t.GIDs = [4]uint32{1, 1, 1, 1}, [4]uint32{2, 2, 2, 2}
			}
		}
		tasks = append(tasks, t)
	}
	return tasks
}

// freeIDs finds IDs that nobody has.
func freeIDs(t *testing.T) (base int) {
	t.Helper()
	const around = 20
	pids, err := proc.Processes()
	if err != nil {
		t.Fatal(err)
	}
	used := map[int]bool{}
	for _, pid := range pids {
		tids, _ := proc.Tasks(pid)
		for _, id := range append(tids, pid) {
			used[id] = true
		}
		if stat, err := proc.ReadStat(pid); err == nil {
			used[int(stat.Field(5))], used[int(stat.Field(6))] = true, true
		}
	}
	for base = (unix.Getpid()+15000)%30000 + 1000; !free(used, base-around, base+around); {
		base++
	}
	return base
}

func free(used map[int]bool, from, to int) bool {
	for id := from; id < to; id++ {
		if used[id] {
			return false
		}
	}
	return true
}

func TestSkeletons(t *testing.T) {
	for name, all := range skeletons {
		t.Run(name, func(t *testing.T) {
			base := freeIDs(t)
			s, err := restore.NewSkeleton(tasks(base, all), quiet())
			if err != nil {
				t.Fatal(err)
			}
			if s.Namespaced() != (os.Geteuid() != 0) {
				t.Errorf("namespace: %v", s.Namespaced())
			}
			compareTree(t, s, base, all)
			pids := outerIDs(s, base, all)
			if err := s.Close(); err != nil {
				t.Error(err)
			}
			gone(t, pids)
		})
	}
}

func quiet() kernel.Options {
	return kernel.Options{Report: func(string) {}, Warn: func(string) {}}
}

// The same as an ordinary user, who needs a namespace for it.
func TestSkeletonsUnprivileged(t *testing.T) {
	if os.Geteuid() != 0 {
		return
	}
	asNobody(t, "^(TestSkeletons|TestIDsTaken|TestTerminals|TestResumeTree)$")
}

func asNobody(t *testing.T, tests string) {
	t.Helper()
	dir, err := os.MkdirTemp("", "restore")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	program := filepath.Join(dir, "test")
	code, err := os.ReadFile("/proc/self/exe")
	if err == nil {
		err = os.WriteFile(program, code, 0o755)
	}
	if err == nil {
		err = os.CopyFS(filepath.Join(dir, "testdata"), os.DirFS("testdata"))
	}
	if err == nil {
		err = os.Chmod(dir, 0o755)
	}
	if err != nil {
		t.Fatal(err)
	}
	const nobody = 65534
	cmd := exec.Command(program, "-test.run="+tests, "-test.v")
	cmd.Dir = dir
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
	cmd.Env = append(os.Environ(), "TMPDIR=/tmp")
	out, err := cmd.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "--- PASS: TestSkeletons/zombies") || !strings.Contains(string(out), "--- PASS: TestResumeTree") {
		t.Errorf("as user %d: %v\n%s", nobody, err, out)
	}
}

// compareTree compares all that is to be seen with what it is to be.
func compareTree(t *testing.T, s *restore.Skeleton, base int, all []relative) {
	t.Helper()
	own, err := proc.ReadStat(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	const group, session = 5, 6
	root := all[0]
	id := func(n, outer int) int {
		switch {
		case n == root.group && outer == group:
			return base
		case n == root.session && outer == session && root.session != root.pid, n == -6 && outer == session:
			if s.Namespaced() {
				return 0
			}
			return int(own.Field(session))
		}
		return base + n
	}
	for _, r := range all {
		parent := os.Getpid()
		if r.pid != 0 {
			parent = s.PID(base + r.parent)
		}
		state := "zombie"
		if r.alive {
			state = "alive"
		}
		want := fmt.Sprintf("%s, pid %d of %d, group %d, session %d, signal %d, status %#x",
			state, base+r.pid, parent, id(r.group, group), id(r.session, session), r.signal, r.status)
		if r.pid == 0 {
			want = fmt.Sprintf("%s, pid %d of %d, group %d, session %d, signal %d, status %#x",
				state, base, parent, base, id(r.session, session), unix.SIGCHLD, 0)
		}
		if got := seen(t, s.PID(base+r.pid)); got != want {
			t.Errorf("process %d is\n %s, not\n %s", r.pid, got, want)
		}
		if !r.alive {
			compareZombie(t, s, base, r)
		}
	}
}

// seen is what /proc says.
func seen(t *testing.T, pid int) string {
	t.Helper()
	stat, err := proc.ReadStat(pid)
	if err != nil {
		t.Fatal(err)
	}
	status, err := proc.ReadStatus(pid)
	if err != nil {
		t.Fatal(err)
	}
	inner := func(field string) int {
		all := status.Numbers(field)
		return int(all[len(all)-1])
	}
	state := "alive"
	if stat.State() == 'Z' {
		state = "zombie"
	}
	const ppid, exitSignal, exitCode = 4, 38, 52
	return fmt.Sprintf("%s, pid %d of %d, group %d, session %d, signal %d, status %#x",
		state, inner("NSpid"), stat.Field(ppid), inner("NSpgid"), inner("NSsid"), stat.Field(exitSignal), stat.Field(exitCode))
}

// compareZombie asks its parent, who is to have no signal for it.
func compareZombie(t *testing.T, s *restore.Skeleton, base int, r relative) {
	t.Helper()
	const exited, killed = 1, 2 // CLD_
	code, status := exited, r.status>>8
	if r.status&0x7f != 0 {
		code, status = killed, r.status
	}
	uid := os.Geteuid()
	if uid == 0 {
		uid = 1
	}
	want := fmt.Sprintf("code %d pid %d uid %d status %d", code, base+r.pid, uid, status)
	got, err := s.Waitid(base+r.parent, base+r.pid)
	if err != nil || got != want {
		t.Errorf("waitid says of %d: %s, %v, not %s", r.pid, got, err, want)
	}
	parent, err := proc.ReadStatus(s.PID(base + r.parent))
	if err != nil {
		t.Fatal(err)
	}
	if pending := parent.Bits("ShdPnd", 16) | parent.Bits("SigPnd", 16); pending != 0 {
		t.Errorf("signals %#x wait for process %d", pending, r.parent)
	}
	if name, err := proc.Comm(s.PID(base+r.pid), s.PID(base+r.pid)); err != nil || name != "was-"+strconv.Itoa(r.pid) {
		t.Errorf("process %d is called %q, %v", r.pid, name, err)
	}
}

func outerIDs(s *restore.Skeleton, base int, all []relative) (pids []int) {
	for _, r := range all {
		pids = append(pids, s.PID(base+r.pid))
	}
	return pids
}

// gone has to be true of processes at once: nobody else is to wait for them.
func gone(t *testing.T, pids []int) {
	t.Helper()
	for _, pid := range pids {
		if unix.Kill(pid, 0) != unix.ESRCH {
			t.Errorf("process %d is left", pid)
		}
	}
	if pid, err := unix.Wait4(-1, nil, unix.WNOHANG|unix.WALL, nil); err != unix.ECHILD {
		t.Fatalf("left behind: child %d, %v", pid, err)
	}
}
