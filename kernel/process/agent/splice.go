// Pages on their way from the twin to the user's pipe.

package agent

import (
	"errors"
	"fmt"
	"io"
	"os"

	"golang.org/x/sys/unix"
)

// perOrder is how much the agent is asked for at once. What can't be moved on
// has to be read and thrown away.
const perOrder = 64 << 20

// PipeTo puts the n bytes at an address of the twin into w, and returns how
// many it did; with [errors.ErrUnsupported] if w is something that pages can't
// be moved to.
func (s *Snapshot) PipeTo(w *os.File, addr uint64, n int64) (moved int64, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.pipe == nil {
		return 0, errors.ErrUnsupported
	}
	for moved < n && err == nil {
		var some int64
		some, err = s.order(int(w.Fd()), addr+uint64(moved), min(n-moved, perOrder))
		moved += some
	}
	if err != nil {
		s.closePipe() // what is in it is not at its place any more
	}
	return moved, err
}

// order has the agent put bytes into the twin's pipe, and moves them on as
// they come.
func (s *Snapshot) order(w int, addr uint64, n int64) (moved int64, err error) {
	order := le.AppendUint64(le.AppendUint64(nil, addr), uint64(n))
	if err := s.agent.conn.send(order); err != nil {
		return 0, fmt.Errorf("asking the agent for pages: %w", err)
	}
	for moved < n {
		b, _, err := s.agent.conn.receive()
		if err == io.EOF {
			return moved, errDied
		}
		if err != nil {
			return moved, fmt.Errorf("hearing from the agent: %w", err)
		}
		if len(b) != countSize || le.Uint64(b) == 0 {
			return moved, errors.ErrUnsupported
		}
		some, err := spliceAll(int(s.pipe.Fd()), w, int64(le.Uint64(b)))
		moved += some
		if err != nil {
			return moved, err
		}
	}
	return moved, nil
}

// spliceAll moves n bytes that are in a pipe.
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
