// This file makes pipes, and FIFOs, that are the processes' alone, with what they
// hold. An end that none of them has is closed.

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

var pipes = &kind{
	name: world.KindPipe, check: checkPipe,
	ends:  func(m *Maker, o *world.OpenFile) bool { return !m.hasBothEnds(o) },
	holds: func(o *world.OpenFile) bool { return o.Pipe.Content != world.NoIndex },
	make:  (*Maker).makePipe, fill: (*Maker).fillPipe, rouse: (*Maker).rousePipe,
}

// checkPipe sees that the parts of a pipe, if there are any, are all that it holds.
func checkPipe(w *world.World, o *world.OpenFile) error {
	p := o.Pipe
	switch {
	case p == nil:
		return errLacks
	case !isContent(w, p.Content):
		return fmt.Errorf("has content %d, which is not there", p.Content)
	case len(p.Parts) == 0:
		return nil
	}
	left := int64(0)
	if p.Content != world.NoIndex {
		left = w.Contents[p.Content].Size
	}
	for _, part := range p.Parts {
		if part.Size <= 0 || int64(part.Size) > left {
			left = -1
			break
		}
		left -= int64(part.Size)
	}
	if left != 0 {
		return errors.New("has parts that are not its content")
	}
	return nil
}

// hasBothEnds tells a pipe that is the processes' own from one of which the other
// end was closed, maybe by another process.
func (m *Maker) hasBothEnds(o *world.OpenFile) bool {
	reads, writes := false, false
	for i := range m.world.Open {
		e := &m.world.Open[i]
		if e.Pipe == nil || e.Pipe.Ino != o.Pipe.Ino {
			continue
		}
		reads = reads || e.Flags&unix.O_ACCMODE != unix.O_WRONLY
		writes = writes || e.Flags&unix.O_ACCMODE != unix.O_RDONLY
	}
	return reads && writes
}

// makePipe makes each pipe once and opens its ends from there: a pipe is an inode,
// and /proc/self/fd opens a further description of it.
func (m *Maker) makePipe(i int) (int, error) {
	o := &m.world.Open[i]
	if o.Outside {
		return m.openOutside(i)
	}
	both := m.pipes[o.Pipe.Ino]
	if both == nil {
		var err error
		if both, err = m.newPipe(i); err != nil {
			return -1, err
		}
		m.pipes[o.Pipe.Ino] = both
	}
	// O_DIRECT, by which a pipe keeps packets apart, is not for open(2); settle
	// sets it.
	end, err := Reopen(both, o.Flags&openable&^unix.O_DIRECT)
	if err != nil {
		return -1, err
	}
	defer end.Close()
	return takeDescriptor(end, 0)
}

func (m *Maker) newPipe(i int) (*os.File, error) {
	both, err := m.openPipe(i)
	if err != nil || m.world.Open[i].Pipe.Capacity == 0 {
		return both, err
	}
	if err := m.resize(both, i); err != nil {
		both.Close()
		return nil, err
	}
	return both, nil
}

// closePipes leaves the ends.
func (m *Maker) closePipes() error {
	for _, f := range m.pipes {
		f.Close()
	}
	clear(m.pipes)
	return nil
}

// resize gives a pipe the capacity that it had, where this user may (pipe(7)).
func (m *Maker) resize(both *os.File, i int) error {
	o := &m.world.Open[i]
	_, err := unix.FcntlInt(both.Fd(), unix.F_SETPIPE_SZ, o.Pipe.Capacity)
	have, e := unix.FcntlInt(both.Fd(), unix.F_GETPIPE_SZ, 0)
	if e != nil {
		return fmt.Errorf("reading its size: %w", e)
	}
	if have == o.Pipe.Capacity {
		return nil
	}
	what := fmt.Sprintf("it held up to %d bytes, and here it holds up to %d (%v)", o.Pipe.Capacity, have, err)
	if !m.options.Force {
		return kernel.Refuse(m.name(i), "resume it as root, or raise fs.pipe-max-size and fs.pipe-user-pages-soft; --force goes on without", "%s", what)
	}
	m.options.Warn(m.name(i) + ": " + what)
	return nil
}

func (m *Maker) openPipe(i int) (*os.File, error) {
	o := &m.world.Open[i]
	if o.File != world.NoIndex {
		both, err := m.OpenPath(&m.world.Files[o.File], unix.O_RDWR)
		if err != nil {
			return nil, Gone(m.name(i), err)
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
	both, err := Reopen(r, unix.O_RDWR|unix.O_NONBLOCK)
	if err != nil {
		return nil, err
	}
	f := o.Pipe
	return both, m.ownAs(int(both.Fd()), "a pipe", f.UID, f.GID, f.Mode)
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

// rousePipe makes an end of a pipe ready.
func (m *Maker) rousePipe(w watched) (calm func() error, err error) {
	if w.open.Flags&unix.O_ACCMODE == unix.O_WRONLY {
		return rouseFullPipe(w.here)
	}
	return rouseEmptyPipe(w.here)
}

// rouseFullPipe gives a pipe more room.
func rouseFullPipe(fd int) (calm func() error, err error) {
	was, err := unix.FcntlInt(uintptr(fd), unix.F_GETPIPE_SZ, 0)
	if err == nil {
		_, err = unix.FcntlInt(uintptr(fd), unix.F_SETPIPE_SZ, 2*was)
	}
	return func() error {
		_, err := unix.FcntlInt(uintptr(fd), unix.F_SETPIPE_SZ, was)
		return err
	}, err
}

// rouseEmptyPipe writes something to a pipe that nothing is in, and takes it out.
func rouseEmptyPipe(fd int) (calm func() error, err error) {
	both, err := unix.Open(fmt.Sprintf("/proc/self/fd/%d", fd), unix.O_RDWR|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	_, err = unix.Write(both, []byte{0})
	return func() error {
		_, err := unix.Read(both, make([]byte, 1))
		return errors.Join(err, unix.Close(both))
	}, err
}
