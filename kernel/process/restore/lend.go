// This file lets the stub have a descriptor for a moment, gets those that it
// has made, and lets it be another user meanwhile.

package restore

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"

	"snappipe/kernel/process/world"
)

// lend calls f with the number that a descriptor of ours has in the stub.
func (s *stub) lend(fd int, f func(n uint64) error) error {
	n, err := s.hand(fd)
	if err != nil {
		return err
	}
	err = f(uint64(n))
	_, closed := s.call("close", unix.SYS_CLOSE, uint64(n))
	return errors.Join(err, closed)
}

// take gets a descriptor that the stub has, and closes it there.
func (s *stub) take(n int) (int, error) {
	pidfd, err := unix.PidfdOpen(s.pid, 0)
	if err != nil {
		return -1, fmt.Errorf("pidfd_open: %w", err)
	}
	defer unix.Close(pidfd)
	fd, err := unix.PidfdGetfd(pidfd, n, 0)
	if err != nil {
		return -1, fmt.Errorf("taking over a descriptor: %w", err)
	}
	if _, err := s.call("close", unix.SYS_CLOSE, uint64(n)); err != nil {
		unix.Close(fd)
		return -1, err
	}
	return fd, nil
}

// as calls f while the stub runs as another user and group, with the groups of
// the process. Only root can, and to anybody else they are their own.
func (p *process) as(user *world.Creator, f func() error) error {
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
