// This file is what is done to mappings once all pages are in place: each gets
// its protection, its guard pages and its locks; and when nothing more is to be
// done to any of them, those are sealed that were.

package restore

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"

	"snappipe/kernel"
	"snappipe/kernel/process/sys"
)

func (p *process) settleMappings() error {
	for _, step := range []func() error{p.unmapWhole, p.allocateKeys} {
		if err := step(); err != nil {
			return err
		}
	}
	c := p.stub.calls()
	for i := range p.mapped {
		m := &p.mapped[i]
		m.protect(c)
		m.guard(c)
	}
	if err := c.run(); err != nil {
		return err
	}
	for i := range p.mapped {
		if err := p.stub.lock(&p.mapped[i]); err != nil {
			return err
		}
	}
	if err := p.lockFuture(); err != nil {
		return err
	}
	return p.sealMappings()
}

// on makes a call on all of a mapping.
func (s *stub) on(m *mapping, what string, nr uintptr, args ...uint64) error {
	args = append([]uint64{uint64(m.Start), uint64(m.End - m.Start)}, args...)
	_, err := s.Call(nr, args...)
	return onMapping(m, what, err)
}

// onMapping says what a call on a mapping was for.
func onMapping(m *mapping, what string, err error) error {
	if err == nil {
		return nil
	}
	return inNew(fmt.Sprintf("%s of %#x", what, uint64(m.Start)), err)
}

func (m *mapping) protect(c *calls) {
	switch {
	case m.Key != 0:
		c.on(m, "pkey_mprotect", unix.SYS_PKEY_MPROTECT, uint64(m.Prot), uint64(m.Key))
	case len(m.filled) > 0 && m.Prot != unix.PROT_READ|unix.PROT_WRITE:
		c.on(m, "mprotect", unix.SYS_MPROTECT, uint64(m.Prot))
	}
}

// guard also takes away what lies below, so that it comes after the pages.
func (m *mapping) guard(c *calls) {
	for _, r := range m.Guards {
		c.addAnd(func(err error) error {
			if errors.Is(err, unix.EINVAL) {
				return kernel.Refuse(fmt.Sprintf("mapping %#x", uint64(m.Start)), "resume it under the kernel it was taken on",
					"it has guard pages, which this kernel can't make there")
			}
			return onMapping(m, "making guard pages", err)
		}, unix.SYS_MADVISE, uint64(r.Start), uint64(r.End-r.Start), unix.MADV_GUARD_INSTALL)
	}
}

// lock locks what is there, and without MLOCK_ONFAULT has the rest made. That
// fails where nobody may touch it, which is no matter: such memory is locked all
// the same.
func (s *stub) lock(m *mapping) error {
	if !has(m.VMA, "lo") {
		return nil
	}
	err := s.on(m, "mlock", unix.SYS_MLOCK2, unix.MLOCK_ONFAULT)
	if err != nil || has(m.VMA, "lf") {
		return err
	}
	return sys.Ignore(s.on(m, "mlock", unix.SYS_MLOCK2, 0), unix.ENOMEM)
}

// lockFuture has all that is mapped from now on locked: nothing more is, here.
func (p *process) lockFuture() error {
	flags := p.task.LockFuture
	if flags == 0 {
		return nil
	}
	_, err := p.stub.call("mlockall", unix.SYS_MLOCKALL, uint64(flags))
	return p.tolerate("that memory mapped later is locked", err)
}

func (p *process) sealMappings() error {
	c := p.stub.calls()
	for i := range p.mapped {
		if m := &p.mapped[i]; has(m.VMA, "sl") {
			c.on(m, "mseal", unix.SYS_MSEAL, 0)
		}
	}
	return c.run()
}

// allocateKeys gives the process those of its protection keys that it had
// allocated (pkey_alloc(2)): the kernel gives out the lowest that is free.
func (p *process) allocateKeys() error {
	want := p.task.PKeys
	var surplus []uint64
	for key := uint64(0); want>>(key+1) != 0; {
		var err error
		if key, err = p.stub.call("pkey_alloc", unix.SYS_PKEY_ALLOC, 0, 0); err != nil {
			return err
		}
		if want&(1<<key) == 0 {
			surplus = append(surplus, key)
		}
	}
	for _, key := range surplus {
		if _, err := p.stub.call("pkey_free", unix.SYS_PKEY_FREE, key); err != nil {
			return err
		}
	}
	return nil
}
