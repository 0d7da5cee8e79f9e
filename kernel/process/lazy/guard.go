// The guard, as the server sees it: a process of the same executable under another
// name, which hears through a socket whom the server serves, and who holds the
// userfaultfds (holder.go). When the server ends, however that comes, it kills those and
// whoever lacks memory (ward.go).

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
	takeFrom     = 'h' // a pidfd of the holder, which has that ID
	dismissed    = 'd' // no descriptor: all is done
	failed       = 'f' // likewise: it never will be
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

func (g *guard) take(h *holder) error { return g.tell(takeFrom, uint32(h.pid), h.fd) }

// end has it come to its end, and do before what it is there for if the server failed.
// It returns an error if it did not come to that.
func (g *guard) end(why byte) error {
	_ = g.tell(why, 0)
	unix.Close(g.conn)
	<-g.gone
	return g.err
}
