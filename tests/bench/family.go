// The stop, and the resume, of trees of processes.

package main

import (
	"fmt"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// A family is a process and children of it that do nothing, each with as much memory,
// in 4K pages, and as many of one thing of its own.
type family struct {
	processes, mib int
	each           crowd
}

func (f family) String() string {
	return fmt.Sprintf("family %d %d %s %d", f.processes, f.mib, f.each.kind, f.each.number)
}

func parseFamily(s string) (f family, err error) {
	_, err = fmt.Sscanf(s, "family %d %d %s %d", &f.processes, &f.mib, &f.each.kind, &f.each.number)
	return f, err
}

// run makes the children. They have the memory from here, and tables of its pages of
// their own.
func (f family) run() error {
	runtime.LockOSThread() // the children are of this thread
	var mem []byte
	if f.mib > 0 {
		mem = target{mib: f.mib}.fill()
	}
	var sockets []int
	for range f.processes - 1 {
		s, err := f.bear()
		if err != nil {
			return err
		}
		sockets = append(sockets, s)
	}
	if err := f.each.gather(); err != nil {
		return err
	}
	attend(mem, false, 0, func() int64 { return fork() + forkAll(sockets) })
	return nil
}

// bear makes a child and returns the socket by which it is told to fork.
func (f family) bear() (int, error) {
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET, 0)
	if err != nil {
		return -1, err
	}
	pid, _, errno := syscall.RawSyscall6(unix.SYS_CLONE, uintptr(unix.SIGCHLD), 0, 0, 0, 0, 0)
	if errno != 0 {
		return -1, errno
	}
	if pid == 0 {
		f.idle(pair[1])
	}
	return pair[0], unix.Close(pair[1])
}

// idle is what a child does: nothing, but a fork for each message, of which it says how
// long that took. It has only one of the threads of the runtime, and makes calls that
// this does not know of; nor must it be called to look after its stack, as it is at the
// head of a function that was to be preempted. It ends with its parent.
//
//go:nosplit
//go:norace
func (f family) idle(socket int) {
	const own = 3
	syscall.RawSyscall(unix.SYS_DUP3, uintptr(socket), own, unix.O_CLOEXEC)
	syscall.RawSyscall(unix.SYS_CLOSE_RANGE, 0, own-1, 0)
	syscall.RawSyscall(unix.SYS_CLOSE_RANGE, own+1, uintptr(^uint32(0)), 0)
	for i := range f.each.number {
		switch f.each.kind {
		case "eventfd":
			syscall.RawSyscall(unix.SYS_EVENTFD2, 0, 0, 0)
		case "mapping":
			syscall.RawSyscall6(unix.SYS_MMAP, 0, 4096, unlike(i), unix.MAP_PRIVATE|unix.MAP_ANONYMOUS, ^uintptr(0), 0)
		}
	}
	for {
		var took int64
		n, _, _ := syscall.RawSyscall(unix.SYS_READ, own, uintptr(unsafe.Pointer(&took)), 8)
		if int(n) <= 0 {
			syscall.RawSyscall(unix.SYS_EXIT_GROUP, 0, 0, 0)
		}
		took = fork()
		syscall.RawSyscall(unix.SYS_WRITE, own, uintptr(unsafe.Pointer(&took)), 8)
	}
}

// forkAll has children fork, one after the other, and adds up what that took.
func forkAll(sockets []int) (sum int64) {
	var b [8]byte
	for _, s := range sockets {
		if _, err := unix.Write(s, b[:]); err != nil {
			panic(err)
		}
		if _, err := unix.Read(s, b[:]); err != nil {
			panic(err)
		}
		sum += *(*int64)(unsafe.Pointer(&b))
	}
	return sum
}

// idleFamilies are those of which the pause is measured, and some the resume, with
// their bars.
var idleFamilies = []struct {
	processes     int
	pause, resume time.Duration
}{
	{2, 3 * time.Millisecond, 0},
	{10, 8 * time.Millisecond, 0},
	{50, 25 * time.Millisecond, 150 * time.Millisecond},
}

// largeFamilies are measured against the forks of all their processes, of which the
// pause may take so many times as long.
var largeFamilies = family{processes: 10, mib: 200}

const forkBar = 1.2

// grownFamilies have ever more of one thing in ten processes.
var grownFamilies = []struct {
	family
	what string
}{
	{family{processes: 10, each: crowd{"eventfd", 1000}}, "10 000 descriptors"},
	{family{processes: 10, each: crowd{"mapping", 2000}}, "20 000 mappings"},
}

