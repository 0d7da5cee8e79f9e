// This file makes many system calls at once, in all threads of a process at
// the same time, and so that the program survives the death of its tracer.
//
// A [Caller] stops its thread twice for each call. With a thousand threads
// that is what the program would be paused for. So each thread is given a list
// of calls, and a few instructions that go through it, in memory that was
// mapped for that. When it is through with it, it counts itself done and waits
// to be interrupted, which is the one stop that it costs.
//
// If nobody comes, because the tracer was killed, it restores itself: below
// the list lies a signal frame, as the kernel would have made it to run a
// handler, with all of the registers, the mask and the floating point state,
// and rt_sigreturn(2) takes them from there. The calls that map and unmap the memory
// are made from a [Landing]; where it is to be is decided before, so that another
// can put it away whenever the tracer dies.

package ptrace

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"time"

	"snappipe/kernel/process/proc"

	"golang.org/x/sys/unix"
)

// orphaned is how long a thread that is done waits to be interrupted before it
// takes its tracer for dead. A thread may be kept in a stop for longer.
const orphaned = 3 * time.Second

// Call is one system call of a list.
type Call struct {
	Nr   uint64
	Args [6]uint64
}

const (
	callSize = 7 * 8

	frameSize = 8 + ucontextSize + 128 // struct rt_sigframe: pretcode, uc, info
)

// Shape says how many lists there are room for, of how many calls, with how
// many bytes each for the calls to store something in.
type Shape struct{ Lists, Calls, Results int }

// Area is what Programs are mapped in, for another to unmap if their maker
// dies: code, the data behind it, and a spare page.
type Area struct{ Code, CodeSize, Size uint64 }

// Unmap gives the memory back.
func (a Area) Unmap(c *Caller) error {
	if _, err := c.Call(unix.SYS_MUNMAP, a.Code, a.Size); err != nil {
		return fmt.Errorf("unmapping memory in it: %w", err)
	}
	return nil
}

// Spare is the address of a page that a mapping may be tried out with.
func (a Area) Spare() uint64 { return a.Code + a.Size - pageSize }

const pageSize = 4096

// Runs reports whether a thread with such registers is in it.
func (a Area) Runs(r Regs) bool { return r.Rip >= a.Code && r.Rip < a.Code+a.CodeSize }

// Programs is memory in a process for lists of calls, in parts that are used one
// after the other. What lies in one part stays as it is while another is used,
// since threads that are done with their lists still depend on it.
type Programs struct {
	Area
	Shape Shape // of the part in use

	group *Group
	mem   *Memory
	xsave int // bytes of floating point state
	parts []part
	base  uint64 // where the part in use begins, behind the code
	buf   []byte

	dataSize uint64 // of all parts
}

type part struct {
	shape Shape
	base  uint64
}

// A part begins with the counter. Then come the lists, as close to each
// other as can be, since each page costs a fault; and last, on pages that
// nobody touches as long as the tracer lives, the frames.
const dataStart = 64 // the counter, and up to the alignment of XSAVE

func (p *Programs) listSize() int { return 16 + p.Shape.Results + p.Shape.Calls*callSize + 8 }

func (p *Programs) frameSize() int { return alignUp(p.xsaveSize()+frameSize, 64) }

func (p *Programs) xsaveSize() int { return alignUp(p.xsave+4, 64) }

func (p *Programs) framesStart() int { return alignUp(dataStart+p.Shape.Lists*p.listSize(), 4096) }

func (p *Programs) needs() int { return alignUp(p.framesStart()+p.Shape.Lists*p.frameSize(), 4096) }

func alignUp(n, to int) int { return (n + to - 1) &^ (to - 1) }

// LayOut finds room for memory with a part of each of the shapes, in a process that
// has these mappings, and whose threads are those of g. The first part is in use.
func (g *Group) LayOut(mem *Memory, maps []proc.Map, shapes ...Shape) *Programs {
	p := &Programs{group: g, mem: mem, xsave: len(g.Threads[0].Xstate)}
	p.CodeSize = uint64(alignUp(berthOffset(len(g.dispatched())), pageSize))
	for _, p.Shape = range shapes {
		p.parts = append(p.parts, part{p.Shape, p.dataSize})
		p.dataSize += uint64(p.needs())
	}
	p.Use(0)
	p.Size = p.CodeSize + p.dataSize + pageSize
	taken := make([]proc.Run, len(maps))
	for i := range maps {
		taken[i] = proc.Run{Start: maps[i].Start, End: maps[i].End}
	}
	p.Code = proc.Gap(taken, p.Size)
	return p
}

// Map maps the memory.
func (p *Programs) Map(c *Caller) error {
	const private = unix.MAP_PRIVATE | unix.MAP_ANONYMOUS
	// Not one mapping for both, which some systems forbid to be written to and
	// executed; but side by side, to be unmapped at once. The tracer may write
	// to either.
	_, err := c.Call(unix.SYS_MMAP, p.Code, p.Size, unix.PROT_READ|unix.PROT_EXEC, private|unix.MAP_FIXED_NOREPLACE, ^uint64(0), 0)
	if err != nil {
		return fmt.Errorf("mapping executable memory in it: %w", err)
	}
	_, err = c.Call(unix.SYS_MMAP, p.data(), p.dataSize, unix.PROT_READ|unix.PROT_WRITE, private|unix.MAP_FIXED|unix.MAP_POPULATE, ^uint64(0), 0)
	if err != nil {
		return errors.Join(fmt.Errorf("mapping memory in it: %w", err), p.Unmap(c))
	}
	if err := p.mem.Write(p.group.code(p.mem), p.Code); err != nil {
		return errors.Join(err, p.Unmap(c))
	}
	p.group.setBerths(p.Code)
	return nil
}

