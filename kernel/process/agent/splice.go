// Pages on their way from the twin to the user's pipe.

package agent

import (
	"errors"
	"fmt"
	"io"
	"os"

	"golang.org/x/sys/unix"
)

// perOrder is how much the agent is asked for at once. What is not wanted of
// it after all has to be read and thrown away.
const perOrder = 64 << 20

// flow is what is under way in the twin's pipe.
type flow struct {
	next    uint64 // address of the next byte to come out of it
	ordered int64  // bytes that are yet to come out
	ready   int64  // those of them that are in it
}

// PipeTo puts the n bytes at an address of the twin into w, and returns how
// many it did; with [errors.ErrUnsupported] if w is something that pages can't
// be moved to. So many more as ahead says are likely to be asked for next, and
// the twin goes on to put them into its pipe.
func (s *Snapshot) PipeTo(w *os.File, addr uint64, n, ahead int64) (moved int64, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.pipe == nil {
		return 0, errors.ErrUnsupported
	}
	if s.flow.ordered > 0 && s.flow.next != addr {
		err = s.discard()
	}
	for moved < n && err == nil {
		if s.flow.ordered == 0 {
			err = s.order(addr+uint64(moved), min(n-moved+ahead, perOrder))
		}
		if err == nil && s.flow.ready == 0 {
			err = s.await()
		}
		if err == nil {
			var some int64
			some, err = spliceAll(int(s.pipe.Fd()), int(w.Fd()), min(n-moved, s.flow.ready))
			s.flow.pass(some)
			moved += some
		}
	}
	if err != nil {
		s.closePipe() // what is in it is not at its place any more
	}
	return moved, err
}

func (f *flow) pass(n int64) {
	f.next += uint64(n)
	f.ordered -= n
	f.ready -= n
}

// order has the agent put bytes into the twin's pipe.
func (s *Snapshot) order(addr uint64, n int64) error {
	order := le.AppendUint64(le.AppendUint64(nil, addr), uint64(n))
	if err := s.agent.conn.send(order); err != nil {
		return fmt.Errorf("asking the agent for pages: %w", err)
	}
	s.flow = flow{next: addr, ordered: n}
	return nil
}

// await waits for more bytes to be in the pipe.
func (s *Snapshot) await() error {
	b, _, err := s.agent.conn.receive()
	if err == io.EOF {
		return errDied
	}
	if err != nil {
		return fmt.Errorf("hearing from the agent: %w", err)
	}
	if len(b) != countSize || le.Uint64(b) == 0 || le.Uint64(b) > uint64(s.flow.ordered-s.flow.ready) {
		return errors.ErrUnsupported
	}
	s.flow.ready += int64(le.Uint64(b))
	return nil
}

// discard throws away what was ordered ahead in vain.
func (s *Snapshot) discard() error {
	for s.flow.ordered > 0 {
		if s.flow.ready == 0 {
			if err := s.await(); err != nil {
				return err
			}
		}
		n, err := io.CopyN(io.Discard, s.pipe, s.flow.ready)
		s.flow.pass(n)
		if err != nil {
			return fmt.Errorf("emptying the pipe of the twin: %w", err)
		}
	}
	return nil
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
