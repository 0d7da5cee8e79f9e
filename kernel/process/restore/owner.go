package restore

// This file names who gets the signals of a file with O_ASYNC (fcntl(2)).

import (
	"fmt"
	"unsafe"

	"golang.org/x/sys/unix"

	"snappipe/kernel/process/image"
)

// ownerGroup is F_OWNER_PGRP of F_SETOWN_EX.
const ownerGroup = 2

// setAsync sets O_ASYNC, in the stub: the number by which that is done is what
// the signals will say (si_fd).
func (p *process) setAsync(numbers [][]image.FD) error {
	for i, all := range numbers {
		o := &p.img.Open[i]
		if o.Flags&unix.O_ASYNC == 0 || len(all) == 0 || p.files[i].lent {
			continue
		}
		_, err := p.stub.call("F_SETFL", unix.SYS_FCNTL, uint64(all[0].FD), unix.F_SETFL, uint64(o.Flags&(settable|unix.O_ASYNC)))
		if err != nil {
			return fmt.Errorf("%s: %w", p.name(o), err)
		}
	}
	return nil
}

// setOwner names who gets SIGIO, or the signal that is used in its place. It
// comes before the threads, so one that is a thread becomes the process.
func (p *process) setOwner(fd int, o image.Owner) error {
	q := &p.img.Process
	owner := struct{ kind, id int32 }{int32(o.Type), int32(o.PID)} // struct f_owner_ex
	switch {
	case o.Type == ownerGroup && o.PID == q.PGID, o.Type != ownerGroup && o.PID == q.PID:
		owner.id = int32(p.stub.pid) // which leads its group now
	}
	if owner.id != 0 {
		_, _, errno := unix.Syscall(unix.SYS_FCNTL, uintptr(fd), unix.F_SETOWN_EX, uintptr(unsafe.Pointer(&owner)))
		if errno != 0 {
			return fmt.Errorf("setting its owner to %d: %w", o.PID, errno)
		}
	}
	if _, err := unix.FcntlInt(uintptr(fd), unix.F_SETSIG, o.Signal); err != nil {
		return fmt.Errorf("setting its signal to %d: %w", o.Signal, err)
	}
	return nil
}
