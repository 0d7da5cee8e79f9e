// Agents that die at every single step that they take with a program.

package agent

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"
	"unsafe"

	"snappipe/kernel/process/proc"
	"snappipe/kernel/process/ptrace"

	"golang.org/x/sys/unix"
)

// Whatever an agent has just done to a program when it is killed, the program goes
// on as it was, or stays stopped.
func TestKilledAtEachStep(t *testing.T) {
	for _, test := range []struct {
		name    string
		args    []string
		apart   int // the steps that are tried
		options Options
		stopped bool
	}{
		{"waiting", []string{"0", "0"}, 1, Options{}, false},
		{"busy", []string{"0", "0", "busy"}, 4, Options{}, false},
		{"threads", []string{"6", "0"}, 2, Options{}, false},
		{"tree", []string{"1", "2"}, 3, Options{}, false},
		{"one memory", []string{"1", "2", "memory", "8"}, 5, Options{}, false},
		{"precopy", []string{"2", "0", "idle", "8"}, 3, Options{Precopy: true}, false},
		{"precopy of a tree", []string{"1", "2", "idle", "8"}, 9, Options{Precopy: true}, false},
		{"stopped", []string{"2", "0", "idle", "8"}, 9, Options{Precopy: true}, true},
		{"stopped tree", []string{"1", "2"}, 7, Options{}, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			p := startSound(t, test.args...)
			apart := test.apart
			if testing.Short() {
				apart *= 5
			}
			p.stays = test.stopped
			step := 1
			for ; killedAt(t, p, step, test.options); step += apart {
				p.answers(t, step)
			}
			if step < 20 {
				t.Errorf("the snapshot was whole before step %d", step)
			}
		})
	}
}

// killedAt takes a snapshot by an agent that is killed right after the given step,
// and reports whether it came to that. Each step of an agent that is followed takes
// its time, and on a busy machine so long that it takes the program for one that does
// not stop; then it is to be tried again, as it says.
func killedAt(t *testing.T, p *sound, step int, o Options) bool {
	t.Helper()
	for begun := time.Now(); ; p.answers(t, step) {
		killed, err := takeUntil(t, p, step, o)
		if err == nil {
			return killed
		}
		if late := ptrace.ErrWontStop.Error(); !strings.Contains(err.Error(), late) || time.Since(begun) > time.Minute {
			t.Fatalf("step %d: %v", step, err)
		}
	}
}

func takeUntil(t *testing.T, p *sound, step int, o Options) (killed bool, err error) {
	t.Helper()
	agent, err := launchFiltered()
	if err != nil {
		t.Fatal(err)
	}
	if p.stays {
		p.stop(t)
		defer p.goOn(t)
	}
	k := killer{program: p.tasks(), step: step, agent: ptrace.Thread(agent.cmd.Pid)}
	tracer := ptrace.NewTracer()
	defer tracer.Close()
	if err := tracer.Do(k.begin); err != nil {
		t.Fatal(err)
	}
	traced := make(chan error, 1)
	go func() { traced <- tracer.Do(k.run) }()
	o.Report, o.Warn = quiet, quiet
	s, err := agent.take(context.Background(), p.pid, o)
	if err == nil {
		err = s.Close()
	}
	if e := <-traced; e != nil {
		t.Fatalf("step %d: following the agent: %v", step, e)
	}
	if err != nil && err.Error() == errDied.Error() { // and what it left could be put away
		err = nil
	}
	return k.killed, err
}

// launchFiltered launches an agent of which certain system calls are told to who
// traces it, and no others, of which there are thousands.
func launchFiltered() (agent *process, err error) {
	done := make(chan error)
	go func() {
		runtime.LockOSThread() // and never unlocked: this thread has the filter too
		err := filter(unix.SYS_PTRACE, unix.SYS_PROCESS_VM_WRITEV, unix.SYS_PWRITE64)
		if err == nil {
			agent, err = launch()
		}
		done <- err
	}()
	return agent, <-done
}

