package restore

// This file sets what the kernel keeps of an address space apart from its
// mappings: where code, heap, stack, arguments and environment lie, which
// brk(2) and /proc go by, and the auxiliary vector.

import (
	"fmt"

	"golang.org/x/sys/unix"
)

func (p *process) setMM() error {
	m := &p.img.Process.MM
	auxv := p.stub.scratch // the first that lay places
	// struct prctl_mm_map, include/uapi/linux/prctl.h
	mm := words(
		uint64(m.StartCode), uint64(m.EndCode), uint64(m.StartData), uint64(m.EndData),
		uint64(m.StartBrk), uint64(m.Brk), uint64(m.StartStack),
		uint64(m.ArgStart), uint64(m.ArgEnd), uint64(m.EnvStart), uint64(m.EnvEnd),
		auxv, uint64(len(p.img.Auxv))|uint64(^uint32(0))<<32, // auxv_size, exe_fd: none
	)
	at, err := p.stub.lay(p.img.Auxv, mm)
	if err != nil {
		return err
	}
	if _, err := p.stub.call("PR_SET_MM_MAP", unix.SYS_PRCTL, unix.PR_SET_MM, unix.PR_SET_MM_MAP, at[1], uint64(len(mm)), 0); err != nil {
		return fmt.Errorf("%w (does this kernel have CONFIG_CHECKPOINT_RESTORE?)", err)
	}
	return nil
}
