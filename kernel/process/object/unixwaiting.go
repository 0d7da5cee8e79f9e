// Connections that wait at a unix socket to be accepted. sock_diag(7) tells whose they are,
// in order. The end that nobody has yet can't be looked at, so one is kept that holds
// nothing, of which the program has the other end as well as who listens: that one connects
// again. With which credentials it did, nobody tells; it does so as its process.

package object

import (
	"errors"
	"fmt"
	"slices"

	"golang.org/x/sys/unix"

	"snappipe/kernel"
	"snappipe/kernel/process/sys"
	"snappipe/kernel/process/world"
)

// findWaiting finds who waits at the listeners of the program. Where others wait too, all
// are left to them.
func (t *Taker) findWaiting(diag *sys.UnixDiag, mine map[uint64]bool) error {
	for i := range t.w.Open {
		s := t.w.Open[i].Socket
		if s == nil || s.Family != unix.AF_UNIX || !s.Listening {
			continue
		}
		info, err := diag.Ask(s.Ino)
		if err != nil || info.Waiting == 0 || info.Waiting > mostWaiting(info.Backlog) {
			continue // see peer
		}
		clients, err := diag.Waiting(s.Ino)
		switch {
		case errors.Is(err, unix.EMSGSIZE), errors.Is(err, unix.ENOENT):
			continue // too many to be told of, or closed since
		case err != nil:
			return fmt.Errorf("asking who waits at a unix socket: %w", err)
		case len(clients) != info.Waiting || slices.ContainsFunc(clients, func(ino uint64) bool { return !mine[ino] }):
			continue
		}
		s.Waiting = clients
		for _, ino := range clients {
			t.waits[ino] = true
		}
	}
	return nil
}

// mostWaiting is how many connections can wait (net/unix/af_unix.c: unix_recvq_full).
func mostWaiting(backlog int) int { return backlog + 1 }

// waitingEnd is for the end of a connection that waits.
func (t *Taker) waitingEnd(o *Found, d *world.OpenFile) error {
	fd, err := t.borrow(o)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	sent, err := unix.IoctlGetInt(fd, unix.SIOCOUTQ)
	if err != nil {
		return fmt.Errorf("%s: what it has sent: %w", o.object("a unix socket"), err)
	}
	if sent > 0 {
		return t.lose(o, d, "a unix socket that is connected", "the connection has not been accepted yet, and nobody can see what it has sent")
	}
	d.Socket.Remote = nil
	return nil
}

// keepWaiting leaves those waiting that are kept with who listens.
func (t *Taker) keepWaiting() error {
	kept, waits := map[uint64]bool{}, map[uint64]bool{}
	for i := range t.w.Open {
		if s := t.w.Open[i].Socket; s != nil && t.waits[s.Ino] {
			kept[s.Ino] = true
		}
	}
	for i := range t.w.Open {
		if s := t.w.Open[i].Socket; s != nil {
			s.Waiting = slices.DeleteFunc(s.Waiting, func(ino uint64) bool { return !kept[ino] })
			for _, ino := range s.Waiting {
				waits[ino] = true
			}
		}
	}
	for i := range t.w.Open {
		d := &t.w.Open[i]
		if d.Socket == nil || !kept[d.Socket.Ino] || waits[d.Socket.Ino] {
			continue
		}
		o := t.foundFirst(i)
		if err := t.lose(o, d, "a unix socket that is connected", "who it waits for is dropped"); err != nil {
			return err
		}
	}
	return nil
}

// checkWaiting finds what can't wait in an image.
func checkWaiting(w *world.World) error {
	byIno, waits := map[uint64]*world.Socket{}, map[uint64]bool{}
	for i := range w.Open {
		if s := w.Open[i].Socket; s != nil {
			byIno[s.Ino] = s
		}
	}
	for i := range w.Open {
		s := w.Open[i].Socket
		if s == nil || len(s.Waiting) == 0 {
			continue
		}
		if s.Family != unix.AF_UNIX || !s.Listening || len(s.Local) == 0 || len(s.Waiting) > mostWaiting(s.Backlog) {
			return fmt.Errorf("%w: open file %d can't have connections waiting", world.ErrDamaged, i)
		}
		for _, ino := range s.Waiting {
			if c := byIno[ino]; c == nil || waits[ino] || !canWait(c, s) {
				return fmt.Errorf("%w: at open file %d waits socket %d, which can't", world.ErrDamaged, i, ino)
			}
			waits[ino] = true
		}
	}
	return nil
}

// canWait reports whether a socket is one that waits at a listener.
func canWait(c, listener *world.Socket) bool {
	return c.Family == unix.AF_UNIX && c.Type == listener.Type && !c.Listening && c.Peer == 0 && !c.Orphan && len(c.Queue) == 0
}

// waitAt has all connect again, in order, that wait at listener i. A name that is not to be
// there is until all have.
func (u *unixSockets) waitAt(i int) error {
	listener := u.world.Open[i].Socket
	for _, ino := range listener.Waiting {
		j, ok := u.index()[ino]
		if !ok {
			continue // it is something of ours
		}
		fd, client := u.made[j].fd, u.holders[j]
		err := unix.SetNonblock(fd, true) // if there is no room, to be told so
		if err == nil {
			var as *world.Creator
			if len(client) > 0 {
				task := &u.world.Tasks[client[0].task]
				as = &world.Creator{UID: task.UIDs[1], GID: task.GIDs[1]}
			}
			err = connectTo(u.byTask(j), fd, u.byTask(i), listener.Local, as)
		}
		if err != nil {
			return kernel.Refuse(u.name(j), "", "it can't be connected to %s again, to wait there: %v", world.AddressText(listener.Local), err)
		}
	}
	return nil
}