// filter has the calls of this thread, and of what it creates, told to its tracer
// (seccomp(2), SECCOMP_RET_TRACE).
func filter(calls ...uint32) error {
	const trace, allow = 0x7ff00000, 0x7fff0000
	program := []unix.SockFilter{{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS}}
	for _, nr := range calls {
		program = append(program,
			unix.SockFilter{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: nr, Jf: 1},
			unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K, K: trace})
	}
	program = append(program, unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K, K: allow})
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return err
	}
	p := unix.SockFprog{Len: uint16(len(program)), Filter: &program[0]}
	return unix.Prctl(unix.PR_SET_SECCOMP, unix.SECCOMP_MODE_FILTER, uintptr(unsafe.Pointer(&p)), 0, 0)
}

// killer follows an agent by the system calls with which it changes something of the
// program: its steps.
type killer struct {
	agent   ptrace.Thread
	program map[int]bool // its threads
	step    int          // at the end of which to kill the agent
	taken   int
	killed  bool
}

// begin traces all threads of the agent, and those that it will have. A call of one that
// was missed would fail with ENOSYS (seccomp(2), SECCOMP_RET_TRACE).
func (k *killer) begin() error {
	traced := map[int]bool{}
	for fresh := true; fresh; {
		tids, err := proc.Tasks(int(k.agent))
		if err != nil {
			return err
		}
		fresh = false
		for _, tid := range tids {
			if traced[tid] {
				continue
			}
			_, err := ptrace.Seize(tid, ptrace.SysGood|ptrace.Births|unix.PTRACE_O_TRACESECCOMP)
			if err != nil && err != unix.EPERM && err != unix.ESRCH { // it is traced since its birth, or has ended
				return err
			}
			traced[tid], fresh = true, true
		}
	}
	return nil
}

// run lets the agent go on until it ends.
func (k *killer) run() error {
	for {
		var info unix.Siginfo
		err := unix.Waitid(unix.P_ALL, 0, &info, unix.WSTOPPED|unix.WEXITED|unix.WNOWAIT|unix.WALL|unix.WNOTHREAD, nil)
		switch err {
		case nil:
		case unix.EINTR:
			continue
		case unix.ECHILD:
			return nil
		default:
			return err
		}
		// Its end is for who has launched it to wait for.
		t := sender(&info)
		if t == k.agent && info.Code < cldTrapped {
			return nil
		}
		stop, err := t.Wait()
		if err != nil {
			return err
		}
		if err := k.pass(t, stop); err != nil && err != unix.ESRCH {
			return err
		}
	}
}

// cldTrapped is the first of the signal codes of SIGCHLD that is no end
// (include/uapi/asm-generic/siginfo.h).
const cldTrapped = 4

func sender(info *unix.Siginfo) ptrace.Thread {
	type withPID struct {
		_   [4]int32
		pid int32
	}
	return ptrace.Thread((*withPID)(unsafe.Pointer(info)).pid)
}

// pass looks at a stop, and lets the thread go on or kills the agent.
func (k *killer) pass(t ptrace.Thread, stop ptrace.Stop) error {
	switch {
	case stop.Over():
		return nil
	case stop.Kind == ptrace.Signalled:
		return t.Cont(stop.Signal)
	case stop.Event == unix.PTRACE_EVENT_SECCOMP:
		r, err := t.Regs()
		if err == nil && isStep(&r, k.program) {
			return unix.PtraceSyscall(int(t), 0) // to its end
		}
	case stop.Kind == ptrace.SyscallStop:
		if k.taken++; k.taken == k.step {
			k.killed = true
			return unix.Kill(int(k.agent), unix.SIGKILL)
		}
	}
	return t.Cont(0)
}

// isStep reports whether a call changes something of the program.
func isStep(r *ptrace.Regs, program map[int]bool) bool {
	switch r.Orig_rax {
	case unix.SYS_PTRACE:
		const setSigMask, setDispatch = 0x420b, 0x4210
		return program[int(r.Rsi)] && slices.Contains([]uint64{
			unix.PTRACE_SEIZE, unix.PTRACE_INTERRUPT, unix.PTRACE_SETOPTIONS, unix.PTRACE_SETREGSET,
			unix.PTRACE_CONT, unix.PTRACE_SYSCALL, unix.PTRACE_DETACH, setSigMask, setDispatch,
		}, r.Rdi)
	case unix.SYS_PROCESS_VM_WRITEV:
		return program[int(r.Rdi)]
	}
	return true
}

