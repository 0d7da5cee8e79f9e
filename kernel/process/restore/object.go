// This file is what the process does for its open files, which package object makes:
// it makes calls, has descriptors handed over, and is another user meanwhile.

package restore

import (
	"encoding/binary"
	"errors"
	"os"

	"golang.org/x/sys/unix"

	"snappipe/kernel/process/world"
)

// PID and the other exported methods are those of [object.Process].
func (p *process) PID() int { return p.stub.pid }

func (p *process) Directory() string { return p.cwd }

func (p *process) Thread(tid int) (int, bool) {
	for i := range p.threads {
		if p.threads[i].saved.TID == tid {
			return p.threads[i].tid, true
		}
	}
	return 0, false
}

func (p *process) Call(what string, nr uintptr, args ...uint64) (uint64, error) {
	return p.stub.call(what, nr, args...)
}

func (p *process) Lay(args ...[]byte) ([]uint64, error) { return p.stub.lay(args...) }

func (p *process) Read(b []byte, at uint64) error { return p.stub.mem.Read(b, at) }

func (p *process) Write(b []byte, at uint64) error { return p.stub.mem.Copy(b, at) }

func (p *process) Hand(fds ...int) ([]int, error) { return p.stub.handAll(fds...) }

func (p *process) Lend(fd int, f func(n uint64) error) error { return p.stub.lend(fd, f) }

func (p *process) CloseAll(n int) error { return p.stub.closeAll(n) }

func (p *process) CloseChannel() error {
	_, err := p.stub.call("close", unix.SYS_CLOSE, uint64(*p.stub.channel.theirs))
	return err
}

// As calls f while the process runs as another user and group, with the groups of
// the process. Only root can, and to anybody else they are their own.
func (p *process) As(user *world.Creator, f func() error) error {
	if user == nil || os.Geteuid() != 0 {
		return f()
	}
	if user.UID == 0 && user.GID == uint32(os.Getegid()) && sameGroups(p.task.Groups) {
		return f()
	}
	own, err := os.Getgroups()
	if err != nil {
		return err
	}
	const keep = uint64(^uint32(0)) // setresuid(2): as it is
	if err := p.setGroups(p.task.Groups); err != nil {
		return err
	}
	if _, err := p.stub.call("setresgid", unix.SYS_SETRESGID, keep, uint64(user.GID), keep); err != nil {
		return err
	}
	if _, err := p.stub.call("setresuid", unix.SYS_SETRESUID, keep, uint64(user.UID), keep); err != nil {
		return err
	}
	err = f()
	// With the real ID of root, the effective one may be had back, and with it
	// the capabilities (capabilities(7)).
	_, e := p.stub.call("setresuid", unix.SYS_SETRESUID, keep, 0, keep)
	if e == nil {
		_, e = p.stub.call("setresgid", unix.SYS_SETRESGID, keep, uint64(os.Getegid()), keep)
	}
	groups := make([]uint32, len(own))
	for i, g := range own {
		groups[i] = uint32(g)
	}
	if e == nil {
		e = p.setGroups(groups)
	}
	return errors.Join(err, e)
}

func (p *process) setGroups(groups []uint32) error {
	var list []byte
	for _, g := range groups {
		list = binary.NativeEndian.AppendUint32(list, g)
	}
	_, err := p.stub.callWith(p.stub.Caller, "setgroups", unix.SYS_SETGROUPS, 1, list, uint64(len(groups)), 0)
	return err
}
