// What pipes hold. It is looked at by tee(2), which takes nothing out.

package object

import (
	"errors"
	"fmt"
	"io"
	"math"
	"os"

	"golang.org/x/sys/unix"

	"snappipe/kernel"
	"snappipe/kernel/process/world"
)

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

// fillPipe writes what a pipe held.
func (m *Maker) fillPipe(i int) error {
	o := &m.world.Open[i]
	if o.Outside || o.Pipe.Content == world.NoIndex {
		return nil
	}
	both := m.pipes[o.Pipe.Ino]
	if n, err := unix.IoctlGetInt(int(both.Fd()), unix.TIOCINQ); err == nil && n > 0 {
		return kernel.Refuse(m.name(i), "end the program that has it open", "it holds %d bytes already, beside which what it held would come twice", n)
	}
	size := m.world.Contents[o.Pipe.Content].Size
	parts := o.Pipe.Parts
	if parts == nil {
		if size > math.MaxInt32 {
			return fmt.Errorf("%w: %d bytes in a pipe", world.ErrDamaged, size)
		}
		parts = []world.Part{{Size: int(size)}}
	}
	from := io.NewSectionReader(m.contents[o.Pipe.Content], 0, size)
	for _, part := range parts {
		if err := writePart(both, from, part); err != nil {
			return kernel.Refuse(m.name(i), "resume it as root", "what waits in it cannot be put back: %v", err)
		}
	}
	return nil
}

// writePart writes a part of what a pipe held, all of it.
func writePart(both *os.File, from io.Reader, part world.Part) error {
	flags := unix.O_NONBLOCK
	if part.Packet {
		flags |= unix.O_DIRECT
	}
	if _, err := unix.FcntlInt(both.Fd(), unix.F_SETFL, flags); err != nil {
		return err
	}
	for left := part.Size; left > 0; {
		b := make([]byte, min(left, 1<<20)) // a packet is smaller
		if _, err := io.ReadFull(from, b); err != nil {
			return err
		}
		for len(b) > 0 {
			n, err := unix.Write(int(both.Fd()), b)
			if err != nil {
				return fmt.Errorf("%d of %d bytes did not go in: %w", left, part.Size, err)
			}
			b, left = b[n:], left-n
		}
	}
	return nil
}
