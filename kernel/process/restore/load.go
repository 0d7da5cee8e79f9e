// This file is the first half of a resume: from the headers of the image to a
// stub whose memory lies ready to take pages.

package restore

import (
	"errors"
	"fmt"
	"os"
	"syscall"

	"snappipe/kernel/process/object"
	"snappipe/kernel/process/world"
)

func (t *tree) load() error {
	defer t.closeSources()
	return inOrder([]stage{
		{stepCheck, t.check},
		{stepStub, t.startApart},
		{stepIdentity, t.makeAll},
		{stepClear, t.clearSpaces},
		{stepContents, func() error { return errors.Join(t.makeContents(), t.objects.MakeIPC()) }},
		{stepMap, func() error {
			return errors.Join(t.eachSpace((*process).mapMemory)(), t.openFillers(), t.planSegments(), t.serve())
		}},
	})
}

func (t *tree) clearSpaces() error {
	if err := t.eachSpace((*process).clearSpace)(); err != nil {
		return err
	}
	return t.each((*process).joinSpace)()
}

// check refuses what can be known from the headers alone.
func (t *tree) check() error {
	if err := checkHost(t.img.Host, t.options); err != nil {
		return err
	}
	if err := t.checkMembers(); err != nil {
		return err
	}
	return t.each((*process).check)()
}

func (p *process) check() error {
	if p.task.Seccomp != 0 {
		p.options.Warn("resuming without the seccomp filter, which was dropped when the snapshot was taken")
	}
	if p.task.Landlock != 0 {
		p.options.Warn("resuming without Landlock, which was dropped when the snapshot was taken")
	}
	if err := checkRights(p.task, p.img, p.options); err != nil {
		return err
	}
	return p.findDirectory()
}

// findDirectory finds the working directory, on which other paths may depend.
func (p *process) findDirectory() (err error) {
	f := &p.img.Files[p.task.Cwd]
	if p.cwd, err = p.objects.Where(f); err != nil {
		return object.Gone("working directory "+string(f.Path), err)
	}
	return nil
}

// start makes the stub, by executing the image's program if that is still
// there, for /proc/PID/exe and who looks at it.
func (p *process) start() (err error) {
	program := p.program()
	if program != ownProgram {
		p.stub, err = newStub(program, p.standing())
		if err != nil { // not executable by this user, say
			program = ownProgram
		}
	}
	if program == ownProgram {
		if p.stub, err = newStub(program, p.standing()); err != nil {
			return err
		}
		p.borrowed = true
	}
	state, err := p.stub.Thread.Xstate()
	if err != nil {
		return fmt.Errorf("reading registers: %w", err)
	}
	if err := checkFeatures(p.img.Host, state); err != nil {
		return err
	}
	if err := p.checkInherited(); err != nil {
		return err
	}
	return p.checkStub()
}

// checkStub refuses what the stub shows not to be possible.
func (p *process) checkStub() error {
	if err := p.checkOrigin(); err != nil {
		return err
	}
	return checkDispatch(p.task.Threads, p.stub.Thread)
}

// standing says where the stub stands among groups and sessions.
//
// It gets a process group of its own, as a shell gives a job one: what is
// typed at the terminal then goes to the program alone, and not a second time
// through this process. What led a session without a terminal, as daemons do,
// or with one that is in the image, leads one again. (One with another terminal has
// to do with being a job in ours: only the first of a session can have it for its
// controlling terminal.)
func (p *process) standing() *syscall.SysProcAttr {
	if p.leadsSession() && !p.standsLate {
		return &syscall.SysProcAttr{Setsid: true}
	}
	return &syscall.SysProcAttr{Setpgid: true}
}

func (p *process) leadsSession() bool {
	return p.task.SID == p.task.PID && (p.task.TTY == 0 || p.ownTerminal)
}

func (p *process) programPath() string {
	if p.task.Exe == world.NoIndex {
		return "the executable"
	}
	return string(p.img.Files[p.task.Exe].Path)
}

func (p *process) program() string {
	if p.task.Exe == world.NoIndex {
		return ownProgram
	}
	f := &p.img.Files[p.task.Exe]
	file := object.OpenUnchanged(f)
	if file == nil {
		return ownProgram
	}
	defer file.Close()
	if st, err := file.Stat(); err != nil || st.Mode()&(os.ModeSetuid|os.ModeSetgid) != 0 {
		return ownProgram // it would run with other rights than the image's
	}
	return string(f.Path)
}

func (p *process) mapMemory() error {
	for _, step := range []func() error{p.setMerging, p.planMappings, p.mapWhole, p.mapAll, p.unmerge, p.setPolicies} {
		if err := step(); err != nil {
			return err
		}
	}
	return p.zeroPrivate()
}
