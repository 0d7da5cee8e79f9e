// Trees of processes are stopped while they grow, and are let go.

package ptrace

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"snappipe/kernel/process/proc"

	"golang.org/x/sys/unix"
)

// However the tree has its children, nobody is missed when it is stopped, nobody
// goes on, and nobody notices.
func TestStopTree(t *testing.T) {
	for _, kind := range []string{"forks", "vforks", "orphans", "threads"} {
		for _, tracers := range []int{1, 3} {
			t.Run(fmt.Sprintf("%s, %d tracers", kind, tracers), func(t *testing.T) {
				s := startStorm(t, kind, 4)
				rounds := 40
				if testing.Short() {
					rounds = 10
				}
				onTracers(t, tracers, func(all *Tracers) {
					for range rounds {
						s.stopOnce(t, all)
						time.Sleep(5 * time.Millisecond)
					}
				})
				s.unharmed(t)
			})
		}
	}
}

// stopOnce stops the tree and lets it go.
func (s *storm) stopOnce(t *testing.T, all *Tracers) {
	t.Helper()
	tree, err := StopTree(s.pid, all, 5*time.Second, anybody)
	if err != nil {
		t.Fatal(err)
	}
	before, _ := s.tally(t)
	stopped, zombies := map[int]bool{}, map[int]bool{}
	for i, m := range tree.Members {
		stopped[m.PID] = true
		if m.Parent != 0 && !slices.ContainsFunc(tree.Members[:i], func(p *Member) bool { return p.PID == m.Parent }) {
			t.Errorf("process %d is listed, and not its parent %d before it", m.PID, m.Parent)
		}
	}
	for _, z := range tree.Zombies {
		zombies[z.PID] = true
	}
	for _, pid := range descendants(s.pid) {
		stat, err := proc.ReadStat(pid)
		switch {
		case err != nil:
			t.Errorf("process %d has ended in a tree that is stopped", pid)
		case stat.State() == 'Z' && zombies[pid], stat.State() == 't' && stopped[pid]:
			delete(stopped, pid)
			delete(zombies, pid)
		default:
			t.Errorf("process %d (%s) was missed, its state is %c", pid, stat.Comm, stat.State())
		}
	}
	if len(stopped)+len(zombies) > 0 {
		t.Errorf("who is no descendant: %v, and zombies: %v", stopped, zombies)
	}
	if after, _ := s.tally(t); after != before {
		t.Errorf("they went on from %d to %d", before, after)
	}
	if err := tree.Release(noMemory); err != nil {
		t.Fatal(err)
	}
}

// Who has ended and was not waited for is told with the status.
func TestZombies(t *testing.T) {
	s := startStorm(t, "zombies", 1)
	s.awaitZombies(t, 3)
	onTracers(t, 2, func(all *Tracers) {
		tree, err := StopTree(s.pid, all, time.Second, anybody)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, z := range tree.Zombies {
			got = append(got, fmt.Sprintf("%#x to parent %d by signal %d", uint32(z.Stat.ExitStatus()), z.Parent, z.Stat.ExitSignal()))
		}
		var want []string
		for _, status := range []int{40 << 8, int(unix.SIGKILL), 42 << 8} {
			want = append(want, fmt.Sprintf("%#x to parent %d by signal %d", status, tree.Members[1].PID, unix.SIGCHLD))
		}
		if !slices.Equal(got, want) {
			t.Errorf("zombies are %q, want %q", got, want)
		}
		if err := tree.Release(noMemory); err != nil {
			t.Error(err)
		}
	})
	s.unharmed(t)
}

// A vfork child that neither calls exec nor ends is named, and goes on.
func TestVforkThatLasts(t *testing.T) {
	s := startStorm(t, "sleeps", 2)
	for slices.ContainsFunc(descendants(s.pid), func(pid int) bool { return proc.Uninterruptible(pid, pid) }) == false {
		time.Sleep(time.Millisecond)
	}
	onTracers(t, 2, func(all *Tracers) {
		_, err := StopTree(s.pid, all, 300*time.Millisecond, anybody)
		var member *MemberError
		var vfork *VforkError
		if !errors.As(err, &member) || !errors.As(err, &vfork) || !errors.Is(err, ErrWontStop) {
			t.Fatalf("the error is %v, want one of a vfork child", err)
		}
		if stat, err := proc.ReadStat(vfork.Child); err != nil || stat.Field(4) != int64(member.PID) {
			t.Errorf("process %d is said to wait for %d, which is not its child: %v", member.PID, vfork.Child, err)
		}
	})
	s.unharmed(t)
}

