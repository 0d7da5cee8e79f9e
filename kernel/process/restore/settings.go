// This file sets what prctl(2) and its like set for a process. Threads inherit
// it, so it is done before there are any.

package restore

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"

	"snappipe/kernel"
	"snappipe/kernel/process/proc"
)

// Numbers that golang.org/x/sys has no name for, arch/x86/include/uapi/asm/prctl.h.
const (
	archReqXCompPerm = 0x1023
	archSetCPUID     = 0x1012
)

// prctl sets something; errors are told apart by the caller.
func (p *process) prctl(what string, option uint64, args ...uint64) error {
	all := append([]uint64{option}, args...)
	_, err := p.stub.call(what, unix.SYS_PRCTL, append(all, make([]uint64, 5-len(all))...)...)
	return err
}

// setSettings sets all that has a value, whether or not it is the one that the
// stub has from this process.
func (p *process) setSettings() error {
	q := p.task
	for _, set := range []func() error{p.setTHP, p.setMCE, p.setFlusher, p.setSpeculation, p.setBarriers, p.setXComp, p.setLDT} {
		if err := set(); err != nil {
			return err
		}
	}
	if q.Subreaper {
		if err := p.prctl("PR_SET_CHILD_SUBREAPER", unix.PR_SET_CHILD_SUBREAPER, 1); err != nil {
			return err
		}
	}
	if q.NoNewPrivs {
		if err := p.prctl("PR_SET_NO_NEW_PRIVS", unix.PR_SET_NO_NEW_PRIVS, 1); err != nil {
			return err
		}
	}
	// After all that was made executable.
	if q.MDWE != 0 {
		return p.prctl("PR_SET_MDWE", unix.PR_SET_MDWE, uint64(q.MDWE))
	}
	return nil
}

// checkInherited refuses, or tells of, what this process can't but hand down.
func (p *process) checkInherited() error {
	q := p.task
	if own, err := p.stub.Call(unix.SYS_PRCTL, unix.PR_GET_MDWE, 0, 0, 0, 0); err == nil && own != 0 {
		return kernel.Refuse("the program", "start snapresume without, as a service without MemoryDenyWriteExecute=",
			"snapresume may not make memory executable (PR_SET_MDWE), and so could not put it back")
	}
	own, err := proc.ReadStatus(os.Getpid())
	if err != nil {
		return err
	}
	if own.Int("NoNewPrivs") != 0 && !q.NoNewPrivs {
		p.options.Warn("no_new_privs is set for the program, as it is for snapresume")
	}
	if own.Int("Seccomp") != 0 && q.Seccomp == 0 {
		p.options.Warn("the program runs under the seccomp filter of snapresume")
	}
	return nil
}

// setTHP sets PR_SET_THP_DISABLE, whose flags are of Linux 6.18.
func (p *process) setTHP() error {
	v := uint64(p.task.THPDisable)
	return p.prctl("PR_SET_THP_DISABLE", unix.PR_SET_THP_DISABLE, v&1, v&^1)
}

func (p *process) setMCE() error {
	set := uint64(unix.PR_MCE_KILL_SET)
	if p.task.MCEKill == unix.PR_MCE_KILL_DEFAULT {
		set = unix.PR_MCE_KILL_CLEAR
		return p.prctl("PR_MCE_KILL", unix.PR_MCE_KILL, set, 0)
	}
	return p.prctl("PR_MCE_KILL", unix.PR_MCE_KILL, set, uint64(p.task.MCEKill))
}

func (p *process) setFlusher() error {
	if !p.task.IOFlusher {
		return nil
	}
	return p.tolerate("PR_SET_IO_FLUSHER", p.prctl("PR_SET_IO_FLUSHER", unix.PR_SET_IO_FLUSHER, 1))
}

func (p *process) setSpeculation() error {
	for which, state := range p.task.Speculation {
		if state == 0 {
			continue
		}
		own, err := p.stub.Call(unix.SYS_PRCTL, unix.PR_GET_SPECULATION_CTRL, uint64(which), 0, 0, 0)
		if err == nil && own&^unix.PR_SPEC_PRCTL == uint64(state) {
			continue
		}
		what := fmt.Sprintf("PR_SET_SPECULATION_CTRL %d to %#x", which, state)
		err = p.prctl(what, unix.PR_SET_SPECULATION_CTRL, uint64(which), uint64(state))
		if errors.Is(err, unix.ENXIO) || errors.Is(err, unix.ENODEV) {
			err = unix.EPERM // another CPU, where that is not for a process to set
		}
		if err = p.tolerate(what, err); err != nil {
			return err
		}
	}
	return nil
}

// setBarriers registers for what the process had registered for.
func (p *process) setBarriers() error {
	for command := uint64(1); command < 1<<16; command <<= 1 {
		if uint64(p.task.Membarrier)&command == 0 {
			continue
		}
		if _, err := p.stub.call("membarrier", unix.SYS_MEMBARRIER, command, 0, 0); err != nil {
			return err
		}
	}
	return nil
}

// setXComp asks for the one register that a program may use only if it did, since
// it is large: TILEDATA of AMX (arch/x86/kernel/fpu/xstate.c: xstate_request_perm).
func (p *process) setXComp() error {
	const tileData = 18
	if p.task.XCompPerm&(1<<tileData) == 0 {
		return nil
	}
	_, err := p.stub.call("ARCH_REQ_XCOMP_PERM", unix.SYS_ARCH_PRCTL, archReqXCompPerm, tileData)
	return err
}
