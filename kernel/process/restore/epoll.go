package restore

// This file fills epoll(7) sets. A watch is known by the file and the number
// under which it was added, so they are added in the stub, by the numbers that
// files have there.

import (
	"encoding/binary"
	"fmt"

	"golang.org/x/sys/unix"

	"snappipe/kernel"
	"snappipe/kernel/process/image"
)

func (p *process) restoreEpolls() error {
	openAt := map[int]int{}   // by number, index in Open
	numberOf := map[int]int{} // the other way round
	for _, f := range p.img.FDs {
		openAt[f.FD] = f.Open
		if _, ok := numberOf[f.Open]; !ok {
			numberOf[f.Open] = f.FD
		}
	}
	for i := range p.img.Open {
		o := &p.img.Open[i]
		set, ok := numberOf[i]
		if !ok {
			continue
		}
		for _, w := range o.Epoll {
			there, taken := openAt[w.FD]
			from, ok := numberOf[w.Open]
			if taken && there != w.Open || !ok {
				return kernel.Refuse(p.name(o), "", "it watches what used to be fd %d and no longer is", w.FD)
			}
			if err := p.stub.watch(set, w, from, !taken); err != nil {
				return fmt.Errorf("%s: %w", p.name(o), err)
			}
		}
	}
	return nil
}

// watch adds a watch. If the number it was added under is not in use any more,
// the file is there for the moment.
func (s *stub) watch(set int, w image.Watch, from int, gone bool) error {
	if gone {
		if _, err := s.call("dup3", unix.SYS_DUP3, uint64(from), uint64(w.FD), unix.O_CLOEXEC); err != nil {
			return err
		}
	}
	// struct epoll_event, which is packed
	event := binary.LittleEndian.AppendUint32(nil, w.Events)
	event = binary.LittleEndian.AppendUint64(event, uint64(w.Data))
	if _, err := s.callWith(s.Caller, fmt.Sprintf("epoll_ctl for fd %d", w.FD), unix.SYS_EPOLL_CTL, 3, event,
		uint64(set), unix.EPOLL_CTL_ADD, uint64(w.FD), 0); err != nil {
		return err
	}
	if !gone {
		return nil
	}
	_, err := s.call("close", unix.SYS_CLOSE, uint64(w.FD))
	return err
}
