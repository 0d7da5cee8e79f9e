// This file is about memory that the kernel may merge with other memory that
// holds the same: all that a process has (PR_SET_MEMORY_MERGE), but for what it
// took out (MADV_UNMERGEABLE). What it put in is advice like any other.

package restore

import (
	"golang.org/x/sys/unix"

	"snappipe/kernel/process/sys"
)

// setMerging comes before there are mappings: each new one follows it.
func (p *process) setMerging() error {
	set := uint64(0)
	if p.task.MemoryMerge {
		set = 1
	}
	err := p.prctl("PR_SET_MEMORY_MERGE", unix.PR_SET_MEMORY_MERGE, set)
	if set == 0 {
		err = sys.Ignore(err, unix.EINVAL) // before Linux 6.4
	}
	return err
}

// unmerge takes mappings out again, before there is memory in them.
func (p *process) unmerge() error {
	c := p.stub.calls()
	for i := range p.mapped {
		m := &p.mapped[i]
		if p.task.MemoryMerge && !has(m.VMA, "mg") {
			c.on(m, "madvise", unix.SYS_MADVISE, unix.MADV_UNMERGEABLE)
		}
	}
	return c.run()
}
