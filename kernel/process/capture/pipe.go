// The twin puts its own pages into a pipe, which copies nothing: they can't
// change, since nobody runs who could change them.

package capture

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// pipeSize is the most that a pipe may hold unprivileged (pipe-max-size of
// proc_sys_fs(5)).
const pipeSize = 1 << 20

// OpenPipe makes the pipe in the twin and returns the end to read from.
func (w *Twin) OpenPipe() (*os.File, error) {
	var ends [8]byte
	if err := w.get(ends[:], unix.SYS_PIPE2, w.scratch, 0); err != nil {
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

// Splice puts the n bytes at addr into the pipe, and tells moved of each part.
func (w *Twin) Splice(addr, n uint64, moved func(n uint64) error) error {
	if err := w.fault.At(FaultPipe); err != nil {
		return err
	}
	for n > 0 {
		var iov [16]byte
		le.PutUint64(iov[:], addr)
		le.PutUint64(iov[8:], n)
		if err := w.Memory.Copy(iov[:], w.scratch); err != nil {
			return err
		}
		some, err := w.call.Call(unix.SYS_VMSPLICE, w.pipe, w.scratch, 1, 0)
		if err != nil {
			return fmt.Errorf("putting pages at %#x into a pipe: %w", addr, err)
		}
		if err := moved(some); err != nil {
			return err
		}
		addr, n = addr+some, n-some
	}
	return nil
}

// OpenToRead opens the memory of the twin for somebody else to read.
func (w *Twin) OpenToRead() (*os.File, error) { return os.Open(fmt.Sprintf("/proc/%d/mem", w.PID)) }
