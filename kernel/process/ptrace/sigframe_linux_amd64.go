// This file builds the frame that rt_sigreturn(2) restores a thread from:
// struct rt_sigframe of arch/x86/include/asm/sigframe.h.

package ptrace

import "encoding/binary"

const (
	ucontextSize = 8 + 8 + 24 + sigcontextSize + 8 // flags, link, stack, mcontext, sigmask
	// sigcontextSize is 18 registers, four selectors of two bytes, err,
	// trapno, oldmask, cr2, fpstate, and eight reserved words.
	sigcontextSize = 18*8 + 8 + 5*8 + 64

	// ucFlags are UC_FP_XSTATE, UC_SIGCONTEXT_SS and UC_STRICT_RESTORE_SS.
	ucFlags = 1 | 2 | 4

	trapFlag      = 1 << 8
	directionFlag = 1 << 10
)

// signalFrame fills in a frame for the registers and mask, with the floating
// point state at fpstate, or none if it isn't usable.
func signalFrame(b []byte, r *Regs, mask, fpstate uint64, usable bool) {
	clear(b[:frameSize])
	if !usable {
		fpstate = 0
	}
	uc := b[8:]
	putUint64(uc, ucFlags)
	// The alternate stack stays as it is if the one given here is invalid
	// (kernel/signal.c: restore_altstack ignores that), as these flags are.
	binary.LittleEndian.PutUint32(uc[24:], 0xff)

	sc := uc[40:]
	for i, v := range [...]uint64{
		r.R8, r.R9, r.R10, r.R11, r.R12, r.R13, r.R14, r.R15,
		r.Rdi, r.Rsi, r.Rbp, r.Rbx, r.Rdx, r.Rax, r.Rcx, r.Rsp, r.Rip, r.Eflags,
		r.Cs&0xffff | r.Ss<<48, 0, 0, 0, 0, fpstate,
	} {
		putUint64(sc[8*i:], v)
	}
	putUint64(sc[sigcontextSize:], mask)
}

// The marks around floating point state in a frame
// (arch/x86/include/uapi/asm/sigcontext.h).
const (
	xstateMagic1 = 0x46505853
	xstateMagic2 = 0x46505845
	swReserved   = 464 // struct _fpx_sw_bytes, at whose start ptrace leaves XCR0

	xsaveHeader = 512
	// beforeAMX is the end of the state that a thread has by default. The
	// kernel does not take more from a thread that did not ask for it.
	beforeAMX     = 2696
	amxComponents = 1<<17 | 1<<18
)

// signalXsave turns the extended state of ptrace, size bytes at the start of
// b, into that of a frame. It reports false if it is too short to be one.
func signalXsave(b []byte, size int) bool {
	if size < xsaveHeader+64 {
		return false
	}
	le := binary.LittleEndian
	features := le.Uint64(b[swReserved:])
	if le.Uint64(b[xsaveHeader:])&amxComponents == 0 {
		size = min(size, beforeAMX)
	}
	le.PutUint32(b[swReserved:], xstateMagic1)
	le.PutUint32(b[swReserved+4:], uint32(size+4))
	le.PutUint64(b[swReserved+8:], features)
	le.PutUint32(b[swReserved+16:], uint32(size))
	clear(b[swReserved+20 : swReserved+48])
	le.PutUint32(b[size:], xstateMagic2)
	return true
}
