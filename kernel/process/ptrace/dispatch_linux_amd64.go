// This file keeps Syscall User Dispatch out of the way of calls that are made
// in a thread's name (Documentation/admin-guide/syscall-user-dispatch.rst).
//
// A program asks for it that runs foreign code: the system calls of that become
// a SIGSYS to it. Whether a call is foreign is told by where its instruction is
// and by a byte of the program's memory, the selector. A call of ours may well
// look foreign, and then would end in the program's handler, or the program by
// it. So while calls are made in a thread, dispatch is off for it.
//
// Should the tracer die meanwhile, the thread has to turn it on again by itself,
// last of all: from then on, what it is given back by makes no calls. So each
// such thread has a berth, a few instructions in the memory for calls, in which
// it sets dispatch and then its registers; a landing is one too. On the way there
// and back the registers are set to it while dispatch is on, and dispatch is changed
// while they are: wherever the tracer dies, the thread goes through the berth.
// That makes its call as a native one by the selector. Without a selector it
// can't, and there is one moment on each way, between two requests, in which the
// death of the tracer would be that of the program.

package ptrace

import (
	"encoding/binary"
	"errors"
	"fmt"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Dispatch is struct ptrace_sud_config of include/uapi/linux/ptrace.h, as the
// kernel shows it: an inclusive range is shown as the exclusive one of all the
// rest.
type Dispatch struct{ Mode, Selector, Offset, Len uint64 }

// Of include/uapi/linux: prctl.h, ptrace.h.
const (
	dispatchInclusive      = 2 // PR_SYS_DISPATCH_INCLUSIVE_ON, which older kernels don't have
	selectorAllows         = 0 // SYSCALL_DISPATCH_FILTER_ALLOW
	setSyscallUserDispatch = 59
	setDispatch            = 0x4210 // PTRACE_SET_SYSCALL_USER_DISPATCH_CONFIG
	getDispatch            = 0x4211
)

// ErrDispatchUnknown says that this kernel does not show or set it: those before
// Linux 6.4 don't.
var ErrDispatchUnknown = errors.New("this kernel does not tell about Syscall User Dispatch")

// ErrDispatchFixed says that what a thread has could not be set again.
var ErrDispatchFixed = errors.New("its Syscall User Dispatch could not be put back")

// On reports whether system calls may be dispatched.
func (d Dispatch) On() bool { return d.Mode != 0 }

// asked is what has to be asked for to get what the kernel shows. It takes no
// exclusive range that wraps around (kernel/entry/syscall_user_dispatch.c).
func (d Dispatch) asked() Dispatch {
	if d.On() && d.Offset != 0 && d.Offset+d.Len <= d.Offset {
		return Dispatch{dispatchInclusive, d.Selector, d.Offset + d.Len, -d.Len}
	}
	return d
}

// Dispatch reads how system calls of the thread are dispatched.
func (t Thread) Dispatch() (Dispatch, error) {
	var d Dispatch
	err := request(getDispatch, t, unsafe.Sizeof(d), uintptr(unsafe.Pointer(&d)))
	return d, unknownRequest(err)
}

// SetDispatch sets what Dispatch reads.
func (t Thread) SetDispatch(d Dispatch) error {
	d = d.asked()
	return unknownRequest(request(setDispatch, t, unsafe.Sizeof(d), uintptr(unsafe.Pointer(&d))))
}

// unknownRequest replaces the error for what a kernel does not have
// (kernel/ptrace.c: ptrace_request).
func unknownRequest(err error) error {
	if err == unix.EIO {
		return ErrDispatchUnknown
	}
	return err
}

// berth is where a thread goes through that is given back by itself.
type berth struct {
	at  uint64 // its address, 0 if the thread has none
	off bool   // dispatch is off for now
}

// NoteDispatch reads of all threads whether their calls are dispatched, and sees
// that it can be set, by setting what is set already.
func (g *Group) NoteDispatch() error {
	for _, s := range g.Threads {
		var err error
		if s.Dispatch, err = s.Thread.Dispatch(); err == ErrDispatchUnknown {
			if err := g.expectDenial(s); err != nil {
				return err
			}
			continue
		}
		if err == nil && s.Dispatch.On() {
			err = errors.Join(s.Thread.SetDispatch(s.Dispatch), g.takeAnswer(s))
		}
		if err != nil {
			return fmt.Errorf("thread %d: %w: %w", int(s.Thread), ErrDispatchFixed, gone(err))
		}
	}
	return nil
}

// takeAnswer has a thread that was stopped within a call that was dispatched take
// the signal that it is the cause of. In its berth that would come at the wrong
// moment: the handler sets the registers that the call seems to return.
func (g *Group) takeAnswer(s *Stopped) error {
	answer, _, err := s.awaitsAnswer()
	if err != nil || !answer {
		return err
	}
	var stop Stop
	for stop.Kind != Signalled { // before anything is run; a stop of the whole process is told of first
		if err := s.Thread.Cont(0); err != nil {
			return err
		}
		if stop, err = s.Thread.WaitStopped(g.Turn); err != nil {
			return err
		}
	}
	if err := errors.Join(s.Thread.Interrupt(), s.Thread.Cont(stop.Signal)); err != nil {
		return err
	}
	if err := g.await([]*Stopped{s}); err != nil {
		return err
	}
	if s.Regs, err = s.Thread.Regs(); err != nil {
		return err
	}
	return g.read(s)
}

// awaitsAnswer reports whether the thread is about to get a SIGSYS for a call of
// its own, and whether there is one that somebody sent.
func (s *Stopped) awaitsAnswer() (answer, sent bool, err error) {
	for _, shared := range []bool{false, true} {
		pending, err := s.Thread.Pending(shared)
		if err != nil {
			return false, false, gone(err)
		}
		for _, p := range pending {
			if p.signal() == unix.SIGSYS {
				answer, sent = answer || p.forced(), sent || !p.forced()
			}
		}
	}
	return answer, sent, nil
}

// expectDenial has the first call of ours that is dispatched be seen. It will be
// if one of the thread's own was.
func (g *Group) expectDenial(s *Stopped) error {
	answer, sent, err := s.awaitsAnswer()
	if err == nil && answer {
		err = fmt.Errorf("thread %d: %w", int(s.Thread), ErrDenied)
	}
	s.undisclosed = !sent // which must stay where it is
	return err
}

// undispatch lets calls be made in a stopped thread. From there the thread gives
// itself back.
func (s *Stopped) undispatch() error {
	if !s.Dispatch.On() || s.berth.off {
		return nil
	}
	if err := s.enter(); err != nil {
		return err
	}
	if err := s.Thread.SetDispatch(Dispatch{}); err != nil {
		return gone(err)
	}
	s.berth.off = true
	return nil
}

// redispatch sets again what it was.
func (s *Stopped) redispatch() error {
	if !s.berth.off {
		return nil
	}
	if err := s.enter(); err != nil {
		return err
	}
	if err := s.Thread.SetDispatch(s.Dispatch); err != nil {
		return fmt.Errorf("setting its Syscall User Dispatch: %w", gone(err))
	}
	s.berth.off = false
	return nil
}

// enter puts a thread to where it sets its dispatch by itself.
func (s *Stopped) enter() error {
	if s.landing != nil {
		return s.land()
	}
	regs := s.rested()
	return gone(s.Thread.SetRegs(&regs))
}

// rested are the registers with which a thread goes on by itself if its tracer
// dies: in its berth, if it has one.
func (s *Stopped) rested() Regs {
	regs := s.Regs
	regs.Restart()
	regs = s.aborted(regs)
	if s.berth.at != 0 {
		regs.Rip = s.berth.at
	}
	return regs
}

// dispatched are the threads that have to have a berth.
func (g *Group) dispatched() (all []*Stopped) {
	for _, s := range g.Threads {
		if s.Dispatch.On() {
			all = append(all, s)
		}
	}
	return all
}

// code is what has to be mapped for calls: the text, and the berths.
func (g *Group) code(mem *Memory) []byte {
	threads := g.dispatched()
	code := make([]byte, berthOffset(len(threads)))
	copy(code, text)
	for i, s := range threads {
		copy(code[berthOffset(i):], s.berthCode(mem))
	}
	return code
}

// setBerths is for when that was mapped, at the given address.
func (g *Group) setBerths(code uint64) {
	for i, s := range g.dispatched() {
		s.berth.at = code + uint64(berthOffset(i))
	}
}

// endBerths is for when it is unmapped.
func (g *Group) endBerths() {
	for _, s := range g.dispatched() {
		s.berth.at = 0
	}
}

func berthOffset(i int) int { return alignUp(len(text), 64) + i*berthSize }

// berthSize is room for the code of one.
const berthSize = 256

// berthCode is that of a thread.
func (s *Stopped) berthCode(mem *Memory) []byte {
	r := s.Regs
	r.Restart()
	var b assembler
	b.returnTo(s.aborted(r), s.Dispatch, mem, 0)
	return b
}

// assembler is code in the making.
type assembler []byte

// register is how mov reg, imm64 begins.
type register [2]byte

var (
	rax = register{0x48, 0xb8}
	rcx = register{0x48, 0xb9}
	rdx = register{0x48, 0xba}
	rsi = register{0x48, 0xbe}
	rdi = register{0x48, 0xbf}
	r8  = register{0x49, 0xb8}
	r10 = register{0x49, 0xba}
	r9  = register{0x49, 0xb9}
	r11 = register{0x49, 0xbb}
)

// arguments are the registers of those of a call.
var arguments = [...]register{rdi, rsi, rdx, r10, r8, r9}

func (b *assembler) mov(r register, v uint64) {
	*b = binary.LittleEndian.AppendUint64(append(*b, r[:]...), v)
}

// store puts a byte where r11 points to.
func (b *assembler) store(v byte) { *b = append(append(*b, storeByte...), v) }

// call makes a system call.
func (b *assembler) call(nr uint64, args ...uint64) {
	b.mov(rax, nr)
	for i, v := range args {
		b.mov(arguments[i], v)
	}
	b.syscall()
}

func (b *assembler) syscall() { *b = append(*b, 0x0f, 0x05) }

// jmp goes to an address that lies behind it.
func (b *assembler) jmp(to uint64) {
	*b = binary.LittleEndian.AppendUint64(append(*b, jmpBehind...), to)
}

// How those begin.
var (
	storeByte = []byte{0x41, 0xc6, 0x03}
	jmpBehind = []byte{0xff, 0x25, 0, 0, 0, 0}
)