// Somebody in the tree is traced by another: that is said before anybody stops.
func TestTracedMember(t *testing.T) {
	s := startStorm(t, "forks", 3)
	victim := descendants(s.pid)[2]
	other := NewTracer()
	do(t, other, func() error { _, err := Seize(victim, SysGood); return err })
	onTracers(t, 2, func(all *Tracers) {
		_, err := StopTree(s.pid, all, time.Second, anybody)
		var member *MemberError
		var traced *TracedError
		if !errors.As(err, &member) || !errors.As(err, &traced) || member.PID != victim {
			t.Errorf("the error is %v, want that process %d is traced", err, victim)
		}
		s.untraced(t, victim) // although the tracers go on
	})
	other.Close()
	s.unharmed(t)
}

// Who was orphaned after it was stopped is let go.
func TestOrphansAreLeft(t *testing.T) {
	s := startStorm(t, "zombies", 3)
	onTracers(t, 2, func(all *Tracers) {
		tree, err := StopTree(s.pid, all, time.Second, anybody)
		if err != nil {
			t.Fatal(err)
		}
		orphan := tree.Members[len(tree.Members)-1].PID
		tree.Members = tree.Members[:len(tree.Members)-1]
		if err := tree.leaveOrphans(); err != nil {
			t.Error(err)
		}
		if status, err := proc.ReadStatus(orphan); err != nil || status.Int("TracerPid") != 0 {
			t.Errorf("it is traced still, %v", err)
		}
		if err := tree.Release(noMemory); err != nil {
			t.Error(err)
		}
	})
	s.unharmed(t)
}

// What is refused of a member leaves all of them alone.
func TestRefusedMember(t *testing.T) {
	s := startStorm(t, "threads", 3)
	no := errors.New("no")
	onTracers(t, 2, func(all *Tracers) {
		for n := range 6 {
			told := 0
			tree, err := StopTree(s.pid, all, time.Second, func(int) (Option, error) {
				if told++; told > n {
					return 0, no
				}
				return SysGood, nil
			})
			if err == nil && n >= 4 { // nobody else came
				err = errors.Join(no, tree.Release(noMemory))
			}
			if !errors.Is(err, no) {
				t.Errorf("refusing member %d: %v", n, err)
			}
			s.untraced(t, 0) // although the tracers go on
		}
	})
	s.unharmed(t)
}

// Members that are killed while they are stopped are their parents' to wait for, at
// once.
func TestKilledWhileStopped(t *testing.T) {
	s := startStorm(t, "forks", 2)
	victim := descendants(s.pid)[1]
	onTracers(t, 2, func(all *Tracers) {
		tree, err := StopTree(s.pid, all, time.Second, anybody)
		if err != nil {
			t.Fatal(err)
		}
		unix.Kill(victim, unix.SIGKILL)
		if err := tree.Release(noMemory); err != nil {
			t.Error(err)
		}
		if stat, err := proc.ReadStat(victim); err == nil && stat.State() != 'Z' {
			t.Errorf("the state of who was killed is %c", stat.State())
		}
		if status, err := proc.ReadStatus(victim); err == nil && status.Int("TracerPid") != 0 {
			t.Error("who was killed is traced still")
		}
	})
	s.unharmed(t)
}

// The tracer is killed at any point: all go on.
func TestTracerKilled(t *testing.T) {
	if of := os.Getenv("STOP_TREE_OF"); of != "" {
		var pid int
		fmt.Sscan(of, &pid)
		onTracers(t, 2, func(all *Tracers) {
			for {
				tree, err := StopTree(pid, all, 5*time.Second, anybody)
				if err != nil {
					t.Fatal(err)
				}
				tree.Release(noMemory)
			}
		})
	}
	for _, kind := range []string{"forks", "vforks", "threads"} {
		t.Run(kind, func(t *testing.T) {
			s := startStorm(t, kind, 3)
			for i := range 15 {
				cmd := exec.Command("/proc/self/exe", "-test.run=TestTracerKilled$")
				cmd.Env = append(os.Environ(), fmt.Sprint("STOP_TREE_OF=", s.pid))
				if err := cmd.Start(); err != nil {
					t.Fatal(err)
				}
				time.Sleep(time.Duration(20000+1700*i) * time.Microsecond)
				cmd.Process.Kill()
				cmd.Wait()
			}
			s.unharmed(t)
		})
	}
}

// What costs most is shared out evenly.
func TestShares(t *testing.T) {
	self := os.Getpid()
	all := NewTracers(2)
	defer all.Close()
	member := func() *Member { return &Member{Group: &Group{PID: self}} }
	fresh := []*Member{member(), member(), member(), member()}
	all.share(fresh, map[int]*Member{1: {Share: 0, cost: 1 << 40}})
	for _, m := range fresh {
		if m.Share != 1 {
			t.Errorf("a member is given to share %d, which has more than enough", m.Share)
		}
	}
	if all.share([]*Member{member()}, nil); all.count() != 2 {
		t.Errorf("%d threads", all.count())
	}
	alone := NewTracers(runtime.NumCPU())
	if alone.share([]*Member{member()}, nil); alone.count() != 1 {
		t.Errorf("%d threads for one process", alone.count())
	}
}

