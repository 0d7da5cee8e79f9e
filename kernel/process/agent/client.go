// The side of snapcat: the image that an agent holds.

package agent

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"syscall"

	"snappipe/kernel"
	"snappipe/kernel/process/capture"
	"snappipe/kernel/process/ptrace"
)

// Snapshot is an image whose memory is that of a twin in the care of an agent.
type Snapshot struct {
	Size    int64
	Extents []capture.Extent // ascending, not overlapping
	Facts   kernel.Facts

	// Memory is /proc/PID/mem of the twin, which copies each page twice.
	// process_vm_readv(2) would do so once, but it pins pages, and to pin one
	// that the program has as well the kernel first gives the twin a page of
	// its own (mm/gup.c: gup_must_unshare): that is three times as slow and
	// takes as much memory again.
	Memory *os.File
	Store  *os.File

	mu    sync.Mutex    // of what follows
	pipe  *os.File      // of the twin; nil once it can't be used any more
	null  *os.File      // for what is not wanted of it, or nil
	flow  []capture.Run // what was ordered and has not come out of it
	agent *process
}

// Options are what Take needs to know besides the process.
type Options struct {
	Force  bool
	Drop   []int // descriptors to leave out
	Report func(line string)
	Warn   func(line string)
	Fault  capture.Fault // for tests
}

// Take has an agent take the image of a process. When ctx is done it is given
// up, whatever it is at, and Take returns when nothing is left of it.
func Take(ctx context.Context, pid int, o Options) (*Snapshot, error) {
	p, err := start(request{PID: pid, Force: o.Force, Drop: o.Drop, Fault: o.Fault})
	if err != nil {
		return nil, err
	}
	stop := context.AfterFunc(ctx, p.giveUp)
	s, err := p.await(&o)
	if !stop() && ctx.Err() != nil {
		err = errors.Join(ctx.Err(), err)
	}
	if err != nil {
		if s != nil {
			s.Close()
		} else {
			p.end()
		}
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		return nil, err
	}
	return s, nil
}

// process is a running agent.
type process struct {
	conn *conn
	cmd  *os.Process
	pid  int // of the program
	left left
}

func start(r request) (*process, error) {
	c, theirs, err := pair()
	if err != nil {
		return nil, err
	}
	defer theirs.Close()
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		c.close()
		return nil, err
	}
	defer null.Close()
	cmd, err := os.StartProcess("/proc/self/exe", []string{name}, &os.ProcAttr{
		Dir: "/", Env: os.Environ(),
		Files: []*os.File{null, null, os.Stderr, theirs},
		Sys:   &syscall.SysProcAttr{Setsid: true},
	})
	if err != nil {
		c.close()
		return nil, fmt.Errorf("starting the agent: %w", err)
	}
	p := &process{conn: c, cmd: cmd, pid: r.PID}
	b, err := json.Marshal(r)
	if err == nil {
		err = c.send(b)
	}
	if err != nil {
		p.end()
		return nil, fmt.Errorf("telling the agent what to do: %w", err)
	}
	return p, nil
}

// giveUp closes the connection for good, upon which the agent puts everything
// away.
func (p *process) giveUp() { _ = syscall.Shutdown(p.conn.fd, syscall.SHUT_WR) }

// errDied is what is known of an agent that went without a word.
var errDied = errors.New("the agent was killed")

// await passes on reports until the image is there.
func (p *process) await(o *Options) (*Snapshot, error) {
	for {
		a, files, err := p.answer()
		if err != nil {
			return nil, err
		}
		if a.Ready == nil || len(files) != 3 {
			closeAll(files)
		}
		switch {
		case a.Report != "":
			o.Report(a.Report)
		case a.Warning != "":
			o.Warn(a.Warning)
		case a.Twin != 0, a.Area != nil, a.Peek != nil:
			p.note(&a)
		case a.Ready != nil && len(files) == 3:
			p.left.Area = ptrace.Area{} // unmapped long since
			s := &Snapshot{
				Size: a.Ready.Size, Facts: a.Ready.Facts,
				Memory: files[0], Store: files[1], pipe: files[2], agent: p,
			}
			return s, s.readExtents(a.Ready)
		default:
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
	if state.Exited() || p.left == (left{}) {
		return nil
	}
	return putAwayBy(p.pid, p.left)
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
		p.note(&a)
	}
}

// note remembers what would have to be put away.
func (p *process) note(a *answer) {
	if a.Twin != 0 {
		p.left.Twin = a.Twin
	}
	if a.Area != nil {
		p.left.Area = *a.Area
	}
	if a.Peek != nil {
		p.left.Peek = a.Peek
		if a.Peek.FD < 0 {
			p.left.Peek = nil // it is as it was
		}
	}
}

// putAwayBy has a new agent put away what another left.
func putAwayBy(pid int, l left) error {
	p, err := start(request{PID: pid, Left: &l})
	if err != nil {
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
			InStore: le.Uint64(b[16:]) != 0, At: le.Uint64(b[24:]),
		}
	}
	return nil
}

// Close ends the twin, and returns when nothing is left of it.
func (s *Snapshot) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.agent == nil {
		return nil
	}
	p := s.agent
	s.agent = nil
	s.closePipe() // a twin that writes to it stops
	s.Memory.Close()
	s.Store.Close()
	err := p.conn.send(make([]byte, runSize))
	for err == nil {
		var a answer
		var files []*os.File
		a, files, err = p.answer()
		closeAll(files)
		if err == nil && a.Done {
			return errors.Join(a.err(), p.end())
		}
	}
	return p.end()
}

func (s *Snapshot) closePipe() {
	for _, f := range []**os.File{&s.pipe, &s.null} {
		if *f != nil {
			(*f).Close()
			*f = nil
		}
	}
}
