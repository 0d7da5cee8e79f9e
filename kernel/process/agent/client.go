// The side of snapcat: the image that an agent holds.

package agent

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"sync"
	"syscall"

	"snappipe/kernel"
	"snappipe/kernel/process/capture"
	"snappipe/kernel/process/self"
)

// Snapshot is an image whose memory is that of twins in the care of an agent.
type Snapshot struct {
	Size    int64
	Extents []capture.Extent // ascending, not overlapping
	Facts   kernel.Facts

	Twins []*Twin // which extents are of
	Store *os.File

	mu    sync.Mutex // of what follows, and the pipes of twins
	agent *process

	hold     *hold // once something was peeked at
	holdless bool  // there is to be no other
}

// Twin is one whose pages can be read, and moved to a pipe.
type Twin struct {
	// Memory is /proc/PID/mem, which copies each page twice.
	// process_vm_readv(2) would do so once, but it pins pages, and to pin one
	// that the program has as well the kernel first gives the twin a page of
	// its own (mm/gup.c: gup_must_unshare): that is three times as slow and
	// takes as much memory again.
	Memory *os.File

	number int
	pipe   *os.File      // of the twin; nil once it can't be used any more
	null   sink          // for what is not wanted of it
	flow   []capture.Run // what was ordered and has not come out of it
}

// Options are what Take needs to know besides the process.
type Options struct {
	Only    bool // without its children
	Precopy bool // copy memory before it is stopped
	Kill    bool // it stands still until Finish
	Force   bool
	Drop    []int // descriptors to leave out
	Report  func(line string)
	Warn    func(line string)
	Fault   capture.Fault // for tests
}

// Take has an agent take the image of a process. When ctx is done it is given
// up, whatever it is at, and Take returns when nothing is left of it.
func Take(ctx context.Context, pid int, o Options) (*Snapshot, error) {
	p, err := launch()
	if err != nil {
		return nil, err
	}
	return p.take(ctx, pid, o)
}

func (p *process) take(ctx context.Context, pid int, o Options) (*Snapshot, error) {
	if err := p.ask(request{PID: pid, Only: o.Only, Precopy: o.Precopy, Kill: o.Kill, Force: o.Force, Drop: o.Drop, Fault: o.Fault}); err != nil {
		return nil, err
	}
	stop := context.AfterFunc(ctx, p.giveUp)
	s, err := p.await(&o)
	if stop() && err == nil {
		return s, nil
	}
	if ctx.Err() != nil {
		err = ctx.Err()
	}
	if s != nil {
		return nil, errors.Join(err, s.Close())
	}
	return nil, errors.Join(err, p.end())
}

// process is a running agent.
type process struct {
	conn *conn
	cmd  *os.Process
	left []left // one for each process that something is in
}

func launch() (*process, error) {
	socket, cmd, err := self.Start(name, os.Stderr)
	if err != nil {
		return nil, fmt.Errorf("starting the agent: %w", err)
	}
	return &process{conn: newConn(socket), cmd: cmd}, nil
}

// ask tells it what to do. If that fails there is no agent any more.
func (p *process) ask(r request) error {
	b, err := json.Marshal(r)
	if err == nil {
		err = p.conn.send(b)
	}
	if err != nil {
		p.end()
		return fmt.Errorf("telling the agent what to do: %w", err)
	}
	return nil
}

// giveUp closes the connection for good, upon which the agent puts everything
// away.
func (p *process) giveUp() { _ = syscall.Shutdown(p.conn.fd, syscall.SHUT_WR) }

// errDied is what is known of an agent that went without a word.
var errDied = errors.New("the agent was killed")

// await passes on reports until the image is there.
func (p *process) await(o *Options) (*Snapshot, error) {
	s := &Snapshot{agent: p}
	for {
		a, files, err := p.answer()
		if err != nil {
			s.closeFiles()
			return nil, err
		}
		switch {
		case a.Report != "":
			o.Report(a.Report)
		case a.Warning != "":
			o.Warn(a.Warning)
		case a.Left != nil:
			p.note(a.Left)
		case a.Twin != nil && len(files) == 2:
			s.Twins = append(s.Twins, &Twin{number: len(s.Twins), Memory: files[0], pipe: files[1]})
		case a.Ready != nil && len(files) == 1:
			for i := range p.left {
				p.left[i].Area = nil // unmapped long since
			}
			s.Size, s.Facts, s.Store = a.Ready.Size, a.Ready.Facts, files[0]
			return s, s.readExtents(a.Ready)
		default:
			closeAll(files)
			s.closeFiles()
			if err := a.err(); err != nil {
				return nil, err
			}
			return nil, capture.ErrCancelled
		}
	}
}

