// The guard, as the server sees it: a process of the same executable under another
// name, which has what the server has of the programs, and hears of it through a
// socket. When that is at its end, however that came, it kills them (ward.go).

package lazy

import (
	"fmt"

	"golang.org/x/sys/unix"

	"snappipe/kernel/process/self"
)

// name is the first argument by which a process knows that it is a guard, and what
// ps(1) shows.
const name = "snapresume-guard"

// What a message to the guard says of its descriptor. A byte of it says that, and
// an ID follows.
const (
	watchProcess = 'p' // a pidfd of the process with that ID
	holdSpace    = 's' // a userfaultfd, to be known by that ID
	leaveSpace   = 'l' // no descriptor: that one is not needed any more
	dismissed    = 'd' // likewise: all is done
)

// message is such a message.
type message struct {
	what byte
	id   uint32
}

const messageSize = 5

type guard struct {
	pid  int
	conn int
	gone chan struct{} // closed when it has ended
	err  error         // why it did, by then
}

// process is one that ends with the server.
type process struct {
	pid int
	fd  int // a pidfd
}

func startGuard() (*guard, error) {
	socket, cmd, err := self.Start(name, nil)
	if err != nil {
		return nil, fmt.Errorf("starting the guard: %w", err)
	}
	g := &guard{pid: cmd.Pid, conn: socket, gone: make(chan struct{})}
	go func() {
		state, err := cmd.Wait()
		if err == nil && !state.Success() {
			err = fmt.Errorf("the guard: %v", state)
		}
		g.err = err
		close(g.gone)
	}()
	return g, nil
}

func (g *guard) tell(what byte, id uint32, fds ...int) error {
	var rights []byte
	if len(fds) > 0 {
		rights = unix.UnixRights(fds...)
	}
	b := []byte{what, byte(id), byte(id >> 8), byte(id >> 16), byte(id >> 24)}
	for {
		err := unix.Sendmsg(g.conn, b, rights, nil, unix.MSG_NOSIGNAL)
		switch err {
		case nil:
			return nil
		case unix.EINTR:
		case unix.EPIPE, unix.ECONNRESET:
			return nil // it is gone, and will be replaced
		default:
			return fmt.Errorf("telling the guard: %w", err)
		}
	}
}

func (g *guard) watch(p process) error { return g.tell(watchProcess, uint32(p.pid), p.fd) }

func (g *guard) hold(s *space) error { return g.tell(holdSpace, s.id, s.fd) }

func (g *guard) leave(s *space) { _ = g.tell(leaveSpace, s.id) }

func (g *guard) dismiss() { _ = g.tell(dismissed, 0) }

// end has it come to its end, and do before what it is there for unless it was
// dismissed. It returns an error if it did not come to that.
func (g *guard) end() error {
	unix.Close(g.conn)
	<-g.gone
	return g.err
}
