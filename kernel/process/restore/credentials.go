// This file gives each thread the user and group IDs of the image. Only root
// gets here with IDs that are not those of the image already (checkRights).
// IDs are a thread's to the kernel, so each sets its own.

package restore

import (
	"encoding/binary"
	"fmt"
	"os"
	"slices"

	"golang.org/x/sys/unix"

	"snappipe/kernel/process/world"
)

func (p *process) setCredentials() error {
	for _, t := range p.threads {
		var err error
		switch {
		case p.pids != nil && p.pids.isUsers():
			// What it has for having been the first in its user namespace.
			err = t.setCapabilities(world.Caps{})
		case os.Geteuid() == 0:
			err = t.become(p)
		case t.saved.SecureBits&^keepCaps != 0:
			err = p.tolerate(fmt.Sprintf("secure bits %#x", t.saved.SecureBits), unix.EPERM)
		}
		if err == nil {
			err = t.keepCapabilities()
		}
		if err != nil {
			return err
		}
		// The stub had its own; and a change of IDs clears it.
		if err := t.call("PR_SET_PDEATHSIG", unix.SYS_PRCTL, unix.PR_SET_PDEATHSIG, uint64(t.saved.PDeathSig), 0, 0, 0); err != nil {
			return err
		}
	}
	// A change of IDs made it undumpable, and 2 cannot be set (prctl(2)).
	dumpable := uint64(min(p.task.Dumpable, 1))
	if p.task.Dumpable == 2 {
		dumpable = 0
	}
	_, err := p.stub.call("PR_SET_DUMPABLE", unix.SYS_PRCTL, unix.PR_SET_DUMPABLE, dumpable, 0, 0, 0)
	return err
}

// become makes a thread that is root's one of the image's: IDs and
// capabilities.
func (t *thread) become(p *process) error {
	q := p.task
	bits := t.saved.SecureBits
	if bits == keepCaps {
		bits = 0 // which keepCapabilities sets
	}
	if slices.Max(q.UIDs[:]) == 0 && slices.Max(q.GIDs[:]) == 0 && sameGroups(q.Groups) && sameCaps(q.Caps) && bits == 0 {
		return nil
	}
	var groups []byte
	for _, g := range q.Groups {
		groups = binary.LittleEndian.AppendUint32(groups, g)
	}
	if err := t.dropBounding(q.Caps.Bounding); err != nil {
		return err
	}
	if _, err := t.callWith("setgroups", unix.SYS_SETGROUPS, 1, groups, uint64(len(q.Groups)), 0); err != nil {
		return err
	}
	for _, c := range []struct {
		what string
		nr   uintptr
		args []uint64
	}{
		{"PR_SET_KEEPCAPS", unix.SYS_PRCTL, []uint64{unix.PR_SET_KEEPCAPS, 1, 0, 0, 0}},
		{"setresgid", unix.SYS_SETRESGID, wide(q.GIDs[:3])},
		{"setfsgid", unix.SYS_SETFSGID, wide(q.GIDs[3:])},
		{"setresuid", unix.SYS_SETRESUID, wide(q.UIDs[:3])},
		{"setfsuid", unix.SYS_SETFSUID, wide(q.UIDs[3:])},
		{"PR_SET_KEEPCAPS", unix.SYS_PRCTL, []uint64{unix.PR_SET_KEEPCAPS, 0, 0, 0, 0}},
	} {
		if err := t.call(c.what, c.nr, c.args...); err != nil {
			return err
		}
	}
	if bits != 0 {
		if err := t.secure(bits, q.Caps); err != nil {
			return err
		}
		return t.capset(q.Caps)
	}
	return t.setCapabilities(q.Caps)
}

func wide(ids []uint32) []uint64 {
	var all []uint64
	for _, id := range ids {
		all = append(all, uint64(id))
	}
	return all
}

// sameGroups reports whether these are the groups of this process.
func sameGroups(groups []uint32) bool {
	own, err := os.Getgroups()
	if err != nil || len(own) != len(groups) {
		return false
	}
	for i, g := range groups {
		if own[i] != int(g) {
			return false
		}
	}
	return true
}
