package restore

// This file gives each thread the user and group IDs of the image. Only root
// gets here with IDs that are not those of the image already (checkRights).
// IDs are a thread's to the kernel, so each sets its own.

import (
	"encoding/binary"
	"os"
	"slices"

	"golang.org/x/sys/unix"
)

func (p *process) setCredentials() error {
	for _, t := range p.threads {
		var err error
		switch {
		case p.space != nil && p.space.user:
			err = t.dropCapabilities()
		case os.Geteuid() == 0:
			err = t.become(p)
		}
		if err != nil {
			return err
		}
		if t.saved.PDeathSig != 0 { // a change of IDs clears it
			if err := t.call("PR_SET_PDEATHSIG", unix.SYS_PRCTL, unix.PR_SET_PDEATHSIG, uint64(t.saved.PDeathSig), 0, 0, 0); err != nil {
				return err
			}
		}
	}
	// A change of IDs made it undumpable, and 2 cannot be set (prctl(2)).
	dumpable := uint64(min(p.img.Process.Dumpable, 1))
	if p.img.Process.Dumpable == 2 {
		dumpable = 0
	}
	_, err := p.stub.call("PR_SET_DUMPABLE", unix.SYS_PRCTL, unix.PR_SET_DUMPABLE, dumpable, 0, 0, 0)
	return err
}

// become changes the IDs of a thread that is root's.
func (t *task) become(p *process) error {
	q := &p.img.Process
	if slices.Max(q.UIDs[:]) == 0 && slices.Max(q.GIDs[:]) == 0 && sameGroups(q.Groups) {
		return nil
	}
	var groups []byte
	for _, g := range q.Groups {
		groups = binary.LittleEndian.AppendUint32(groups, g)
	}
	if _, err := t.callWith("setgroups", unix.SYS_SETGROUPS, 1, groups, uint64(len(q.Groups)), 0); err != nil {
		return err
	}
	for _, c := range []struct {
		what string
		nr   uintptr
		args []uint32
	}{
		{"setresgid", unix.SYS_SETRESGID, q.GIDs[:3]},
		{"setfsgid", unix.SYS_SETFSGID, q.GIDs[3:]},
		{"setresuid", unix.SYS_SETRESUID, q.UIDs[:3]},
		{"setfsuid", unix.SYS_SETFSUID, q.UIDs[3:]},
	} {
		var args []uint64
		for _, a := range c.args {
			args = append(args, uint64(a))
		}
		if err := t.call(c.what, c.nr, args...); err != nil {
			return err
		}
	}
	return nil
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

// dropCapabilities gives up what the thread has in its user namespace by
// having been the first there.
func (t *task) dropCapabilities() error {
	const version3 = 0x20080522 // _LINUX_CAPABILITY_VERSION_3
	at, err := t.stub.lay(words(version3), make([]byte, 24))
	if err != nil {
		return err
	}
	return t.call("capset", unix.SYS_CAPSET, at[0], at[1])
}
