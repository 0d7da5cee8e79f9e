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

	"golang.org/x/sys/unix"
)

var le = binary.LittleEndian

// Main makes this process an agent, and never returns, if it was started as
// one; otherwise it does nothing. It has to be called from an init function,
// so that nothing of the program whose executable this is has run.
func Main() {
	if len(os.Args) == 0 || os.Args[0] != name {
		return
	}
	ignoreSignals()
	// Collecting garbage may hold the thread up that has a program stopped.
	debug.SetGCPercent(-1)
	const socket = 3 // os.ProcAttr.Files
	unix.CloseOnExec(socket)
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
		s.done(putAway(r.PID, r.Left))
		return nil
	}
	if s.got, err = capture.Take(r.PID, s.options(&r)); err != nil {
		return err
	}
	err = s.handOver(r.Fault)
	if err == nil {
		debug.SetGCPercent(100)
		err = s.orders()
	}
	s.done(errors.Join(err, s.got.Twin.End()))
	return nil
}

// putAway is for what an agent left that was killed.
func putAway(pid int, l *left) (err error) {
	if l.Area.Code != 0 {
		err = capture.Clean(pid, l.Area)
	}
	if l.Twin != 0 {
		err = errors.Join(err, capture.Reap(pid, l.Twin))
	}
	if l.Peek != nil {
		err = errors.Join(err, l.Peek.PutBack())
	}
	return errors.Join(err, capture.ReapAll(pid))
}

func (s *server) options(r *request) capture.Options {
	// The first message that is encoded takes much longer than all others,
	// and should not be one that a stopped program waits for.
	(&answer{Area: new(ptrace.Area)}).encode()
	tell := func(a answer) {
		// If nobody listens, Cancelled says so too.
		_ = s.conn.send(a.encode())
	}
	return capture.Options{
		Force: r.Force, Drop: r.Drop, Fault: r.Fault,
		Report:    func(line string) { tell(answer{Report: line}) },
		Warn:      func(line string) { tell(answer{Warning: line}) },
		Mapped:    func(a ptrace.Area) { tell(answer{Area: &a}) },
		Born:      func(twin int) { tell(answer{Twin: twin}) },
		Peeking:   func(p object.Peek) { tell(answer{Peek: &p}) },
		Cancelled: s.conn.ended,
	}
}

// handOver gives the other side all that it needs to read the image by itself.
func (s *server) handOver(fault capture.Fault) error {
	if err := fault.At(capture.FaultServe); err != nil {
		return err
	}
	g := s.got
	pipe, err := g.Twin.OpenPipe()
	if err != nil {
		return err
	}
	defer pipe.Close()
	memory, err := g.Twin.OpenToRead()
	if err != nil {
		return err
	}
	defer memory.Close()
	table := make([]byte, 0, extentSize*len(g.Extents))
	for _, e := range g.Extents {
		where := uint64(0)
		if e.InStore {
			where = 1
		}
		for _, n := range [...]uint64{uint64(e.Offset), uint64(e.Length), where, e.At} {
			table = le.AppendUint64(table, n)
		}
	}
	at, err := g.Store.Add(table)
	if err != nil {
		return err
	}
	a := answer{Ready: &ready{Size: g.Size, Extents: len(g.Extents), Table: at, Facts: g.Facts}}
	return s.conn.send(a.encode(), memory, g.Store.File, pipe)
}

// orders carries them out until the last, or the end of the other side.
func (s *server) orders() error {
	for {
		b, _, err := s.conn.receive()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		runs := decodeRuns(b)
		if len(runs) == 0 || runs[0].Length == 0 {
			return nil
		}
		// Why it fails can't be said, and need not be: what the pipe does not
		// bring is read from memory.
		_ = s.got.Twin.Splice(runs)
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
