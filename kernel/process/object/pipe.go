// Pipes and FIFOs, with what they hold.

package object

import (
	"fmt"

	"snappipe/kernel/process/world"

	"golang.org/x/sys/unix"
)

// pipe describes one end of a pipe or FIFO.
func (t *Taker) pipe(o *Found, d *world.OpenFile) error {
	d.Kind = world.KindPipe
	d.Pipe = &world.Pipe{Ino: o.st.Ino, Content: world.NoIndex, Mode: o.st.Mode & 0o7777, UID: o.st.Uid, GID: o.st.Gid}
	return nil
}

// pipes refuses those that another process has an end of, unless they are
// standard descriptors, and reads what the others hold.
func (t *Taker) pipes() error {
	ends := map[uint64]int{} // by inode: 1 reading, 2 writing
	bit := [4]int{unix.O_RDONLY: 1, unix.O_WRONLY: 2, unix.O_RDWR: 3}
	for i := range t.w.Open {
		if p := t.w.Open[i].Pipe; p != nil {
			ends[p.Ino] |= bit[t.w.Open[i].Flags&unix.O_ACCMODE]
		}
	}
	done := map[uint64]bool{}
	for i := range t.w.Open {
		d := &t.w.Open[i]
		if d.Kind != world.KindPipe {
			continue
		}
		o := &Found{ref: t.first[i], link: "a pipe"}
		if whole, err := t.whole(o, ends[d.Pipe.Ino]); err != nil {
			return err
		} else if !whole {
			if err := t.pipeOutside(i, "a pipe", "its other end is in another process"); err != nil {
				return err
			}
			continue
		}
		content := !done[d.Pipe.Ino] && d.Flags&unix.O_ACCMODE != unix.O_WRONLY
		if err := t.readPipe(o, d, content); err != nil {
			return err
		}
		done[d.Pipe.Ino] = done[d.Pipe.Ino] || d.Pipe.Content != world.NoIndex
	}
	return nil
}

// whole reports whether nobody else has an end of a pipe: the process has
// both, or the other one is closed (pipe(7): poll(2) tells that).
func (t *Taker) whole(o *Found, ends int) (bool, error) {
	if ends == 3 {
		return true, nil
	}
	fd, err := t.borrow(o)
	if err != nil {
		return false, err
	}
	defer unix.Close(fd)
	p := []unix.PollFd{{Fd: int32(fd)}}
	if _, err := unix.Poll(p, 0); err != nil {
		return false, fmt.Errorf("looking for the other end of %s: %w", o.object(o.link), err)
	}
	return p[0].Revents&(unix.POLLHUP|unix.POLLERR) != 0, nil
}
