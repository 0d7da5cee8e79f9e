// What the kernel tells of an address space: that somebody waits for a page, and
// what becomes of the memory.

package lazy

import (
	"syscall"

	"golang.org/x/sys/unix"

	"snappipe/kernel/process/sys"
	"snappipe/kernel/process/world"
)

// listen does so until the space is closed.
func (s *Server) listen(sp *space) {
	conn, err := sp.file.SyscallConn()
	for err == nil {
		err = s.hear(sp, conn)
	}
	if !sp.isClosed() {
		s.fail(err)
	}
}

// hear waits for a message, and sees to it.
func (s *Server) hear(sp *space, conn syscall.RawConn) error {
	var m sys.FaultMessage
	var child ranges
	var err error
	closed := conn.Read(func(fd uintptr) bool {
		m, child, err = sp.take(int(fd))
		return err != unix.EAGAIN
	})
	switch {
	case closed != nil:
		return closed
	case err == unix.EINTR:
	case err != nil:
		return err
	case m.Event == sys.FaultPage:
		s.touched(fault{sp, m.Args[1] &^ (world.Page - 1)})
	case m.Event == sys.FaultFork:
		s.born(int(uint32(m.Args[0])), child)
	default:
		s.settle(sp, nil)
	}
	return nil
}

// take takes one message, and does as it says before anything else is done for the
// space. If that has been inherited, it returns what the child lacks as well.
func (s *space) take(fd int) (m sys.FaultMessage, child ranges, err error) {
	s.still.Lock()
	defer s.still.Unlock()
	if s.failed {
		return m, nil, unix.EAGAIN
	}
	if m, err = sys.ReadFault(fd); err != nil {
		return m, nil, err
	}
	if m.Event == sys.FaultFork {
		return m, s.inherited(), nil
	}
	s.apply(&m)
	return m, nil, nil
}

func (s *Server) touched(f fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = append(s.faults, f)
	s.changed.Broadcast()
}

func (s *Server) born(fd int, left ranges) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.add(fd, left)
}
