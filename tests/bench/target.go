// Programs that know how long they stood still.

package main

import (
	"bufio"
	"fmt"
	"os"
	"runtime"
	"sync/atomic"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// target is a program to snapshot. Asked for it, it watches the clock all the
// time from then on, and knows for how long it has not run.
type target struct {
	mib     int
	huge    bool // in huge pages
	threads int  // further ones, that do nothing
	writes  bool // writes to its memory while it watches the clock
	rate    int  // so many times a second, to the first quarter; as fast as it can if 0
}

func (t target) String() string {
	return fmt.Sprintf("target %d %t %d %t %d", t.mib, t.huge, t.threads, t.writes, t.rate)
}

func parseTarget(s string) (t target, err error) {
	_, err = fmt.Sscanf(s, "target %d %t %d %t %d", &t.mib, &t.huge, &t.threads, &t.writes, &t.rate)
	return t, err
}

// run fills the memory and starts the threads.
func (t target) run() {
	mem := t.fill()
	if t.threads > 0 {
		manyThreads(t.threads)
	}
	if t.rate > 0 {
		mem = mem[:len(mem)/4]
	}
	attend(mem, t.writes, t.rate, fork)
}

// attend says "ready", and answers lines on standard input with nanoseconds: "gap"
// with the longest time for which it has not run since the last, "hello" with that, "fork" with what
// that took, "touch" when a byte of each page of the memory has been read, "end" not
// at all. What watches the clock writes to the memory, if it is to.
func attend(mem []byte, writes bool, rate int, fork func() int64) {
	var longest atomic.Int64
	watching := false
	fmt.Println("ready")
	in := bufio.NewScanner(os.Stdin)
	for in.Scan() {
		switch in.Text() {
		case "fork":
			fmt.Println(fork())
			continue
		case "hello":
			fmt.Println("hello")
			continue
		case "touch":
			fmt.Println(touch(mem))
			continue
		case "end":
			return
		}
		if !watching {
			watching = true
			if !writes {
				mem = nil
			}
			go watch(&longest, mem, rate)
		}
		fmt.Println(longest.Swap(0))
	}
}

func touch(mem []byte) (sum int) {
	for at := 0; at < len(mem); at += 4096 {
		sum += int(mem[at])
	}
	return sum
}

// fork makes what a snapshot cannot do without, and nothing else: a child of
// the same memory, which ends at once. It returns for how long that stops the
// parent.
//
//go:nosplit
//go:norace
func fork() (took int64) {
	began := now()
	pid, _, _ := syscall.RawSyscall6(unix.SYS_CLONE, 0, 0, 0, 0, 0, 0)
	if pid == 0 {
		syscall.RawSyscall(unix.SYS_EXIT_GROUP, 0, 0, 0)
	}
	took = now() - began
	syscall.RawSyscall6(unix.SYS_WAIT4, pid, 0, unix.WALL, 0, 0, 0)
	return took
}

// watch keeps the longest time between two looks at the clock.
func watch(longest *atomic.Int64, mem []byte, rate int) {
	runtime.LockOSThread()
	x := uint64(88172645463325252)
	begun, written := now(), int64(0)
	for last := begun; ; {
		t := now()
		if gap := t - last; gap > longest.Load() {
			longest.Store(gap)
		}
		last = t
		if mem != nil && (rate == 0 || written*1e9 < (t-begun)*int64(rate)) {
			written++
			x ^= x << 13
			x ^= x >> 7
			x ^= x << 17
			mem[x%uint64(len(mem))]++
		}
	}
}

var start = time.Now()

func now() int64 { return int64(time.Since(start)) }

// room is memory that was never touched.
func (t target) room() ([]byte, error) {
	const hugePage = 2 << 20
	b, err := unix.Mmap(-1, 0, t.mib<<20+hugePage, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANONYMOUS)
	if err != nil {
		return nil, err
	}
	skip := hugePage - int(uintptr(unsafe.Pointer(&b[0]))%hugePage)
	b = b[skip : skip+t.mib<<20]
	advice := unix.MADV_NOHUGEPAGE
	if t.huge {
		advice = unix.MADV_HUGEPAGE
	}
	return b, unix.Madvise(b, advice)
}

// fill makes memory as compressible as heaps are: of each eight bytes, three
// are noise.
func (t target) fill() []byte {
	b, err := t.room()
	if err != nil {
		panic(err)
	}
	x := uint64(88172645463325252)
	words64 := unsafe.Slice((*uint64)(unsafe.Pointer(&b[0])), len(b)/8)
	for i := range words64 {
		x ^= x << 13
		x ^= x >> 7
		x ^= x << 17
		words64[i] = 0x00007f0000000000 | x&0xffffff
	}
	return b
}
