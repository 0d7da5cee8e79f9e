// Pages on their way from a twin to the user's pipe, looked at as they pass: tee(2) has a
// second pipe hold them too, and from there they are read while the first keeps them. So they
// are copied once, and into memory that stays in a processor's cache; /proc/PID/mem copies
// each twice.

package agent

import (
	"cmp"
	"errors"
	"fmt"
	"io"

	"golang.org/x/sys/unix"

	"snappipe/kernel/process/capture"
)

const (
	kept = 1 << 20   // how many bytes that were peeked at are kept
	seen = 256 << 10 // how many are looked at at once
)

// hold has the pages that were peeked at, in order.
type hold struct {
	kept, seen duct   // seen has them a second time, to be read
	what       []span // in kept
	bytes      int64  // of these
	null       sink
}

// span is a part of the image.
type span struct{ off, n int64 }

// newHold returns nil where there may be no pipes that are large enough
// (pipe-user-pages-soft of proc_sys_fs(5)).
func newHold() *hold {
	h := &hold{kept: none, seen: none}
	if h.kept.open(kept) && h.seen.open(seen) {
		return h
	}
	h.close()
	return nil
}

func (h *hold) close() {
	h.kept.close()
	h.seen.close()
	h.null.close()
}

// duct is a pipe: the descriptors of its two ends.
type duct struct{ out, in int }

var none = duct{-1, -1}

// open reports whether there is one that holds size bytes.
func (d *duct) open(size int) bool {
	var ends [2]int
	if unix.Pipe2(ends[:], unix.O_CLOEXEC) != nil {
		return false
	}
	*d = duct{ends[0], ends[1]}
	got, err := unix.FcntlInt(uintptr(d.in), unix.F_SETPIPE_SZ, size)
	return err == nil && got >= size
}

func (d *duct) close() {
	if *d != none {
		unix.Close(d.out)
		unix.Close(d.in)
		*d = none
	}
}

// Peek fills p with what is at off in the image, from skip on in the first of the extents, and
// keeps it for [Snapshot.PipeKept]: the last 1 MiB of all that was. With
// [errors.ErrUnsupported] this can't be done any more, and nothing is kept. It is for one
// goroutine, in the order of the image.
func (s *Snapshot) Peek(p []byte, off int64, extents []capture.Extent, skip int64) error {
	if s.hold == nil && !s.holdless {
		s.hold, s.holdless = newHold(), true
	}
	h := s.hold
	if h == nil {
		return errors.ErrUnsupported
	}
	n := int64(len(p))
	err := h.makeRoom(n)
	if err == nil {
		h.what, h.bytes = append(h.what, span{off, n}), h.bytes+n
		_, err = s.draw(extents, skip, n, func(t *Twin, n int64) (int64, error) {
			some, err := h.peek(p[:n], int(t.pipe.Fd()))
			p = p[some:]
			return int64(some), err
		})
	}
	if err != nil {
		h.close() // which has a part of it
		s.hold = nil
	}
	return err
}

// peek looks at what comes next out of a pipe, and keeps that.
func (h *hold) peek(p []byte, pipe int) (n int, err error) {
	for {
		var got int64
		got, err = unix.Tee(pipe, h.seen.in, min(len(p), seen), 0)
		if n = int(got); err != unix.EINTR {
			break
		}
	}
	if err != nil || n == 0 {
		return 0, cmp.Or(err, io.ErrUnexpectedEOF)
	}
	for at := 0; at < n; {
		some, err := unix.Read(h.seen.out, p[at:n])
		if err != nil && err != unix.EINTR {
			return 0, fmt.Errorf("reading a pipe: %w", err)
		}
		at += max(some, 0)
	}
	return n, h.keep(pipe, n)
}

// keep moves n bytes, which are there, from a pipe. It does not wait for room: nobody else
// would make any.
func (h *hold) keep(pipe, n int) error {
	for n > 0 {
		some, err := unix.Splice(pipe, nil, h.kept.in, nil, n, unix.SPLICE_F_NONBLOCK)
		switch {
		case err == unix.EINTR:
			continue
		case err == unix.EAGAIN || err == nil && some == 0:
			return errors.ErrUnsupported // they are in more pieces than it has places
		case err != nil:
			return fmt.Errorf("moving pages between pipes: %w", err)
		}
		n -= int(some)
	}
	return nil
}

// makeRoom drops what was kept first.
func (h *hold) makeRoom(n int64) error {
	for h.bytes+n > kept && len(h.what) > 0 {
		if err := h.drop(h.what[0].n); err != nil {
			return err
		}
	}
	return nil
}

// drop gives up n bytes of the first span.
func (h *hold) drop(n int64) error {
	if err := h.null.swallow(h.kept.out, n); err != nil {
		return err
	}
	h.pass(n)
	return nil
}

// pass notes that n bytes of the first span are gone.
func (h *hold) pass(n int64) {
	first := &h.what[0]
	first.off += n
	first.n -= n
	h.bytes -= n
	if first.n == 0 {
		h.what = h.what[1:]
	}
}

// PipeKept moves of the n bytes at off in the image those that were peeked at into w, as long as
// they follow each other, and returns how many it did. What comes before them is
// dropped.
func (s *Snapshot) PipeKept(w int, off, n int64) (moved int64, err error) {
	h := s.hold
	if h == nil {
		return 0, nil
	}
	for len(h.what) > 0 && h.what[0].off < off {
		if err := h.drop(min(h.what[0].n, off-h.what[0].off)); err != nil {
			return 0, err
		}
	}
	for moved < n && len(h.what) > 0 && h.what[0].off == off+moved {
		some, err := spliceAll(h.kept.out, w, min(h.what[0].n, n-moved))
		if some > 0 {
			h.pass(some)
			moved += some
		}
		if err != nil {
			return moved, err
		}
	}
	return moved, nil
}