func (p *process) answer() (a answer, files []*os.File, err error) {
	b, files, err := p.conn.receive()
	if err == io.EOF {
		return a, nil, errDied
	}
	if err != nil {
		return a, nil, fmt.Errorf("hearing from the agent: %w", err)
	}
	if err := json.Unmarshal(b, &a); err != nil {
		closeAll(files)
		return a, nil, fmt.Errorf("hearing from the agent: %w", err)
	}
	return a, files, nil
}

// end closes the connection and waits for the agent to be gone. What one that
// was killed left, another puts away.
func (p *process) end() error {
	p.giveUp()
	p.drain()
	p.conn.close()
	state, err := p.cmd.Wait()
	if err != nil {
		return fmt.Errorf("waiting for the agent: %w", err)
	}
	if state.Exited() || len(p.left) == 0 {
		return nil
	}
	return putAwayBy(p.left)
}

// drain reads what the agent still has to say, up to its end.
func (p *process) drain() {
	for {
		b, files, err := p.conn.receive()
		if err != nil {
			return
		}
		closeAll(files)
		var a answer
		if json.Unmarshal(b, &a) != nil {
			continue
		}
		if a.Left != nil {
			p.note(a.Left)
		}
	}
}

// note remembers what would have to be put away.
func (p *process) note(l *left) {
	i := slices.IndexFunc(p.left, func(known left) bool { return known.PID == l.PID })
	if i < 0 {
		i = len(p.left)
		p.left = append(p.left, left{PID: l.PID})
	}
	known := &p.left[i]
	if l.Twin != 0 {
		known.Twin = l.Twin
	}
	if l.Area != nil {
		known.Area = l.Area
	}
	if l.Tracker != 0 {
		known.Tracker = max(l.Tracker, 0)
	}
	if l.Peek != nil {
		known.Peek = l.Peek
		if l.Peek.FD < 0 {
			known.Peek = nil // it is as it was
		}
	}
	if l.Dam != nil {
		known.Dam = l.Dam
		if l.Dam.Name == "" {
			known.Dam = nil // likewise
		}
	}
	if l.Pty != nil {
		known.Pty = l.Pty
		if l.Pty.FD < 0 {
			known.Pty = nil // likewise
		}
	}
}

// putAwayBy has a new agent put away what another left.
func putAwayBy(l []left) error {
	p, err := launch()
	if err != nil {
		return err
	}
	if err := p.ask(request{Left: l}); err != nil {
		return err
	}
	a, files, err := p.answer()
	closeAll(files)
	if err == nil {
		err = a.err()
	}
	return errors.Join(err, p.end())
}

func (s *Snapshot) readExtents(r *ready) error {
	table := make([]byte, extentSize*r.Extents)
	if _, err := s.Store.ReadAt(table, int64(r.Table)); err != nil {
		return fmt.Errorf("reading the extents of the image: %w", err)
	}
	s.Extents = make([]capture.Extent, r.Extents)
	for i := range s.Extents {
		b := table[extentSize*i:]
		s.Extents[i] = capture.Extent{
			Offset: int64(le.Uint64(b)), Length: int64(le.Uint64(b[8:])),
			Twin: int(int64(le.Uint64(b[16:]))), At: le.Uint64(b[24:]),
		}
		if t := s.Extents[i].Twin; t != capture.InStore && (t < 0 || t >= len(s.Twins)) {
			return fmt.Errorf("an extent of the image is of twin %d of %d", t, len(s.Twins))
		}
	}
	return nil
}

// Close ends the twins, and returns when nothing is left of them. Processes that stand
// still go on.
func (s *Snapshot) Close() error {
	_, err := s.end(make([]byte, runSize))
	return err
}

// Kill is Close, but that processes that stand still end. If that is not sure, there is
// an error.
func (s *Snapshot) Kill() error {
	done, err := s.end([]byte{1})
	if !done {
		err = errors.Join(errDied, err)
	}
	return err
}

// end gives the last order, and reports whether it was carried out.
func (s *Snapshot) end(order []byte) (done bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.agent == nil {
		return false, nil
	}
	p := s.agent
	s.agent = nil
	s.closeFiles()
	err = p.conn.send(order)
	for err == nil {
		var a answer
		var files []*os.File
		a, files, err = p.answer()
		closeAll(files)
		if err == nil && a.Done {
			return true, errors.Join(a.err(), p.end())
		}
		if err == nil && a.Left != nil {
			p.note(a.Left)
		}
	}
	return false, p.end()
}

// closeFiles also stops a twin that writes to its pipe.
func (s *Snapshot) closeFiles() {
	for _, t := range s.Twins {
		t.closePipe()
		t.Memory.Close()
	}
	if s.Store != nil {
		s.Store.Close()
	}
	if s.hold != nil {
		s.hold.close()
		s.hold = nil
	}
}

func (t *Twin) closePipe() {
	if t.pipe != nil {
		t.pipe.Close()
		t.pipe = nil
	}
	t.null.close()
}
