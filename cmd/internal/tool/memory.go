// How much memory a tool may use.

package tool

import (
	"os"
	"runtime"
	"runtime/debug"
)

// What a tool has to keep grows with the number of its workers: a few frames
// for each, and what its coder needs, which for the highest level of zstd are
// tables of 34 MiB.
const (
	memoryForAll  = 16 << 20
	memoryForEach = 32 << 20
)

// limitMemory has garbage collected before there is as much of it as of what
// is in use, which is Go's rule, once all together comes near to what the
// workers are allowed. The limit is a soft one: it makes nothing fail.
func limitMemory() {
	if os.Getenv("GOMEMLIMIT") == "" { // runtime: the user's own
		debug.SetMemoryLimit(memoryForAll + memoryForEach*int64(runtime.GOMAXPROCS(0)))
	}
}
