// This file makes pipes, and FIFOs, that are the process's alone, with what they
// hold. An end that the process does not have is closed.

package restore

import (
	"fmt"
	"io"
	"math"
	"os"

	"golang.org/x/sys/unix"

	"snappipe/kernel"
	"snappipe/kernel/process/world"
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
		if o.Kind != world.KindPipe || p.files[i].fd >= 0 {
			continue
		}
		if o.Outside {
			fd, err := p.openOutside(o)
			if err != nil {
				return err
			}
			p.files[i].fd = fd
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

func (p *process) openPipe(o *world.OpenFile) (*os.File, error) {
	both, err := p.makePipe(o)
	if err != nil || o.Pipe.Capacity == 0 {
		return both, err
	}
	if err := p.resize(both, o); err != nil {
		both.Close()
		return nil, err
	}
	return both, nil
}

// resize gives a pipe the capacity that it had, where this user may (pipe(7)).
func (p *process) resize(both *os.File, o *world.OpenFile) error {
	_, err := unix.FcntlInt(both.Fd(), unix.F_SETPIPE_SZ, o.Pipe.Capacity)
	have, e := unix.FcntlInt(both.Fd(), unix.F_GETPIPE_SZ, 0)
	if e != nil {
		return fmt.Errorf("reading its size: %w", e)
	}
	if have == o.Pipe.Capacity {
		return nil
	}
	what := fmt.Sprintf("it held up to %d bytes, and here it holds up to %d (%v)", o.Pipe.Capacity, have, err)
	if !p.options.Force {
		return kernel.Refuse(p.name(o), "resume it as root, or raise fs.pipe-max-size and fs.pipe-user-pages-soft; --force goes on without", "%s", what)
	}
	p.options.Warn(p.name(o) + ": " + what)
	return nil
}

func (p *process) makePipe(o *world.OpenFile) (*os.File, error) {
	if o.File != world.NoIndex {
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
	both, err := reopen(r, unix.O_RDWR|unix.O_NONBLOCK)
	if err != nil {
		return nil, err
	}
	f := o.Pipe
	return both, p.ownAs(int(both.Fd()), "a pipe", f.UID, f.GID, f.Mode)
}

// fillPipe writes what a pipe held.
func (p *process) fillPipe(both *os.File, o *world.OpenFile) error {
	if o.Pipe.Content == world.NoIndex {
		return nil
	}
	if n, err := unix.IoctlGetInt(int(both.Fd()), unix.TIOCINQ); err == nil && n > 0 {
		return kernel.Refuse(p.name(o), "end the program that has it open", "it holds %d bytes already, beside which what it held would come twice", n)
	}
	size := p.img.Contents[o.Pipe.Content].Size
	parts := o.Pipe.Parts
	if parts == nil {
		if size > math.MaxInt32 {
			return fmt.Errorf("%w: %d bytes in a pipe", world.ErrDamaged, size)
		}
		parts = []world.Part{{Size: int(size)}}
	}
	from := io.NewSectionReader(p.contents[o.Pipe.Content], 0, size)
	for _, part := range parts {
		if err := writePart(both, from, part); err != nil {
			return kernel.Refuse(p.name(o), "resume it as root", "what waits in it cannot be put back: %v", err)
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
