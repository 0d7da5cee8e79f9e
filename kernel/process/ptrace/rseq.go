// What of restartable sequences (rseq(2)) changes when a thread runs elsewhere.

package ptrace

import (
	"encoding/binary"
	"fmt"
	"slices"

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
	}
	return nil
}