func anybody(int) (Option, error) { return SysGood, nil }

// onTracers runs f on a tracing thread, with others beside it.
func onTracers(t *testing.T, n int, f func(*Tracers)) {
	t.Helper()
	tracer := NewTracer()
	defer tracer.Close()
	// A t.Fatal in f is the end of the tracing thread.
	over, failed := make(chan struct{}), true
	go tracer.Do(func() error {
		defer close(over)
		all := NewTracers(n)
		defer all.Close()
		f(all)
		failed = false
		return nil
	})
	if <-over; failed {
		t.FailNow()
	}
}

// storm is a running testdata/storm.c.
type storm struct {
	pid  int
	file string
}

func startStorm(t *testing.T, kind string, n int) *storm {
	t.Helper()
	dir := t.TempDir()
	bin, file := filepath.Join(dir, "storm"), filepath.Join(dir, "tally")
	if out, err := exec.Command("gcc", "-O1", "-pthread", "-o", bin, "testdata/storm.c").CombinedOutput(); err != nil {
		t.Fatalf("gcc: %v\n%s", err, out)
	}
	cmd := exec.Command(bin, kind, fmt.Sprint(n), file)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		unix.Kill(-cmd.Process.Pid, unix.SIGKILL)
		cmd.Wait()
	})
	s := &storm{cmd.Process.Pid, file}
	if kind != "sleeps" {
		s.await(t, 10)
	}
	for len(families()[s.pid]) < n { // who stay, where those that these have come and go
		time.Sleep(time.Millisecond)
	}
	return s
}

// tally is what the processes have counted.
func (s *storm) tally(t *testing.T) (done, wrong int) {
	t.Helper()
	b, err := os.ReadFile(s.file)
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	if len(b) < 16 {
		return 0, 0
	}
	return int(binary.LittleEndian.Uint64(b)), int(binary.LittleEndian.Uint64(b[8:]))
}

func (s *storm) await(t *testing.T, want int) {
	t.Helper()
	for deadline := time.Now().Add(15 * time.Second); ; time.Sleep(time.Millisecond) {
		done, _ := s.tally(t)
		if done >= want {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("they have come to %d, not %d: %s", done, want, s.states())
		}
	}
}

// awaitZombies waits until so many have ended.
func (s *storm) awaitZombies(t *testing.T, want int) {
	t.Helper()
	for deadline := time.Now().Add(15 * time.Second); ; time.Sleep(time.Millisecond) {
		ended := 0
		for _, pid := range descendants(s.pid) {
			if stat, err := proc.ReadStat(pid); err == nil && stat.State() == 'Z' {
				ended++
			}
		}
		if ended == want {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%d have ended, not %d: %s", ended, want, s.states())
		}
	}
}

// states tells of all of them.
func (s *storm) states() string {
	var all []string
	for _, pid := range descendants(s.pid) {
		if stat, err := proc.ReadStat(pid); err == nil {
			all = append(all, fmt.Sprintf("%d (%s) %c", pid, stat.Comm, stat.State()))
		}
	}
	return strings.Join(all, ", ")
}

// untraced waits for nobody to be traced, who descends from it or did, but for one
// whom another traces.
func (s *storm) untraced(t *testing.T, but int) {
	t.Helper()
	traced := func(pid int) bool {
		const group = 5
		if stat, err := proc.ReadStat(pid); pid == but || err != nil || stat.Field(group) != int64(s.pid) {
			return false
		}
		status, err := proc.ReadStatus(pid)
		return err == nil && status.Int("TracerPid") != 0
	}
	for deadline := time.Now().Add(2 * time.Second); ; time.Sleep(time.Millisecond) {
		pids, err := proc.Processes()
		if err != nil {
			t.Fatal(err)
		}
		i := slices.IndexFunc(pids, traced)
		if i < 0 {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("process %d is still traced, of %s", pids[i], s.states())
		}
	}
}

// unharmed checks that all go on, and that none has seen anything.
func (s *storm) unharmed(t *testing.T) {
	t.Helper()
	s.untraced(t, 0)
	done, _ := s.tally(t)
	s.await(t, done+4)
	if _, wrong := s.tally(t); wrong > 0 {
		t.Errorf("they found %d things wrong", wrong)
	}
}

// families are the children of each process, by another way than that of StopTree: the
// parents of all.
func families() map[int][]int {
	pids, _ := proc.Processes()
	children := map[int][]int{}
	for _, pid := range pids {
		if stat, err := proc.ReadStat(pid); err == nil {
			children[int(stat.Field(4))] = append(children[int(stat.Field(4))], pid)
		}
	}
	return children
}

// descendants are root, its children, and who descends from these.
func descendants(root int) []int {
	children := families()
	all := []int{root}
	for i := 0; i < len(all); i++ {
		all = append(all, children[all[i]]...)
	}
	return all
}
