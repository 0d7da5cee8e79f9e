// This file makes calls in the name of a program that survives the death of the
// tracer, before there is memory for calls in it (see programs) and after that is
// gone: when it is mapped and unmapped, and when the program waits for its twin.
//
// Whoever makes one call by ptrace(2) leaves the thread, for a moment, with the
// registers of that call, and a tracer that dies in that moment leaves it with them
// for good. So the instruction by which the call is made is followed by others that
// give the thread back what it had: its signal mask, Syscall User Dispatch, all
// registers that a call uses, and at last the place where it was. The kernel sets
// registers as a whole or not at all; so from one request to the next, either the
// thread has its own, or it is led back to them. A call that was begun is carried
// through.
//
// These instructions lie where no program comes to execute or read anything: at the
// very end of the vdso, where it has been filled up to a page, or has the section
// headers of its ELF file, which the kernel and the C libraries don't look at. The
// kernel lets a tracer write there, as a debugger does for breakpoints, by giving
// the process a copy of that one page. When the thread is back, what is there is
// again what is in the vdso of the tracer. It takes neither stack, of which a thread
// may have none to spare, nor memory of the program's.

package ptrace

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"sync"

	"snappipe/kernel/process/proc"

	"golang.org/x/sys/unix"
)

// Landing is that place in a process.
type Landing struct {
	at    uint64
	mem   *Memory
	clean []byte // what is there when it is not in use
}

// landingSize is room for the longest code, and the mask behind it.
const landingSize = 320

// homeOffset is where the code goes on behind the call.
const homeOffset = 2

var errNoLanding = errors.New("its vdso, through which calls are made in its name, is not that of this kernel")

// ownVDSO is that of this process, if it has room for a landing behind what is loaded of it.
var ownVDSO = sync.OnceValues(func() ([]byte, error) {
	maps, err := proc.Maps(os.Getpid())
	if err != nil {
		return nil, err
	}
	mem, err := OpenMemory(os.Getpid())
	if err != nil {
		return nil, err
	}
	defer mem.Close()
	_, code, err := vdso(maps, mem)
	if err == nil && loadedEnd(code) > len(code)-landingSize {
		err = errNoLanding
	}
	return code, err
})

// FindLanding finds it in a process with these mappings and memory.
func FindLanding(maps []proc.Map, mem *Memory) (*Landing, error) {
	own, err := ownVDSO()
	if err != nil {
		return nil, err
	}
	at, code, err := vdso(maps, mem)
	if err != nil {
		return nil, err
	}
	if len(code) != len(own) {
		return nil, errNoLanding
	}
	return &Landing{at + uint64(len(own)-landingSize), mem, own[len(own)-landingSize:]}, nil
}

// FindAgain is [FindLanding] for a process of which l was found before, if it is not nil: the
// vdso is only read if it was moved since.
func (l *Landing) FindAgain(maps []proc.Map, mem *Memory) (*Landing, error) {
	stays := func(m proc.Map) bool { return m.Path == vdsoName && m.End == l.at+landingSize }
	if l == nil || !slices.ContainsFunc(maps, stays) {
		return FindLanding(maps, mem)
	}
	return &Landing{l.at, mem, l.clean}, nil
}

// Holds reports whether a thread with such registers is in it: its tracer has died,
// and it has not come back yet.
func (l *Landing) Holds(r Regs) bool { return r.Rip >= l.at && r.Rip < l.at+landingSize }

// Clear has there again what was there before, in the process or in what it has
// forked, whose memory is given.
func (l *Landing) Clear(mem *Memory) error { return mem.Write(l.clean, l.at) }

// prepare writes what leads a thread back.
func (l *Landing) prepare(s *Stopped) error {
	const maskSize = 8
	var b assembler
	b.syscall()
	b.returnTo(s.landed(), s.Dispatch, l.mem, l.at+landingSize-maskSize)
	if len(b) > landingSize-maskSize {
		return fmt.Errorf("%d bytes of instructions do not fit", len(b))
	}
	code := make([]byte, landingSize)
	copy(code, b)
	putUint64(code[landingSize-maskSize:], s.Mask)
	return l.mem.Write(code, l.at)
}

// landed are the registers that the landing gives a thread: its own. The restart
// block of a call that was interrupted is still its own too, since none of the calls
// that are made from here uses it.
func (s *Stopped) landed() Regs {
	r := s.Regs
	r.restartWithBlock()
	return s.aborted(r)
}

// land puts a thread behind the call, so that it goes on by itself.
func (s *Stopped) land() error {
	r := s.Regs
	r.Rip, r.Orig_rax = s.landing.at+homeOffset, noSyscall
	return gone(s.Thread.SetRegs(&r))
}

// Caller makes a thread one in which calls can be made, with no signal delivered to
// it. It is to be made itself again by Settle, or to go on by [Programs.Start].
func (g *Group) Caller(s *Stopped, l *Landing) (*Caller, error) {
	s.moved = true
	if err := l.prepare(s); err != nil {
		return nil, s.unlessGone(err)
	}
	// The registers first: from there the thread restores the rest.
	s.landing = l
	if err := s.land(); err != nil {
		return nil, err
	}
	if err := s.Thread.SetSigMask(s.duringCalls()); err != nil {
		return nil, gone(err)
	}
	if err := s.undispatch(); err != nil {
		return nil, err
	}
	return &Caller{Thread: s.Thread, Site: l.at, Base: s.Regs, Awake: true, Turn: g.Turn}, nil
}

// leaveLanding is for a thread that has its own registers again.
func (s *Stopped) leaveLanding() error {
	l := s.landing
	if l == nil {
		return nil
	}
	s.landing = nil
	if err := l.Clear(l.mem); err != nil && s.unlessGone(err) != ErrGone {
		return err
	}
	return nil
}

// unlessGone returns err, or ErrGone if that is the reason, which access to memory
// does not tell.
func (s *Stopped) unlessGone(err error) error {
	if _, e := s.Thread.Regs(); gone(e) == ErrGone {
		return ErrGone
	}
	return err
}

// returnTo gives a thread back its mask, which lies at an address unless that is 0,
// its dispatch d, and registers. Neither a call nor what follows it changes the
// flags (arch/x86/entry/entry_64.S: they come back from r11), the stack, or a
// register that is not set here.
//
// That the calls are native ones is said by the selector, where there is one.
func (b *assembler) returnTo(r Regs, d Dispatch, mem *Memory, mask uint64) {
	d = d.asked()
	var selector [1]byte
	selects := d.On() && d.Selector != 0 && mem.Read(selector[:], d.Selector) == nil
	if selects {
		b.mov(r11, d.Selector)
		b.store(selectorAllows)
	}
	if mask != 0 { // the size of one is 8
		b.call(unix.SYS_RT_SIGPROCMASK, unix.SIG_SETMASK, mask, 0, 8)
	}
	if d.On() {
		b.call(unix.SYS_PRCTL, setSyscallUserDispatch, d.Mode, d.Offset, d.Len, d.Selector)
	}
	if selects {
		b.mov(r11, d.Selector)
		b.store(selector[0])
	}
	for i, v := range [...]uint64{r.Rax, r.Rcx, r.R11, r.Rdi, r.Rsi, r.Rdx, r.R10, r.R8, r.R9} {
		b.mov([...]register{rax, rcx, r11, rdi, rsi, rdx, r10, r8, r9}[i], v)
	}
	b.jmp(r.Rip)
}
