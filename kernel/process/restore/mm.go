// This file sets what the kernel keeps of an address space apart from its
// mappings: where code, heap, stack, arguments and environment lie, which
// brk(2) and /proc go by, and the auxiliary vector.

package restore

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"

	"snappipe/kernel/process/object"
	"snappipe/kernel/process/sys"
	"snappipe/kernel/process/world"
)

func (p *process) setMM() error {
	m := &p.space.MM
	const none = ^uint32(0)
	set := func(exe uint32) error {
		auxv := p.stub.scratch // the first that lay places
		// struct prctl_mm_map, include/uapi/linux/prctl.h
		mm := sys.Words(
			uint64(m.StartCode), uint64(m.EndCode), uint64(m.StartData), uint64(m.EndData),
			uint64(m.StartBrk), uint64(m.Brk), uint64(m.StartStack),
			uint64(m.ArgStart), uint64(m.ArgEnd), uint64(m.EnvStart), uint64(m.EnvEnd),
			auxv, uint64(len(p.space.Auxv))|uint64(exe)<<32,
		)
		at, err := p.stub.lay(p.space.Auxv, mm)
		if err != nil {
			return err
		}
		_, err = p.stub.call("PR_SET_MM_MAP", unix.SYS_PRCTL, unix.PR_SET_MM, unix.PR_SET_MM_MAP, at[1], uint64(len(mm)), 0)
		return err
	}
	if err := set(none); err != nil {
		return fmt.Errorf("%w (does this kernel have CONFIG_CHECKPOINT_RESTORE?)", err)
	}
	if p.borrowed {
		p.setExecutable(set)
	}
	return nil
}

// setExecutable has /proc/PID/exe show the program of the image, where that
// was not executed: by exe_fd, which takes CAP_CHECKPOINT_RESTORE, the
// permission to execute it, and that the file is what it was. The program runs without it.
func (p *process) setExecutable(set func(exe uint32) error) {
	var file *os.File
	if p.task.Exe != world.NoIndex {
		file = object.OpenUnchanged(&p.img.Files[p.task.Exe])
	}
	if file != nil {
		defer file.Close()
		if fd, err := p.stub.hand(int(file.Fd())); err == nil && set(uint32(fd)) == nil {
			return // openFiles closes the descriptor
		}
	}
	p.options.Report(fmt.Sprintf("%s cannot be executed, or is not what it was: /proc/PID/exe will show snapresume", p.programPath()))
}