// sound is a running sound.c.
type sound struct {
	pid    int
	in     io.Writer
	out    io.Reader
	before []string
	stays  bool // stopped, while snapshots are taken
}

func startSound(t *testing.T, args ...string) *sound {
	t.Helper()
	bin := filepath.Join(t.TempDir(), "sound")
	if out, err := exec.Command("gcc", "-O1", "-pthread", "-o", bin, "testdata/sound.c").CombinedOutput(); err != nil {
		t.Fatalf("gcc: %v\n%s", err, out)
	}
	cmd := exec.Command(bin, args...)
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := startApart(t, cmd); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
	})
	p := &sound{pid: cmd.Process.Pid, in: in, out: out}
	p.answer(t)
	p.before = p.look()
	for now := p.look(); !slices.Equal(now, p.before); now = p.look() { // it was in the moment of an alarm
		p.before = now
	}
	return p
}

// stop stops it and its children.
func (p *sound) stop(t *testing.T) {
	t.Helper()
	for _, pid := range p.processes() {
		unix.Kill(pid, unix.SIGSTOP)
		awaitState(t, pid, 'T')
	}
}

// goOn sees that they are stopped still, and lets them go on.
func (p *sound) goOn(t *testing.T) {
	t.Helper()
	all := p.processes()
	for _, pid := range all {
		awaitState(t, pid, 'T')
	}
	for _, pid := range all {
		unix.Kill(pid, unix.SIGCONT)
	}
}

// startApart starts a command by a thread that does nothing else until the test ends.
// Other threads here come to trace, and then wait for all children of theirs, or end,
// which is the death of a parent to what they have started (PR_SET_PDEATHSIG, prctl(2)).
func startApart(t *testing.T, cmd *exec.Cmd) error {
	started, over := make(chan error), make(chan struct{})
	t.Cleanup(func() { close(over) })
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		started <- cmd.Start()
		<-over
	}()
	return <-started
}

// processes are the program and its children.
func (p *sound) processes() []int {
	children, _ := proc.Children(p.pid)
	return append([]int{p.pid}, children...)
}

func (p *sound) tasks() map[int]bool {
	all := map[int]bool{}
	for _, pid := range p.processes() {
		tids, _ := proc.Tasks(pid)
		for _, tid := range tids {
			all[tid] = true
		}
	}
	return all
}

// answer has it look at itself.
func (p *sound) answer(t *testing.T) {
	t.Helper()
	b := []byte{'?'}
	if _, err := p.in.Write(b); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(p.out, b); err != nil {
		t.Fatalf("the program does not answer: %v", err)
	}
}

// look is what can be seen of it from outside.
func (p *sound) look() (all []string) {
	for _, pid := range p.processes() {
		s, _ := proc.ReadStat(pid)
		maps, _ := proc.Smaps(pid)
		fds, _ := os.ReadDir(fmt.Sprintf("/proc/%d/fd", pid))
		all = append(all, fmt.Sprint(pid, s.State() == 'Z'), fmt.Sprint(pid, " has open ", fds))
		for _, m := range maps {
			all = append(all, fmt.Sprintf("%x-%x %d %s %s", m.Start, m.End, m.Prot, m.Path, m.VMFlags))
		}
		tids, _ := proc.Tasks(pid)
		for _, tid := range tids {
			b, _ := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/status", pid, tid))
			for line := range strings.Lines(string(b)) {
				if name, _, _ := strings.Cut(line, ":"); name == "SigBlk" || name == "TracerPid" {
					all = append(all, fmt.Sprint(tid, " ", line))
				}
			}
		}
	}
	return all
}

// answers checks that it is as it was, once all that was in it is put away.
func (p *sound) answers(t *testing.T, step int) {
	t.Helper()
	p.answer(t)
	var now []string
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); time.Sleep(time.Millisecond) {
		if now = p.look(); slices.Equal(now, p.before) {
			p.answer(t)
			return
		}
	}
	has := func(all []string) func(string) bool {
		return func(line string) bool { return slices.Contains(all, line) }
	}
	gone, more := slices.DeleteFunc(slices.Clone(p.before), has(now)), slices.DeleteFunc(now, has(p.before))
	t.Fatalf("killed after step %d, it has not\n%s\nbut\n%s", step, strings.Join(gone, "\n"), strings.Join(more, "\n"))
}
