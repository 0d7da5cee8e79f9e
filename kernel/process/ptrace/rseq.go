// What of restartable sequences (rseq(2)) changes when a thread runs elsewhere.

package ptrace

import (
	"encoding/binary"
	"fmt"
	"slices"

	"snappipe/kernel/process/proc"

	"golang.org/x/sys/unix"
)

// NoteRseq keeps, of all threads, what running elsewhere will change of them.
func (g *Group) NoteRseq() error {
	var registered []*Stopped
	for _, s := range g.Threads {
		if s.Rseq.Address != 0 {
			registered = append(registered, s)
		}
	}
	const atOnce = 1024 // UIO_MAXIOV, include/uapi/linux/uio.h
	for some := range slices.Chunk(registered, atOnce) {
		if err := g.readRseqCS(some); err != nil {
			return err
		}
	}
	return nil
}

// readRseqCS reads a word from each of many places by one call.
func (g *Group) readRseqCS(threads []*Stopped) error {
	b := make([]byte, 8*len(threads))
	remote := make([]unix.RemoteIovec, len(threads))
	for i, s := range threads {
		remote[i] = unix.RemoteIovec{Base: uintptr(s.Rseq.Address + rseqCS), Len: 8}
	}
	local := unix.Iovec{Base: &b[0]}
	local.SetLen(len(b))
	n, err := unix.ProcessVMReadv(g.PID, []unix.Iovec{local}, remote, 0)
	if err == nil && n < len(b) {
		err = unix.EFAULT
	}
	if err != nil {
		return fmt.Errorf("reading the rseq areas of process %d: %w", g.PID, gone(err))
	}
	for i, s := range threads {
		s.RseqCS = binary.LittleEndian.Uint64(b[8*i:])
		if s.RseqCS != 0 {
			s.abort = s.abortOf(g.PID)
		}
	}
	return nil
}

// RseqMemory is what the kernel reads and writes of the memory of a thread whenever that
// runs, and kills it if it can't (kernel/rseq.c: __rseq_handle_notify_resume): its
// area, and the description of the sequence it is or was in. NoteRseq has to have found
// that.
func (s *Stopped) RseqMemory() (all []proc.Run) {
	if at := s.Rseq.Address; at != 0 {
		all = append(all, proc.Run{Start: at, End: at + uint64(s.Rseq.Size)})
	}
	if at := s.RseqCS; at != 0 {
		all = append(all, proc.Run{Start: at, End: at + rseqCSSize})
	}
	return all
}

// rseqCSSize is that of struct rseq_cs: version and flags, start_ip, post_commit_offset,
// abort_ip.
const rseqCSSize = 32

// abortOf is where the kernel would have the thread go on if it had been preempted
// where it is, in a sequence: 0 if it is in none any more.
func (s *Stopped) abortOf(pid int) uint64 {
	var b [rseqCSSize]byte
	local := unix.Iovec{Base: &b[0]}
	local.SetLen(len(b))
	n, err := unix.ProcessVMReadv(pid, []unix.Iovec{local}, []unix.RemoteIovec{{Base: uintptr(s.RseqCS), Len: len(b)}}, 0)
	le := binary.LittleEndian
	if err != nil || n < len(b) || s.Regs.Rip-le.Uint64(b[8:]) >= le.Uint64(b[16:]) {
		return 0
	}
	return le.Uint64(b[24:])
}

// aborted are the registers of a thread that goes on by itself. Where the tracer
// would put it back into its sequence, it must not be in the middle of it as if
// nobody had interfered.
func (s *Stopped) aborted(r Regs) Regs {
	if s.abort != 0 {
		r.Rip = s.abort
	}
	return r
}
