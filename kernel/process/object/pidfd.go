// pidfd_open(2): a descriptor of a process, which has to be one of the tree.

package object

import (
	"fmt"
	"slices"

	"golang.org/x/sys/unix"

	"snappipe/kernel/process/proc"
	"snappipe/kernel/process/world"
)

// In the image: `PIDFD`: `Task`, a process that is alive (index of `Tasks`).
var pidFDs = &kind{
	name: world.KindPIDFD, check: checkPIDFD, plan: planPIDFD,
	shown: "pidfd", take: (*Taker).pidFD, make: (*Maker).makePIDFD,
}

func (t *Taker) pidFD(o *Found, d *world.OpenFile) error {
	const ofThread = unix.O_EXCL // PIDFD_THREAD of include/uapi/linux/pidfd.h
	pid := o.info.PID
	i := t.taskOf(pid)
	switch {
	case pid <= 0:
		return t.lose(o, d, "a pidfd", "its process has ended")
	case d.Flags&ofThread != 0:
		return t.lose(o, d, "a pidfd", "it is of a thread (PIDFD_THREAD)")
	case i < 0 && t.o.Dry && t.isNewMember(pid):
		i = 0
	case i < 0:
		return t.lose(o, d, "a pidfd", "it is of "+proc.Title(pid)+", which is outside of the program or has ended")
	}
	d.PIDFD = &world.PIDFD{Task: i}
	return nil
}

// isNewMember reports whether a process that was born since they were listed will be
// taken as well.
func (t *Taker) isNewMember(pid int) bool {
	others, err := t.o.Others()
	_, gone := proc.ReadStat(pid)
	return err == nil && gone == nil && !slices.Contains(others, pid)
}

func checkPIDFD(w *world.World, o *world.OpenFile) error {
	if o.PIDFD == nil {
		return errLacks
	}
	if !isAlive(w, o.PIDFD.Task) {
		return fmt.Errorf("is of process %d, which is not there", o.PIDFD.Task)
	}
	return nil
}

func planPIDFD(p *planner, o *world.OpenFile) {
	p.Say("make", "pidfd", fmt.Sprintf("of process %d", p.world.Tasks[o.PIDFD.Task].PID))
}

func (m *Maker) makePIDFD(i int) (int, error) {
	fd, err := unix.PidfdOpen(m.tasks[m.world.Open[i].PIDFD.Task].PID(), 0)
	if err != nil {
		return -1, fmt.Errorf("pidfd_open: %w", err)
	}
	return fd, nil
}