// families measures trees.
func families(dir string, rounds int) error {
	for _, measure := range []func(string, as, int) error{pauseIdle, pauseLarge, pauseGrown, resumeIdle} {
		for _, who := range users() {
			if err := measure(dir, who, rounds); err != nil {
				return err
			}
		}
	}
	return nil
}

const snapshotCommand = "snapcat process:%d > /dev/null"

func pauseIdle(dir string, who as, rounds int) error {
	fmt.Printf("\n| pause of idle processes, %s | ms | bar |\n|---|---:|---|\n", who.name)
	for _, f := range idleFamilies {
		pause, err := pauseOf(family{processes: f.processes, each: crowd{kind: "none"}}, who, command(dir, who, snapshotCommand), rounds)
		if err != nil {
			return err
		}
		fmt.Printf("| %d | **%.1f** | %.0f, %s |\n", f.processes, ms(pause), ms(f.pause), met(pause <= f.pause))
	}
	return nil
}

// pauseLarge has the children fork in the same run, right before.
func pauseLarge(dir string, who as, rounds int) error {
	f := largeFamilies
	f.each.kind = "none"
	var bare []time.Duration
	pause, err := pauseOf(f, who, func(c *child) error {
		took, err := c.nanoseconds("fork")
		if err != nil {
			return err
		}
		if _, err := c.nanoseconds("gap"); err != nil { // the forks stood still too
			return err
		}
		bare = append(bare, took)
		return command(dir, who, snapshotCommand)(c)
	}, rounds)
	if err != nil {
		return err
	}
	slices.Sort(bare)
	forks := bare[len(bare)/2]
	ratio := ms(pause) / ms(forks)
	fmt.Printf("\n| pause of %d processes of %d MiB in 4K pages, %s, ms | bare forks, one after the other, ms | ratio | bar |\n|---:|---:|---:|---|\n", f.processes, f.mib, who.name)
	fmt.Printf("| %.1f | %.1f | **%.2f** | %.1f, %s |\n", ms(pause), ms(forks), ratio, forkBar, met(ratio <= forkBar))
	return nil
}

func pauseGrown(dir string, who as, rounds int) error {
	fmt.Printf("\n| pause of ten processes, %s, that have | ms | twice, ms | four times, ms | grows by |\n|---|---:|---:|---:|---:|\n", who.name)
	for _, g := range grownFamilies {
		var pause [3]time.Duration
		for i := range pause {
			f := g.family
			f.each.number <<= i
			var err error
			if pause[i], err = pauseOf(f, who, command(dir, who, snapshotCommand), rounds); err != nil {
				return err
			}
		}
		fmt.Printf("| %s | %s |\n", g.what, grown(pause))
	}
	return nil
}

// resumeIdle measures how soon the first process answers.
func resumeIdle(dir string, who as, rounds int) error {
	fmt.Printf("\n| resume of idle processes, %s, to the first instruction | ms | bar |\n|---|---:|---|\n", who.name)
	for _, f := range idleFamilies {
		if f.resume == 0 {
			continue
		}
		img := filepath.Join(dir, "family")
		c, err := startChildAs(family{processes: f.processes, each: crowd{kind: "none"}}.String(), who.user)
		if err != nil {
			return err
		}
		err = command(dir, who, "snapcat process:%d > "+img)(c)
		c.stop()
		time.Sleep(time.Second) // for the children, whose IDs are to be free, to have ended
		if err != nil {
			return err
		}
		var all []time.Duration
		for range rounds {
			first, err := answerAfter(append(strings.Fields(who.prefix), "snapresume", img))
			if err != nil {
				return err
			}
			all = append(all, first)
			time.Sleep(time.Second)
		}
		slices.Sort(all)
		first := all[len(all)/2]
		fmt.Printf("| %d | **%.0f** | %.0f, %s |\n", f.processes, ms(first), ms(f.resume), met(first <= f.resume))
	}
	return nil
}

// answerAfter is the time after which a program answers that a command resumes.
func answerAfter(command []string) (time.Duration, error) {
	began := time.Now()
	c, err := startCommand(command[0], command[1:]...)
	if err != nil {
		return 0, err
	}
	defer c.stop()
	_, err = c.ask("hello")
	first := time.Since(began)
	if err == nil {
		_, _ = c.ask("end") // which it does not answer
	}
	return first, err
}
