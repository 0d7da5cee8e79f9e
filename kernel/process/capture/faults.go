// Faults: where a capture can be made to fail, for tests to show that it does
// no harm.
//
// A fault is asked for by the number of its step, in the request that a test
// sends to the agent; no user can. A negative number has the agent killed by
// SIGKILL at that step instead.

package capture

import (
	"errors"
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// Fault is a step of a capture.
type Fault int

// The steps, in the order in which they are come by.
const (
	NoFault         Fault = iota
	FaultSurveyed         // nothing was touched yet
	FaultStopped          // all threads are stopped
	FaultMapped           // memory for calls is mapped in the process
	FaultThreads          // each thread made its calls
	FaultBorn             // the twin is there, and its parent still in clone
	FaultForked           // the twin is there
	FaultUnmapped         // the memory for calls is gone
	FaultShared           // what the twin doesn't have was copied
	FaultReleased         // the program runs on
	FaultTwinCalls        // calls were made in the twin
	FaultMemory           // its pages are known
	FaultEncode           // the headers are made
	FaultServe            // the image is ready
	FaultPipe             // pages go into the pipe
	FaultTwinKilled       // the twin is dead, its zombie still there
	LastFault
	FaultPeeking   // a socket is being peeked at, of a program that has one
	FaultPrecopied // memory was copied, of programs for which that was asked
	FaultApart     // the twin lacks that, and so do other forks: likewise
	FaultStale     // no step: what was written to since is left out, which must show
	FaultEmptied   // a pseudo-terminal was read out, of a program that has one
)

// errFault is the error of a step that was made to fail.
var errFault = errors.New("fault injected")

// ErrCancelled says that nobody wants the image any more.
var ErrCancelled = errors.New("the snapshot was given up")

// At fails or kills if f is the step at.
func (f Fault) At(at Fault) error {
	switch f {
	case at:
		return fmt.Errorf("step %d: %w", at, errFault)
	case -at:
		unix.Kill(os.Getpid(), unix.SIGKILL)
	}
	return nil
}

// Beside is At for a step that is taken beside others, once those are over, so that
// a test knows what there is when it fails.
func (f Fault) Beside(at Fault) error {
	if f == at || f == -at {
		time.Sleep(200 * time.Millisecond)
	}
	return f.At(at)
}

func (t *tree) fault(at Fault) error { return t.o.Fault.At(at) }
