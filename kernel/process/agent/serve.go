// The agent's side.

package agent

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/signal"
	"runtime/debug"

	"snappipe/kernel/process/capture"
	"snappipe/kernel/process/object"
	"snappipe/kernel/process/ptrace"
	"snappipe/kernel/process/self"
	"snappipe/kernel/process/sys"

	"golang.org/x/sys/unix"
)

var le = binary.LittleEndian

// Main makes this process an agent, and never returns, if it was started as
// one; otherwise it does nothing. It has to be called from an init function,
// so that nothing of the program whose executable this is has run.
func Main() {
	socket, ok := self.Is(name)
	if !ok {
		return
	}
	ignoreSignals()
	// Collecting garbage may hold the thread up that has a program stopped.
	debug.SetGCPercent(-1)
	s := server{conn: newConn(socket)}
	tracer := ptrace.NewTracer()
	if err := tracer.Do(s.serve); err != nil {
		s.fail(err)
		os.Exit(1)
	}
	os.Exit(0)
}

// ignoreSignals ignores all that would end or stop this process, but for those
// that say that it is broken. SIGCHLD is among them, of which the kernel then
// sends none for each stop of each thread (kernel/signal.c:
// do_notify_parent_cldstop); what is traced is waited for all the same.
func ignoreSignals() {
	for s := unix.Signal(1); s <= 64; s++ {
		switch s {
		case unix.SIGKILL, unix.SIGSTOP, unix.SIGILL, unix.SIGTRAP, unix.SIGABRT, unix.SIGBUS,
			unix.SIGFPE, unix.SIGSEGV, unix.SIGSYS:
		case unix.SIGURG: // of the Go runtime, and harmless
		default:
			signal.Ignore(s)
		}
	}
}

type server struct {
	conn *conn
	got  *capture.Captured
}

func (s *server) serve() error {
	b, _, err := s.conn.receive()
	if err != nil {
		return err
	}
	var r request
	if err := json.Unmarshal(b, &r); err != nil {
		return err
	}
	if r.Left != nil {
		s.done(putAway(r.Left))
		return nil
	}
	if s.got, err = capture.Take(r.PID, s.options(&r)); err != nil {
		return err
	}
	kill := false
	err = s.handOver(r.Fault)
	if err == nil {
		debug.SetGCPercent(100)
		kill, err = s.orders()
	}
	err = errors.Join(err, s.got.Finish(kill && err == nil))
	for _, w := range s.got.Twins {
		err = errors.Join(err, w.End())
	}
	s.done(err)
	return nil
}

// putAway is for what an agent left that was killed. First of all, calls that were begun in
// the processes are carried through: they may be what there is to put away.
func putAway(all []left) (err error) {
	for i := range all {
		err = errors.Join(err, capture.Rescue(all[i].PID, all[i].Area))
	}
	for i := range all {
		err = errors.Join(err, all[i].putAway())
	}
	return err
}

func (l *left) putAway() (err error) {
	if l.Area != nil {
		err = capture.Clean(l.PID, *l.Area)
	}
	if l.Tracker > 0 {
		err = errors.Join(err, capture.CloseTracker(l.PID))
	}
	if l.Twin != 0 {
		err = errors.Join(err, capture.Reap(l.PID, l.Twin))
	}
	if l.Peek != nil {
		err = errors.Join(err, l.Peek.PutBack())
	}
	if l.Pty != nil {
		err = errors.Join(err, l.Pty.PutBack())
	}
	if l.Dam != nil {
		err = errors.Join(err, sys.BreakDam(l.Dam.Name, l.Dam.Ways))
	}
	return errors.Join(err, capture.ReapAll(l.PID, l.Area))
}

