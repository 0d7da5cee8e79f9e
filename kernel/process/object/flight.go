// Descriptors in flight: sent by SCM_RIGHTS (unix(7)), and not received. Most often the
// sender has closed its own, so that nothing of the program leads to such a file but the
// message. To look at a message gives this process descriptors of what is in it, and so
// it is looked at like a process of the program, as one that only sees them through.

package object

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"

	"snappipe/kernel/process/sys"
	"snappipe/kernel/process/world"
)

// flight is what is on its way.
type flight struct {
	// carriers are the sockets that hold descriptors, by index in World.Open.
	carriers []int
	// task is this process, with descriptors of its own of what they hold.
	task *Task
	// rights are those in the messages of a socket that have any, by its inode: indices
	// in World.Open.
	rights map[uint64][][]int
}

// addCarrier notes open file i if it holds descriptors, as far as the kernel tells: it
// has done so since Linux 5.6 (net/unix/af_unix.c: unix_show_fdinfo).
func (t *Taker) addCarrier(o *Found, i int) {
	if o.info.Rights > 0 && t.w.Open[i].Kind == world.KindSocket {
		t.flight.carriers = append(t.flight.carriers, i)
	}
}

// Flies reports whether there are descriptors in flight.
func (t *Taker) Flies() bool { return len(t.flight.carriers) > 0 }

// mayFly reports whether the other end of something may be in flight, which is not known
// before the program stands still.
func (t *Taker) mayFly() bool { return t.o.Dry && t.Flies() }

// takeFlying takes them. A file in flight may be a socket that holds others.
func (t *Taker) takeFlying() error {
	f := &t.flight
	if t.o.Dry || !t.Flies() {
		return nil
	}
	if err := t.beginFlight(); err != nil {
		return err
	}
	for n := 0; n < len(f.carriers); n++ {
		if err := t.takeCarried(f.carriers[n]); err != nil {
			return err
		}
	}
	return nil
}

// beginFlight makes the task. What is seen by the root is seen by it.
func (t *Taker) beginFlight() error {
	root := t.root()
	t.flight.rights = map[uint64][][]int{}
	t.flight.task = &Task{
		PID: os.Getpid(), Title: root.Title, Stat: root.Stat, InnerID: root.InnerID, InnerGroup: root.InnerGroup,
		nth: len(t.tasks), inFlight: true,
	}
	t.flight.task.forget()
	return t.flight.task.begin()
}

// endFlight gives up the descriptors.
func (t *Taker) endFlight() error {
	k := t.flight.task
	if k == nil {
		return nil
	}
	var err error
	for fd := range k.index {
		err = errors.Join(err, unix.Close(fd))
	}
	k.forget()
	return errors.Join(err, k.end())
}

// takeCarried takes what one socket holds.
func (t *Taker) takeCarried(i int) error {
	o, d := t.foundFirst(i), &t.w.Open[i]
	fd, err := t.borrow(o)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	var carried [][]int
	err = t.messages(o, d, fd, func(m *sys.Message) error {
		if len(m.Rights) > 0 {
			carried = append(carried, m.Rights)
		}
		for _, fd := range m.Rights {
			t.flight.task.index[fd] = world.NoIndex
		}
		m.Rights = nil // they are the task's
		return nil
	})
	if err != nil || d.Kind == world.KindLost {
		return err
	}
	ino := d.Socket.Ino
	for _, fds := range carried {
		rights := make([]int, len(fds))
		for n, fd := range fds {
			if rights[n], err = t.takeRight(fd); err != nil {
				return err
			}
		}
		t.flight.rights[ino] = append(t.flight.rights[ino], rights)
	}
	return nil
}

// takeRight takes one of them, as [Taker.take] does those of a process.
func (t *Taker) takeRight(fd int) (open int, err error) {
	k := t.flight.task
	o := &Found{ref: ref{k, fd}}
	if err := o.read(nil); err != nil {
		return 0, fmt.Errorf("a descriptor in flight: %w", err)
	}
	k.inode[fd] = o.info.Ino
	same, err := t.sharing.add([]*Found{o})
	if err != nil {
		return 0, err
	}
	open, ok := same[o.ref].opened()
	if !ok || open == world.NoIndex {
		if open, err = t.description(o); err != nil {
			return 0, err
		}
		if err := t.checkFlying(o, &t.w.Open[open]); err != nil {
			return 0, err
		}
		t.addLocks(o, &t.w.Open[open])
	}
	k.index[o.fd] = open
	return open, nil
}

// checkFlying refuses what is not to be looked at but so that it has to be put back: that
// could not be done if this process were killed, and its descriptor with it; and what is
// bound to a number of a process.
func (t *Taker) checkFlying(o *Found, d *world.OpenFile) error {
	const reason = "it was sent and is not received yet, and can't be taken so"
	switch {
	case d.Kind == world.KindEpoll:
		return t.lose(o, d, "an epoll set", reason)
	case d.Kind == world.KindPty, d.Kind == world.KindSlave:
		return t.lose(o, d, "a pseudo-terminal", reason)
	case d.Socket != nil && d.Socket.TCP != nil:
		return t.lose(o, d, connectionTitle(d.Socket), reason)
	}
	return nil
}

// checkRights finds what can't come with a message in an image.
func checkRights(w *world.World, s *world.Socket, m *world.Message) error {
	const most = 253 // SCM_MAX_FD of include/net/scm.h
	if len(m.Rights) > most || len(m.Rights) > 0 && (s.Family != unix.AF_UNIX || m.Stream && m.Content == world.NoIndex) {
		return errors.New("holds descriptors that nobody can have sent it")
	}
	for _, i := range m.Rights {
		if i < 0 || i >= len(w.Open) || w.Open[i].Kind == world.KindEpoll {
			return fmt.Errorf("holds open file %d, which is not there, or can't be sent so", i)
		}
	}
	return nil
}

// carried returns what the next message of a socket with descriptors has, or nil if that
// is not known.
func (t *Taker) carried(s *world.Socket) (rights []int) {
	if all := t.flight.rights[s.Ino]; len(all) > 0 {
		rights, t.flight.rights[s.Ino] = all[0], all[1:]
	}
	return rights
}