// Unmap gives the memory back. No thread is in it any more.
func (p *Programs) Unmap(c *Caller) error {
	p.group.endBerths()
	return p.Area.Unmap(c)
}

// Use turns to a part, of which the lists are then empty.
func (p *Programs) Use(i int) {
	p.Shape, p.base = p.parts[i].shape, p.parts[i].base
	p.buf = make([]byte, p.needs())
}

// data is the address of what p.buf is a copy of.
func (p *Programs) data() uint64 { return p.Code + p.CodeSize + p.base }

// The parts of list i.
func (p *Programs) timeout(i int) int { return dataStart + i*p.listSize() }
func (p *Programs) result(i int) int  { return p.timeout(i) + 16 }
func (p *Programs) list(i int) int    { return p.result(i) + p.Shape.Results }
func (p *Programs) state(i int) int   { return p.framesStart() + i*p.frameSize() }
func (p *Programs) frame(i int) int   { return p.state(i) + p.xsaveSize() }

// Result is the address of the memory of list i that its calls may use.
func (p *Programs) Result(i int) uint64 { return p.data() + uint64(p.result(i)) }

// Set makes the calls list i, to be run by thread s. A call that is clone(2)
// kills what it creates, if that ever runs.
func (p *Programs) Set(i int, calls []Call, s *Stopped) error {
	if len(calls) > p.Shape.Calls || len(s.Xstate) != p.xsave {
		return fmt.Errorf("%d calls and %d bytes of state do not fit", len(calls), len(s.Xstate))
	}
	state := p.buf[p.state(i):p.frame(i)]
	copy(state, s.Xstate)
	usable := signalXsave(state, p.xsave)
	regs := s.rested()
	signalFrame(p.buf[p.frame(i):], &regs, s.Mask, p.data()+uint64(p.state(i)), usable)

	putUint64(p.buf[p.timeout(i):], uint64(orphaned/time.Second))
	putUint64(p.buf[p.timeout(i)+8:], 0)

	copy(p.buf[p.list(i):], encodeCalls(calls))
	return nil
}

// encodeCalls makes the list that the interpreter goes through.
func encodeCalls(calls []Call) []byte {
	b := make([]byte, 0, len(calls)*callSize+8)
	for _, c := range calls {
		b = binary.LittleEndian.AppendUint64(b, c.Nr)
		for _, a := range c.Args {
			b = binary.LittleEndian.AppendUint64(b, a)
		}
	}
	return binary.LittleEndian.AppendUint64(b, ^uint64(0))
}

// Store writes the lists to the process.
func (p *Programs) Store() error {
	clear(p.buf[:dataStart])
	return p.mem.Copy(p.buf, p.data())
}

// home is where a thread that is in the memory for calls restores itself, with its
// own stack up to then.
type home struct{ at, frame uint64 }

// goHome puts a thread there that is in that memory.
func (s *Stopped) goHome() error {
	if s.home.at == 0 {
		return nil
	}
	r := s.Regs
	r.Rip, r.R14, r.Orig_rax = s.home.at, s.home.frame, noSyscall
	return s.Thread.SetRegs(&r)
}

// Start has thread s begin list i.
func (p *Programs) Start(i int, s *Stopped) error {
	s.moved = true
	if err := s.undispatch(); err != nil {
		return err
	}
	// The registers first: with them the thread would restore its mask. But not
	// its stack yet: should the tracer die, a handler might run on it as long as
	// signals are not blocked.
	s.landing = nil
	s.home = home{p.homeward(), p.data() + uint64(p.frame(i)) + 8} // where rt_sigreturn looks for it
	if err := s.goHome(); err != nil {
		return gone(err)
	}
	if err := s.Thread.SetSigMask(s.duringCalls()); err != nil {
		return gone(err)
	}
	r := s.Regs
	r.Rip, r.Orig_rax = p.Code, noSyscall
	r.Rbx = p.data() + uint64(p.list(i))
	r.R12, r.R13, r.R14 = p.data(), p.data()+uint64(p.timeout(i)), s.home.frame
	r.Rsp = s.home.frame
	r.Eflags &^= trapFlag | directionFlag
	if err := s.Thread.SetRegs(&r); err != nil {
		return gone(err)
	}
	return gone(s.Thread.Cont(0))
}

// Done returns how many threads are through with their lists.
func (p *Programs) Done() (int, error) {
	var b [4]byte
	err := p.mem.Read(b[:], p.data())
	return int(binary.LittleEndian.Uint32(b[:])), err
}

// Load reads back from the process what the calls returned and stored.
func (p *Programs) Load() error { return p.mem.Read(p.buf[:p.framesStart()], p.data()) }

// Returned is what call j of list i returned.
func (p *Programs) Returned(i, j int) (uint64, error) {
	return returned(p.buf[p.list(i)+j*callSize:])
}

// returned is what the call at the start of b returned.
func returned(b []byte) (uint64, error) {
	r := Regs{Rax: binary.LittleEndian.Uint64(b)}
	v, errno := r.result()
	if errno != 0 {
		return 0, errno
	}
	return v, nil
}

// Stored is the memory at Result(i), as loaded.
func (p *Programs) Stored(i int) []byte {
	return slices.Clone(p.buf[p.result(i) : p.result(i)+p.Shape.Results])
}

func putUint64(b []byte, v uint64) { binary.LittleEndian.PutUint64(b, v) }
