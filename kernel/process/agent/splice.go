// Pages on their way from the twin to the user's pipe.

package agent

import (
	"errors"
	"fmt"
	"io"
	"os"

	"snappipe/kernel/process/capture"

	"golang.org/x/sys/unix"
)

// perOrder is how much the agent is asked for at once. What is not wanted of
// it after all has to be read and thrown away.
const perOrder = 64 << 20

// PipeTo puts n bytes of a twin, from skip on in the first of the extents, into
// w, and returns how many it did; with [errors.ErrUnsupported] if w is something
// that pages can't be moved to. The extents are those of s from that on: what
// follows is likely to be asked for next, and the twin goes on to put it into its
// pipe.
func (s *Snapshot) PipeTo(w *os.File, extents []capture.Extent, skip, n int64) (moved int64, err error) {
	return s.draw(extents, skip, n, func(t *Twin, n int64) (int64, error) {
		return spliceAll(int(t.pipe.Fd()), int(w.Fd()), n)
	})
}

// Read fills p with what is in a twin, from skip on in the first of the extents. It comes
// out of the pipe that PipeTo moves it from, and so is copied once.
func (s *Snapshot) Read(p []byte, extents []capture.Extent, skip int64) error {
	_, err := s.draw(extents, skip, int64(len(p)), func(t *Twin, n int64) (int64, error) {
		some, err := readSome(int(t.pipe.Fd()), p[:n])
		p = p[some:]
		return int64(some), err
	})
	return err
}

// readSome reads what there is of a pipe, which is something.
func readSome(pipe int, p []byte) (n int, err error) {
	err = unix.EINTR
	for err == unix.EINTR {
		n, err = unix.Read(pipe, p)
	}
	if err == nil && n == 0 {
		err = io.ErrUnexpectedEOF
	}
	return max(n, 0), err
}

// draw has n bytes come out of a twin's pipe: take takes as many as it can of those
// that it is told of, and returns how many.
func (s *Snapshot) draw(extents []capture.Extent, skip, n int64, take func(t *Twin, n int64) (int64, error)) (drawn int64, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.Twins[extents[0].Twin]
	if t.pipe == nil {
		return 0, errors.ErrUnsupported
	}
	err = t.passOver(extents[0].At + uint64(skip))
	for drawn < n && err == nil {
		if len(t.flow) == 0 {
			if err = s.order(t, extents, skip+drawn); err != nil {
				break
			}
		}
		var some int64
		some, err = take(t, min(n-drawn, int64(t.flow[0].Length)))
		t.pass(some)
		drawn += some
	}
	if err != nil {
		t.closePipe() // what is in it is not at its place any more
	}
	if err == io.ErrUnexpectedEOF {
		err = errors.ErrUnsupported
		if s.agent.conn.ended() {
			err = errDied
		}
	}
	return drawn, err
}

// pass notes that n bytes of the first run have come out of the pipe.
func (t *Twin) pass(n int64) {
	r := &t.flow[0]
	r.Address += uint64(n)
	r.Length -= uint64(n)
	if r.Length == 0 {
		t.flow = t.flow[1:]
	}
}

// order has the agent put memory into the twin's pipe.
func (s *Snapshot) order(t *Twin, extents []capture.Extent, skip int64) error {
	t.flow = nil
	order := le.AppendUint64(nil, uint64(t.number))
	left := int64(perOrder)
	for i, e := range extents {
		// What is in the store or in another twin does not come through this
		// pipe, and for what is short nobody asks.
		if e.Twin != t.number || i > 0 && e.Length < Worthwhile {
			continue
		}
		n := min(e.Length-skip, left)
		r := capture.Run{Address: e.At + uint64(skip), Length: uint64(n)}
		t.flow = append(t.flow, r)
		order = le.AppendUint64(le.AppendUint64(order, r.Address), r.Length)
		skip = 0
		if left -= n; left == 0 || len(t.flow) == capture.MaxRuns {
			break
		}
	}
	if err := s.agent.conn.send(order); err != nil {
		return fmt.Errorf("asking the agent for pages: %w", err)
	}
	return nil
}

// Worthwhile is how long an extent has to be for its pages to be moved: shorter
// ones are faster copied.
const Worthwhile = 64 << 10

// passOver throws away what was ordered and comes before an address: pages of
// zeros, and what was copied. If the address was not ordered that is all, since
// what follows is never asked for again.
func (t *Twin) passOver(at uint64) error {
	for len(t.flow) > 0 && t.flow[0].Address != at {
		r := t.flow[0]
		n := r.Length
		if r.Address < at && at < r.Address+r.Length {
			n = at - r.Address
		}
		if err := t.null.swallow(int(t.pipe.Fd()), int64(n)); err != nil {
			return err
		}
		t.pass(int64(n))
	}
	return nil
}

// sink is where what is not wanted of a pipe goes. It is opened when it is needed.
type sink struct{ null *os.File }

func (s *sink) swallow(pipe int, n int64) error {
	if s.null == nil {
		null, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
		if err != nil {
			return err
		}
		s.null = null
	}
	_, err := spliceAll(pipe, int(s.null.Fd()), n)
	return err
}

func (s *sink) close() {
	if s.null != nil {
		s.null.Close()
		s.null = nil
	}
}

// spliceAll moves n bytes from a pipe.
func spliceAll(from, to int, n int64) (moved int64, err error) {
	for moved < n {
		some, err := unix.Splice(from, nil, to, nil, int(n-moved), 0)
		switch {
		case err == unix.EINTR:
			continue
		case err == unix.EAGAIN: // w does not block
			p := []unix.PollFd{{Fd: int32(to), Events: unix.POLLOUT}}
			if _, err := unix.Poll(p, -1); err != nil && err != unix.EINTR {
				return moved, err
			}
			continue
		case err == unix.EINVAL:
			return moved, errors.ErrUnsupported
		case err != nil:
			return moved, err
		case some == 0:
			return moved, io.ErrUnexpectedEOF
		}
		moved += some
	}
	return moved, nil
}
