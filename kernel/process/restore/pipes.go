package restore

// This file makes pipes, and FIFOs, that are the process's alone, with what they
// hold. An end that the process does not have is closed.

import (
	"fmt"
	"io"
	"os"

	"golang.org/x/sys/unix"

	"snappipe/kernel/process/image"
)

// openPipes makes each pipe once and opens its ends from there: a pipe is an
// inode, and /proc/self/fd opens a further description of it.
func (p *process) openPipes() error {
	pipes := map[uint64]*os.File{} // open for both, by inode
	defer func() {
		for _, f := range pipes {
			f.Close()
		}
	}()
	for i := range p.img.Open {
		o := &p.img.Open[i]
		if o.Kind != image.KindPipe || p.files[i].fd >= 0 {
			continue
		}
		both := pipes[o.Pipe.Ino]
		if both == nil {
			var err error
			if both, err = p.openPipe(o); err != nil {
				return fmt.Errorf("%s: %w", p.name(o), err)
			}
			pipes[o.Pipe.Ino] = both
		}
		if err := p.fillPipe(both, o); err != nil {
			return fmt.Errorf("%s: %w", p.name(o), err)
		}
		// O_DIRECT, by which a pipe keeps packets apart, is not for open(2);
		// settle sets it.
		end, err := reopen(both, o.Flags&openable&^unix.O_DIRECT)
		if err != nil {
			return fmt.Errorf("%s: %w", p.name(o), err)
		}
		p.files[i].fd, err = takeDescriptor(end, 0)
		end.Close()
		if err != nil {
			return err
		}
	}
	return nil
}

func (p *process) openPipe(o *image.OpenFile) (*os.File, error) {
	both, err := p.makePipe(o)
	if err != nil || o.Pipe.Capacity == 0 {
		return both, err
	}
	if _, err := unix.FcntlInt(both.Fd(), unix.F_SETPIPE_SZ, o.Pipe.Capacity); ignore(err, unix.EPERM) != nil {
		both.Close()
		return nil, fmt.Errorf("making it hold %d bytes: %w", o.Pipe.Capacity, err)
	}
	return both, nil
}

func (p *process) makePipe(o *image.OpenFile) (*os.File, error) {
	if o.File != image.NoIndex {
		both, err := p.openPath(&p.img.Files[o.File], unix.O_RDWR)
		if err != nil {
			return nil, gone(p.name(o), err)
		}
		return both, nil
	}
	r, w, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer r.Close()
	defer w.Close()
	// Both ends in one, as a FIFO can be opened (fifo(7)).
	return reopen(r, unix.O_RDWR|unix.O_NONBLOCK)
}

// fillPipe writes what a pipe held.
func (p *process) fillPipe(both *os.File, o *image.OpenFile) error {
	if o.Pipe.Content == image.NoIndex {
		return nil
	}
	b, err := p.content(o.Pipe.Content, maxPipe)
	if err != nil {
		return err
	}
	flags, sizes := unix.O_NONBLOCK, o.Pipe.Packets
	if len(sizes) > 0 {
		flags |= unix.O_DIRECT
	} else {
		sizes = []int{len(b)}
	}
	if _, err := unix.FcntlInt(both.Fd(), unix.F_SETFL, flags); err != nil {
		return err
	}
	for _, size := range sizes {
		n, err := unix.Write(int(both.Fd()), b[:size])
		if err == nil && n < size {
			err = unix.EAGAIN
		}
		if err != nil {
			return fmt.Errorf("filling it with %d bytes more: %w", len(b), err)
		}
		b = b[size:]
	}
	return nil
}

// maxPipe bounds what is read back to memory to fill a pipe or a socket with:
// more than any of them hold.
const maxPipe = 64 << 20

// content is the bytes of a content of the image.
func (p *process) content(i int, limit int64) ([]byte, error) {
	size := p.img.Contents[i].Size
	if size > limit {
		return nil, fmt.Errorf("%w: %d bytes in a pipe or socket", image.ErrDamaged, size)
	}
	b := make([]byte, size)
	_, err := io.ReadFull(io.NewSectionReader(p.contents[i], 0, size), b)
	return b, err
}
