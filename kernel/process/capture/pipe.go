// The twin puts its own pages into a pipe, which copies nothing: they can't
// change, since nobody runs who could change them.

package capture

import (
	"errors"
	"fmt"
	"os"
	"slices"

	"golang.org/x/sys/unix"
)

// pipeSize is the most that a pipe may hold unprivileged (pipe-max-size of
// proc_sys_fs(5)).
const pipeSize = 1 << 20

// OpenPipe makes the pipe in the twin and returns the end to read from.
func (w *Twin) OpenPipe() (*os.File, error) {
	var ends [8]byte
	if err := w.get(ends[:], unix.SYS_PIPE2, w.batch.At, 0); err != nil {
		return nil, fmt.Errorf("making a pipe in the twin: %w", err)
	}
	theirs := le.Uint32(ends[:])
	w.pipe = uint64(le.Uint32(ends[4:]))
	pidfd, err := unix.PidfdOpen(w.PID, 0)
	if err != nil {
		return nil, fmt.Errorf("opening the twin: %w", err)
	}
	defer unix.Close(pidfd)
	fd, err := unix.PidfdGetfd(pidfd, int(theirs), 0)
	if err != nil {
		return nil, fmt.Errorf("taking the pipe of the twin: %w", err)
	}
	// The twin must not keep it open: with nobody to read, writing has to fail.
	if _, err := w.call.Call(unix.SYS_CLOSE, uint64(theirs)); err != nil {
		unix.Close(fd)
		return nil, fmt.Errorf("closing the pipe in the twin: %w", err)
	}
	// A smaller one is slower, and no more than that.
	_, _ = unix.FcntlInt(uintptr(fd), unix.F_SETPIPE_SZ, pipeSize)
	return os.NewFile(uintptr(fd), "twin"), nil
}

// Run is memory of the twin.
type Run struct{ Address, Length uint64 }

// MaxRuns is how many can be spliced in one go: what fits into the memory for
// arguments, with an empty one at the end.
const MaxRuns = scratchSize/iovecSize - 1

const iovecSize = 16 // struct iovec

// Splice puts runs of memory into the pipe, one after the other. When it fails
// it closes the pipe, so that the reader finds its end.
func (w *Twin) Splice(runs []Run) error {
	err := w.splice(runs)
	if err != nil {
		_, closed := w.call.Call(unix.SYS_CLOSE, w.pipe)
		err = errors.Join(fmt.Errorf("putting pages of the twin into a pipe: %w", err), closed)
	}
	return err
}

func (w *Twin) splice(runs []Run) error {
	if err := w.fault.At(FaultPipe); err != nil {
		return err
	}
	for some := range slices.Chunk(runs, w.batch.Size/iovecSize-1) {
		list := make([]byte, 0, iovecSize*(len(some)+1))
		for _, r := range append(some[:len(some):len(some)], Run{}) {
			list = le.AppendUint64(le.AppendUint64(list, r.Address), r.Length)
		}
		if err := w.Memory.Copy(list, w.batch.At); err != nil {
			return err
		}
		if err := w.call.Splice(w.area.Splicer(), w.pipe, w.batch.At); err != nil {
			return err
		}
	}
	return nil
}

// OpenToRead opens the memory of the twin for somebody else to read.
func (w *Twin) OpenToRead() (*os.File, error) { return os.Open(fmt.Sprintf("/proc/%d/mem", w.PID)) }