func (s *server) options(r *request) capture.Options {
	// The first message that is encoded takes much longer than all others,
	// and should not be one that a stopped program waits for.
	(&answer{Left: &left{Area: new(ptrace.Area)}}).encode()
	tell := func(a answer) {
		// If nobody listens, Cancelled says so too.
		_ = s.conn.send(a.encode())
	}
	return capture.Options{
		Only: r.Only, Precopy: r.Precopy, Kill: r.Kill, Force: r.Force, Drop: r.Drop, Fault: r.Fault,
		Report:    func(line string) { tell(answer{Report: line}) },
		Warn:      func(line string) { tell(answer{Warning: line}) },
		Mapped:    func(pid int, a ptrace.Area) { tell(answer{Left: &left{PID: pid, Area: &a}}) },
		Born:      func(pid, twin int) { tell(answer{Left: &left{PID: pid, Twin: twin}}) },
		Tracking:  func(pid int, begins bool) { tell(answer{Left: &left{PID: pid, Tracker: tracker(begins)}}) },
		Peeking:   func(p object.Peek) { tell(answer{Left: &left{PID: p.PID, Peek: &p}}) },
		Emptying:  func(p object.Emptied) { tell(answer{Left: &left{PID: p.PID, Pty: &p}}) },
		Damming:   func(pid int, name string, ways []sys.Way) { tell(answer{Left: &left{PID: pid, Dam: &dam{name, ways}}}) },
		Cancelled: s.conn.ended,
	}
}

func tracker(begins bool) int {
	if begins {
		return 1
	}
	return -1
}

// handOver gives the other side all that it needs to read the image by itself.
func (s *server) handOver(fault capture.Fault) error {
	if err := fault.At(capture.FaultServe); err != nil {
		return err
	}
	g := s.got
	for _, w := range g.Twins {
		if err := s.handOverTwin(w); err != nil {
			return err
		}
	}
	table := make([]byte, 0, extentSize*len(g.Extents))
	for _, e := range g.Extents {
		for _, n := range [...]uint64{uint64(e.Offset), uint64(e.Length), uint64(e.Twin), e.At} {
			table = le.AppendUint64(table, n)
		}
	}
	at, err := g.Store.Add(table)
	if err != nil {
		return err
	}
	a := answer{Ready: &ready{Size: g.Size, Extents: len(g.Extents), Table: at, Facts: g.Facts}}
	return s.conn.send(a.encode(), g.Store.File)
}

func (s *server) handOverTwin(w *capture.Twin) error {
	pipe, err := w.OpenPipe()
	if err != nil {
		return err
	}
	defer pipe.Close()
	memory, err := w.OpenToRead()
	if err != nil {
		return err
	}
	defer memory.Close()
	a := answer{Twin: &twin{}}
	return s.conn.send(a.encode(), memory, pipe)
}

// orders carries them out until the last, or the end of the other side, and reports
// whether the processes are to end.
func (s *server) orders() (kill bool, err error) {
	for {
		b, _, err := s.conn.receive()
		if err == io.EOF {
			return false, nil
		}
		if err != nil {
			return false, err
		}
		if len(b) < twinSize {
			return len(b) == 1, nil
		}
		which, runs := le.Uint64(b), decodeRuns(b[twinSize:])
		if which >= uint64(len(s.got.Twins)) || len(runs) == 0 || runs[0].Length == 0 {
			return false, nil
		}
		// Why it fails can't be said, and need not be: what the pipe does not
		// bring is read from memory.
		_ = s.got.Twins[which].Splice(runs)
	}
}

func decodeRuns(b []byte) (runs []capture.Run) {
	for ; len(b) >= runSize; b = b[runSize:] {
		runs = append(runs, capture.Run{Address: le.Uint64(b), Length: le.Uint64(b[8:])})
	}
	return runs
}

// fail tells why there is no image.
func (s *server) fail(err error) {
	a := answer{Error: err.Error(), Done: true}
	if errors.As(err, &a.Refusal) {
		a.Error = ""
	}
	_ = s.conn.send(a.encode())
}

func (s *server) done(err error) {
	if err != nil {
		s.fail(err)
		return
	}
	a := answer{Done: true}
	_ = s.conn.send(a.encode())
}
