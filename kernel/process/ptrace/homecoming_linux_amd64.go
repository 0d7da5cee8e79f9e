// This file has threads be themselves again whose tracer died while they made calls.
//
// They would be by themselves, but not as long as their process is stopped; and who puts
// away what is left of a snapshot can't wait for that. So another tracer takes them along
// the same way, from one system-call stop to the next. What comes behind the last call,
// where nothing would stop them before the program itself runs, it does for them.

package ptrace

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"time"

	"golang.org/x/sys/unix"
)

// BringHome takes a thread, if it is in a landing or an area, to where it is itself
// again, and reads what that is. The area may be nil. First it makes all calls that are
// left in its list: the end of that may undo what the beginning did.
func (g *Group) BringHome(s *Stopped, mem *Memory, l *Landing, a *Area) error {
	r, inCall := s.Regs, false
	end, away := awayUntil(r, l, a)
	if !away {
		return nil
	}
	for last := time.Now(); away; end, away = awayUntil(r, l, a) {
		if time.Since(last) > orphaned {
			return fmt.Errorf("thread %d of process %d does not come back from calls in its name", int(s.Thread), g.PID)
		}
		if a != nil && a.waits(r) {
			r.Rip, r.Orig_rax = a.homeward(), noSyscall
			if err := s.Thread.SetRegs(&r); err != nil {
				return gone(err)
			}
		}
		if !inCall && r.follow(mem, end) {
			if err := s.Thread.SetRegs(&r); err != nil {
				return gone(err)
			}
			continue
		}
		passed, err := g.toNextCall(s)
		if err != nil {
			return err
		}
		if passed {
			inCall, last = !inCall, time.Now()
		}
		if r, err = s.Thread.Regs(); err != nil {
			return gone(err)
		}
	}
	s.Regs = r
	return gone(g.read(s))
}

// awayUntil reports whether a thread is in a landing or an area, and where that ends.
func awayUntil(r Regs, l *Landing, a *Area) (end uint64, away bool) {
	switch {
	case l.Holds(r):
		return l.at + landingSize, true
	case a != nil && a.Runs(r):
		return a.Code + a.CodeSize, true
	}
	return 0, false
}

// toNextCall lets a thread go on to the next entry to or exit from a system call, and
// reports whether it came to that: something else may stop it before.
func (g *Group) toNextCall(s *Stopped) (passed bool, err error) {
	if err := s.Thread.contToSyscall(0); err != nil {
		return false, gone(err)
	}
	stop, err := s.Thread.waitUntil(time.Now().Add(orphaned), g.Turn)
	switch {
	case err != nil:
		return false, gone(err)
	case stop.Over():
		return false, ErrGone
	case stop.Kind == Signalled:
		return false, g.withhold(s, stop.Signal)
	}
	return stop.Kind == SyscallStop, nil
}

// waits reports whether a thread is through with its list, and waits for its tracer or is
// about to.
func (a Area) waits(r Regs) bool {
	inWait := r.Rip == a.homeward() && r.Orig_rax == unix.SYS_PSELECT6
	return inWait || r.Rip >= a.Code+doneOffset && r.Rip < a.homeward()
}

// follow does what the instructions do that a thread is about to run, which end before
// an address, if they are the last of [assembler.returnTo]: that is, without a system
// call on the way to the jump.
func (r *Regs) follow(mem *Memory, end uint64) bool {
	const most = 12 * movSize // there are ten, and two others
	code := make([]byte, min(most, end-r.Rip))
	if mem.Read(code, r.Rip) != nil {
		return false
	}
	next, selector, at := *r, []byte(nil), uint64(0)
	for {
		to := next.movedTo(code)
		switch {
		case to != nil:
			*to, code = binary.LittleEndian.Uint64(code[2:]), code[movSize:]
		case bytes.HasPrefix(code, storeByte) && len(code) > len(storeByte):
			selector, at, code = code[len(storeByte):][:1], next.R11, code[len(storeByte)+1:]
		case bytes.HasPrefix(code, jmpBehind) && len(code) >= len(jmpBehind)+8:
			if selector != nil && mem.Write(selector, at) != nil {
				return false
			}
			next.Rip, next.Orig_rax = binary.LittleEndian.Uint64(code[len(jmpBehind):]), noSyscall
			*r = next
			return true
		default:
			return false
		}
	}
}

// movSize is the length of mov reg, imm64.
const movSize = 10

// movedTo is the register that the first instruction of some code gives a value, if it
// is such a one.
func (r *Regs) movedTo(code []byte) *uint64 {
	if len(code) < movSize {
		return nil
	}
	return map[register]*uint64{
		rax: &r.Rax, rcx: &r.Rcx, rdx: &r.Rdx, rsi: &r.Rsi, rdi: &r.Rdi,
		r8: &r.R8, r9: &r.R9, r10: &r.R10, r11: &r.R11,
	}[register(code[:2])]
}
