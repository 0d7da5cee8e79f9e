// How much memory a tool may use.

package tool

import (
	"fmt"
	"os"
	"runtime"
	"runtime/debug"

	"golang.org/x/sys/unix"

	"snappipe/cmd/internal/human"
)

// What a tool has to keep grows with the number of its workers: a few frames
// for each, and what its coder needs, which for the highest level of zstd are
// tables of 34 MiB.
const (
	memoryForAll  = 16 << 20
	memoryForEach = 32 << 20
)

func memoryFor(workers int) int64 { return memoryForAll + memoryForEach*int64(workers) }

// limitMemory has garbage collected before there is as much of it as of what
// is in use, which is Go's rule, once all together comes near to what the
// workers are allowed. The limit is a soft one: it makes nothing fail.
//
// Where less memory may be had than the workers need, there are fewer of them.
// Go's runtime has no other way to say so later than to die with a traceback.
func limitMemory() error {
	most := runtime.GOMAXPROCS(0)
	workers := most
	for canHave(memoryFor(workers)+arena) != nil {
		if workers /= 2; workers == 0 {
			return errNoMemory
		}
	}
	if workers < most {
		runtime.GOMAXPROCS(workers)
	}
	if os.Getenv("GOMEMLIMIT") == "" { // runtime: the user's own
		debug.SetMemoryLimit(memoryFor(workers))
	}
	return nil
}

// arena is the unit in which the runtime gets memory: heapArenaBytes in
// runtime/malloc.go.
const arena = 64 << 20

var errNoMemory = fmt.Errorf("no %s of memory may be had: ulimit -v, ulimit -d or vm.overcommit_memory forbid it", human.Bytes(memoryFor(1)+arena))

// canHave tries whether n bytes of memory may be had.
func canHave(n int64) error {
	b, err := unix.Mmap(-1, 0, int(n), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANONYMOUS)
	if err != nil {
		return err
	}
	return unix.Munmap(b)
}
