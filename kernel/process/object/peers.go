// Which unix socket is connected to which: sock_diag(7) tells it, by inode.

package object

import (
	"errors"
	"fmt"

	"snappipe/kernel"
	"snappipe/kernel/process/sys"
	"snappipe/kernel/process/world"

	"golang.org/x/sys/unix"
)

// peers finds the peer of each connected unix socket, refuses those whose
// peer is elsewhere, and reads what the others hold.
func (t *Taker) peers() error {
	mine := map[uint64]bool{}
	any := false
	for i := range t.w.Open {
		if s := t.w.Open[i].Socket; s != nil && s.Family == unix.AF_UNIX {
			mine[s.Ino] = true
			any = true
		}
	}
	if !any || t.mayFly() {
		return nil
	}
	// It tells of its own network namespace, which is that of the program.
	diag, err := sys.OpenUnixDiag()
	if err != nil {
		return err
	}
	defer diag.Close()
	if err := t.findWaiting(diag, mine); err != nil {
		return err
	}
	for i := range t.w.Open {
		d := &t.w.Open[i]
		if d.Socket == nil || d.Socket.Family != unix.AF_UNIX {
			continue
		}
		o := &Found{ref: t.first[i], link: "socket:"}
		if err := t.peer(diag, o, d, mine); err != nil {
			return err
		}
	}
	return t.keepWaiting()
}

func (t *Taker) peer(diag *sys.UnixDiag, o *Found, d *world.OpenFile, mine map[uint64]bool) error {
	s := d.Socket
	info, err := diag.Ask(s.Ino)
	switch {
	case errors.Is(err, unix.ENOENT) && t.o.Dry && o.gone(s.Ino):
		return nil // closed since it was described
	case errors.Is(err, unix.ENOENT):
		return kernel.Refuse(o.object("a unix socket"), "load the module unix_diag", "this kernel does not tell what it is connected to")
	case err != nil:
		return fmt.Errorf("%s: asking for its peer: %w", o.object("a unix socket"), err)
	}
	if err := t.socketFile(o, d, info); err != nil || d.Kind == world.KindLost {
		return err
	}
	if s.Listening {
		if s.Backlog = info.Backlog; info.Waiting > len(s.Waiting) {
			if err := t.forgo(o, d, "a unix socket with connections that have not been accepted", "their other ends are outside of the program, or closed"); err != nil {
				return err
			}
		}
		return t.unixState(o, d)
	}
	s.Shutdown, s.Peer = info.Shutdown, info.Peer
	if err := t.checkPeer(o, d, info, mine); err != nil || d.Kind == world.KindLost || d.Outside {
		return err
	}
	return t.unixState(o, d)
}

// gone reports whether a descriptor is not of that socket any more.
func (r ref) gone(ino uint64) bool {
	var st unix.Stat_t
	err := unix.Stat(fmt.Sprintf("/proc/%d/fd/%d", r.task.PID, r.fd), &st)
	return err != nil || st.Ino != ino
}

// checkPeer refuses a connection whose other end is not the process's. A
// datagram socket only has a default destination, which it can have again if
// that has a name.
func (t *Taker) checkPeer(o *Found, d *world.OpenFile, info sys.UnixInfo, mine map[uint64]bool) error {
	const closed = 3 // both directions, as the end of its peer leaves a socket
	s := d.Socket
	datagrams := s.Type == unix.SOCK_DGRAM
	switch {
	case t.waits[s.Ino]:
		return t.waitingEnd(o, d)
	case mine[s.Peer]:
		s.Remote = nil // it is found by Peer
	case s.Peer != 0 && datagrams && s.Remote != nil:
		s.Peer = 0
	case s.Peer != 0:
		return t.socketOutside(o, d, "a unix socket connected to another process")
	case datagrams:
		s.Orphan = t.connected[s.Ino]
	case !info.Connected:
		s.Remote = nil
	case s.Shutdown&closed != closed:
		// What has no inode yet is in nobody's hands.
		return t.lose(o, d, "a unix socket that is connected", "the connection has not been accepted yet")
	default:
		s.Orphan = true
	}
	return nil
}
