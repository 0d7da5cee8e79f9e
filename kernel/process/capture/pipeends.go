// Pipes and FIFOs, with what they hold.

package capture

import (
	"errors"
	"fmt"
	"io"
	"os"

	"snappipe/kernel/process/image"

	"golang.org/x/sys/unix"
)

// pipe describes one end of a pipe or FIFO.
func (t *fileTable) pipe(o *openFile, d *image.OpenFile) error {
	d.Kind = image.KindPipe
	d.Pipe = &image.Pipe{Ino: o.st.Ino, Content: image.NoIndex}
	return nil
}

// pipes refuses those that another process has an end of, unless it is what
// snapresume will have in its place, and reads what the others hold.
func (t *fileTable) pipes() error {
	ends := map[uint64]int{}     // by inode: 1 reading, 2 writing
	packets := map[uint64]bool{} // by inode
	bit := [4]int{unix.O_RDONLY: 1, unix.O_WRONLY: 2, unix.O_RDWR: 3}
	for i := range t.open {
		if p := t.open[i].Pipe; p != nil {
			ends[p.Ino] |= bit[t.open[i].Flags&unix.O_ACCMODE]
			packets[p.Ino] = packets[p.Ino] || t.open[i].Flags&unix.O_DIRECT != 0
		}
	}
	done := map[uint64]bool{}
	for i := range t.open {
		d := &t.open[i]
		if d.Kind != image.KindPipe {
			continue
		}
		o := &openFile{fd: t.first[i], link: "a pipe"}
		if whole, err := t.whole(o, d, ends[d.Pipe.Ino]); err != nil {
			return err
		} else if !whole {
			if err := t.lose(o, d, "a pipe", "its other end is in another process"); err != nil {
				return err
			}
			continue
		}
		d.Inherit = image.NoIndex
		content := !done[d.Pipe.Ino] && d.Flags&unix.O_ACCMODE != unix.O_WRONLY
		if err := t.readPipe(o, d, content, packets[d.Pipe.Ino]); err != nil {
			return err
		}
		done[d.Pipe.Ino] = done[d.Pipe.Ino] || d.Pipe.Content != image.NoIndex
	}
	return nil
}

// whole reports whether nobody else has an end of a pipe: the process has
// both, or the other one is closed (pipe(7): poll(2) tells that).
func (t *fileTable) whole(o *openFile, d *image.OpenFile, ends int) (bool, error) {
	if ends == 3 || d.Inherit != image.NoIndex {
		return ends == 3, nil
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

// readPipe reads how large a pipe is and, from an end for reading, what it
// holds, by tee(2), which takes nothing out.
func (t *fileTable) readPipe(o *openFile, d *image.OpenFile, content, packets bool) error {
	fd, err := t.borrow(o)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	if d.Pipe.Capacity, err = unix.FcntlInt(uintptr(fd), unix.F_GETPIPE_SZ, 0); err != nil {
		return fmt.Errorf("reading the size of %s: %w", o.object(o.link), err)
	}
	if err := t.owner(fd, o, d); err != nil || t.dry || !content {
		return err
	}
	if n, err := unix.IoctlGetInt(fd, unix.TIOCINQ); err == nil && n == 0 {
		return nil // as most pipes are at most times
	}
	r, w, err := os.Pipe()
	if err != nil {
		return err
	}
	defer r.Close()
	if _, err := unix.FcntlInt(w.Fd(), unix.F_SETPIPE_SZ, d.Pipe.Capacity); err != nil {
		w.Close()
		return fmt.Errorf("making a pipe as large as %s: %w", o.object(o.link), err)
	}
	_, err = unix.Tee(fd, int(w.Fd()), d.Pipe.Capacity, unix.SPLICE_F_NONBLOCK)
	w.Close()
	if err != nil && !errors.Is(err, unix.EAGAIN) {
		return fmt.Errorf("reading what is in %s: %w", o.object(o.link), err)
	}
	b, sizes, err := readParts(r, d.Pipe.Capacity)
	if err != nil {
		return fmt.Errorf("reading what is in %s: %w", o.object(o.link), err)
	}
	if len(b) > 0 {
		d.Pipe.Content = t.addBlob(b)
		if packets || len(sizes) > 1 {
			d.Pipe.Packets = sizes
		}
	}
	return nil
}

// readParts reads a pipe up to its end. A read of all that there can be ends
// only with a packet (pipe(2), O_DIRECT).
func readParts(r io.Reader, capacity int) (all []byte, sizes []int, err error) {
	buf := make([]byte, capacity)
	for {
		n, err := r.Read(buf)
		if err == io.EOF {
			return all, sizes, nil
		}
		if err != nil {
			return nil, nil, err
		}
		all = append(all, buf[:n]...)
		sizes = append(sizes, n)
	}
}
