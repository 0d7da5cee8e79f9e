// Package machine is the kernel whose target is this whole Linux machine.
//
// Its snapshot is made by snapshot_system(2), where the kernel has it (see
// linux/README.md), and else by /dev/snapshot, which every stock kernel with
// hibernation has. There, the image is copied into memory of this process while
// the machine stands still. Either way the machine runs again before anything
// is done with the image: compressing, hashing and sending happen in a running
// system.
//
// The image is only as good as the disks. The running system goes on writing
// to them, and a system that is resumed later finds them changed under its
// caches, which destroys file systems. So both calls look at the disks first
// and refuse what would lose data: see disks.go and diskstate.go.
package machine

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"unsafe"

	"snappipe/kernel"
)

func init() {
	kernel.Register("machine", "machine", func(target string, o kernel.Options) (kernel.Kernel, error) {
		if target != "" {
			return nil, &kernel.TargetError{Target: "machine:" + target, Reason: "there is only one machine here, so nothing comes after the name"}
		}
		return &Machine{opts: o}, nil
	})
}

// Machine is this machine, as a kernel.
type Machine struct {
	opts      kernel.Options
	following followers // disks that are turned back before the last step of a resume
	dieAt     step      // tests only: where the child dies
}

// SnapshotSystem makes an image of the whole machine. The machine stands
// still meanwhile, for as long as it takes to copy the image in memory.
func (m *Machine) SnapshotSystem(ctx context.Context) (kernel.Image, error) {
	if err := available(); err != nil {
		return nil, err
	}
	facts, err := identity()
	if err != nil {
		return nil, err
	}
	disks, err := mountedDisks()
	if err != nil {
		return nil, err
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if m.opts.FreezeFilesystems {
		return m.holdAndTake(facts, disks)
	}
	if err := quiescent(disks); err != nil {
		return nil, err
	}
	img, err := m.takeWith(facts, disks, &swapHold{})
	if err != nil {
		return nil, err
	}
	return img, nil
}

// holdAndTake holds the disks still before. In the resumed system, and where it
// fails, that ends at once.
func (m *Machine) holdAndTake(facts kernel.Facts, disks []disk) (kernel.Image, error) {
	following, err := m.findFollowers(disks)
	if err != nil {
		return nil, err
	}
	h, err := newHold(disks, m.opts.Then)
	if err != nil {
		return nil, err
	}
	facts = slices.Concat(facts, following.facts(), h.swap.facts())
	img, err := m.takeWith(facts, disks, h.swap)
	if errors.Is(err, kernel.ErrResumed) {
		if lost := following.begin(); lost != nil {
			m.opts.Warn(fmt.Sprintf("the image cannot be resumed once more: %v", lost))
		}
		return nil, errors.Join(err, h.resumed())
	}
	if err != nil {
		return nil, errors.Join(err, h.release())
	}
	img.hold = h
	if err = h.follow(following); err == nil {
		err = h.taken()
	}
	if err != nil {
		return nil, errors.Join(err, img.Close(), h.release(), h.kept.end())
	}
	return img, nil
}

// takeWith adds what the disks are like to the facts. Nobody writes to them.
func (m *Machine) takeWith(facts kernel.Facts, disks []disk, swap *swapHold) (*image, error) {
	states, err := diskFacts(disks)
	if err == nil {
		err = m.leaveCachesOut()
	}
	if err != nil {
		return nil, err
	}
	return m.takeUnswapped(append(facts, states...), swap)
}

// byCalls reports which way into the kernel is taken: the two system calls, or
// /dev/snapshot.
func (m *Machine) byCalls() bool { return m.dieAt == stepNone && hasCalls() }

func (m *Machine) take(facts kernel.Facts) (*image, error) {
	if m.byCalls() {
		return m.takeMapped(facts)
	}
	j, free, err := newJob()
	if err != nil {
		return nil, err
	}
	defer free()
	j.dieAt = m.dieAt
	mem, err := reserve(j)
	if err != nil {
		return nil, err
	}
	pid, err := fork(taskTake, unsafe.Pointer(j))
	if err == nil {
		err = j.wait(pid)
	}
	if err == nil {
		err = j.outcome()
	}
	if err != nil {
		return nil, errors.Join(err, mem.unmap(0))
	}
	m.opts.Report(fmt.Sprintf("the machine stood still for %.2f s", j.stoodStill().Seconds()))
	img := &image{mem: mem, size: j.size, facts: facts}
	// What lies behind the image has never been touched.
	if err = mem.unmap(uintptr(j.size)); err == nil {
		err = mem.protect()
	}
	if err != nil {
		return nil, errors.Join(err, mem.unmap(0))
	}
	return img, nil
}
