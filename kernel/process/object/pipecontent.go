// What pipes hold. It is looked at by tee(2), which takes nothing out.

package object

import (
	"errors"
	"fmt"

	"snappipe/kernel/process/world"

	"golang.org/x/sys/unix"
)

// readPipe reads how large a pipe is, who gets its signals and, from an end for
// reading, what it holds.
func (t *Taker) readPipe(o *Found, d *world.OpenFile, content bool) error {
	fd, err := t.borrow(o)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	if d.Pipe.Capacity, err = unix.FcntlInt(uintptr(fd), unix.F_GETPIPE_SZ, 0); err != nil {
		return fmt.Errorf("reading the size of %s: %w", o.object(o.link), err)
	}
	if err := t.owner(fd, o, d); err != nil {
		return err
	}
	waiting, err := unix.IoctlGetInt(fd, unix.TIOCINQ)
	if err != nil {
		return fmt.Errorf("reading how much is in %s: %w", o.object(o.link), err)
	}
	if !content || waiting == 0 {
		return nil // as most pipes are at most times
	}
	all, parts, err := pipeContent(fd, d.Pipe.Capacity)
	switch {
	case errors.Is(err, unix.EINVAL):
		return t.lose(o, d, "a pipe", "it holds what only the kernel can put there (O_NOTIFICATION_PIPE)")
	case errors.Is(err, unix.EPERM):
		return t.lose(o, d, "a pipe", fmt.Sprintf("it holds up to %d bytes, and this user may have no other that does", d.Pipe.Capacity))
	case err != nil:
		return fmt.Errorf("reading what is in %s: %w", o.object(o.link), err)
	case t.o.Dry:
	case len(all) != waiting:
		return fmt.Errorf("reading what is in %s: %d of %d bytes", o.object(o.link), len(all), waiting)
	case waiting > 0:
		d.Pipe.Content = t.addBlob(all)
		if len(parts) > 1 || parts[0].Packet {
			d.Pipe.Parts = parts
		}
	}
	return nil
}

// pipeContent reads what is in a pipe, and of what parts it is.
func pipeContent(fd, capacity int) (all []byte, parts []world.Part, err error) {
	if all, err = copyPipe(fd, capacity, readAll); err != nil || len(all) == 0 {
		return nil, nil, err
	}
	_, err = copyPipe(fd, capacity, func(r, size int) ([]byte, error) {
		parts, err = pipeParts(r, size)
		return nil, err
	})
	return all, parts, err
}

// copyPipe hands read the end of a pipe that holds the same, and how much that is.
func copyPipe(fd, capacity int, read func(r, size int) ([]byte, error)) ([]byte, error) {
	r, w, err := newPipe(capacity)
	if err != nil {
		return nil, err
	}
	defer unix.Close(r)
	size, err := unix.Tee(fd, w, capacity, unix.SPLICE_F_NONBLOCK)
	unix.Close(w)
	if errors.Is(err, unix.EAGAIN) {
		size, err = 0, nil
	}
	if err != nil {
		return nil, err
	}
	return read(r, int(size))
}

func newPipe(capacity int) (r, w int, err error) {
	var ends [2]int
	if err := unix.Pipe2(ends[:], unix.O_CLOEXEC|unix.O_NONBLOCK); err != nil {
		return -1, -1, err
	}
	if _, err := unix.FcntlInt(uintptr(ends[1]), unix.F_SETPIPE_SZ, capacity); err != nil {
		unix.Close(ends[0])
		unix.Close(ends[1])
		return -1, -1, err
	}
	return ends[0], ends[1], nil
}

func readAll(r, size int) ([]byte, error) {
	all := make([]byte, size)
	for n := 0; n < size; {
		some, err := unix.Read(r, all[n:]) // a packet ends it
		if err != nil {
			return nil, err
		}
		n += some
	}
	return all, nil
}

// pipeParts takes a pipe apart, by moving one buffer after the other to a pipe
// that has room for one. Of a packet, who reads less than all gets no more (pipe(2),
// O_DIRECT). Streams that follow each other are one; a buffer of a single byte is
// what the one before it was.
func pipeParts(r, size int) (parts []world.Part, err error) {
	one, w, err := newPipe(1) // a page
	if err != nil {
		return nil, err
	}
	defer unix.Close(one)
	defer unix.Close(w)
	buf := make([]byte, size)
	packet := false
	for size > 0 {
		n, err := unix.Splice(r, nil, w, nil, size, unix.SPLICE_F_NONBLOCK)
		if err != nil {
			return nil, err
		}
		if n > 1 {
			if _, err := unix.Read(one, buf[:n-1]); err != nil {
				return nil, err
			}
			left, err := unix.IoctlGetInt(one, unix.TIOCINQ)
			if err != nil {
				return nil, err
			}
			packet = left == 0
		}
		if n == 1 || !packet {
			if _, err := unix.Read(one, buf[:1]); err != nil {
				return nil, err
			}
		}
		if k := len(parts); k > 0 && !packet && !parts[k-1].Packet {
			parts[k-1].Size += int(n)
		} else {
			parts = append(parts, world.Part{Size: int(n), Packet: packet})
		}
		size -= int(n)
	}
	return parts, nil
}
