// Pipes and FIFOs that are the processes' alone. An end that none of them has is closed.
// What they hold is in pipecontent.go.

package object

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"

	"snappipe/kernel"
	"snappipe/kernel/process/world"
)

// In the image: `Pipe`: `Ino`, the same for both ends; `Capacity`; `Content`, index of
// `Contents`, with one of the ends to read from; `Parts` of that, an array of `Size` and
// `Packet`, if it is more than a stream: a packet is read by itself (`O_DIRECT`); `Mode` `UID`
// `GID` of its inode. An end that is not there is closed. `File` if it is a FIFO with a name.
var pipes = &kind{
	name: world.KindPipe, check: checkPipe, plan: planPipe, contents: contentsOfPipe,
	shown: "pipe", take: (*Taker).pipe, relate: (*Taker).pipes,
	instead: func(*world.OpenFile) world.LostKind { return world.LostPipe },
	ends:    func(m *Maker, o *world.OpenFile) bool { return !m.hasBothEnds(o) },
	holds:   func(o *world.OpenFile) bool { return o.Pipe.Content != world.NoIndex },
	make:    (*Maker).makePipe, fill: (*Maker).fillPipe, rouse: (*Maker).rousePipe,
}

func contentsOfPipe(o *world.OpenFile) []*int {
	if o.Pipe == nil {
		return nil
	}
	return []*int{&o.Pipe.Content}
}

// checkPipe sees that the parts of a pipe, if there are any, are all that it holds.
func checkPipe(w *world.World, o *world.OpenFile) error {
	p := o.Pipe
	if p == nil {
		return errLacks
	}
	if o.File != world.NoIndex && w.Files[o.File].Mode&unix.S_IFMT != unix.S_IFIFO {
		return errors.New("has the name of another file")
	}
	if len(p.Parts) == 0 {
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

// planPipe is about what a pipe has a name for: the others are made.
func planPipe(p *planner, o *world.OpenFile) {
	if o.File == world.NoIndex {
		p.Say("make", "pipe", fmt.Sprintf("user %d, group %d, mode %#o", o.Pipe.UID, o.Pipe.GID, o.Pipe.Mode&0o7777))
		return
	}
	opens(p, o)
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
		} else if !whole && t.mayFly() {
			continue
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
