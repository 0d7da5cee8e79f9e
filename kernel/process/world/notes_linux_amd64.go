// The notes whose layout is the architecture's: struct elf_prstatus and struct
// elf_prpsinfo of include/linux/elfcore.h on x86-64.

package world

import (
	"encoding/binary"
	"unsafe"

	"golang.org/x/sys/unix"
)

const (
	prstatusSize = 336
	prpsinfoSize = 136
	fxsaveSize   = 512
	regsOffset   = 112
	regsSize     = int(unsafe.Sizeof(unix.PtraceRegs{}))

	// xsaveMin is an XSAVE area without extended components, and xsaveMax
	// more than any processor's: AMX has the largest, at 11 KiB.
	xsaveMin = 576
	xsaveMax = 64 << 10
	// xcr0Offset is where the kernel keeps the mask of components that the
	// area has room for (struct _fpx_sw_bytes in the bytes that fxsave
	// leaves to software).
	xcr0Offset = 464
)

// prstatus is pr_info, pr_cursig, pr_sigpend, pr_sighold, four process IDs,
// four times, pr_reg and pr_fpvalid, of which times and signal stay zero.
func prstatus(p *Task, t *Thread) []byte {
	b := make([]byte, prstatusSize)
	le.PutUint64(b[24:], uint64(t.SigMask))
	for i, id := range [...]int{t.TID, p.PPID, p.PGID, p.SID} {
		le.PutUint32(b[32+4*i:], uint32(id))
	}
	// The buffer is large enough and the struct of fixed size: it can't fail.
	_, _ = binary.Encode(b[regsOffset:], le, &t.Regs)
	le.PutUint32(b[328:], 1)
	return b
}

func parsePrstatus(b []byte) (tid int, regs unix.PtraceRegs, err error) {
	if len(b) != prstatusSize {
		return 0, regs, damagedf("an NT_PRSTATUS note has %d bytes", len(b))
	}
	if _, err := binary.Decode(b[regsOffset:regsOffset+regsSize], le, &regs); err != nil {
		return 0, regs, damagedf("an NT_PRSTATUS note: %v", err)
	}
	return int(int32(le.Uint32(b[32:]))), regs, nil
}

func prpsinfo(p *Task) []byte {
	b := make([]byte, prpsinfoSize)
	b[1] = 'R'
	le.PutUint32(b[16:], p.UIDs[0])
	le.PutUint32(b[20:], p.GIDs[0])
	for i, id := range [...]int{p.PID, p.PPID, p.PGID, p.SID} {
		le.PutUint32(b[24+4*i:], uint32(id))
	}
	copy(b[40:55], p.Comm)
	args := b[56:135]
	for _, a := range p.Cmdline {
		args = args[copy(args, a+" "):]
	}
	return b
}

// XFeatures returns the components that an XSAVE area has room for (XCR0).
func XFeatures(xstate []byte) Hex {
	if len(xstate) < xcr0Offset+8 {
		return 0
	}
	return Hex(le.Uint64(xstate[xcr0Offset:]))
}
