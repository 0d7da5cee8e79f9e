// What the kernel says of each mapping beyond its protection: the letters of
// VmFlags and the protection key, in /proc/PID/smaps (proc_pid_smaps(5)).
//
// The kernel looks at every page before it answers, so the program is asked
// before it is stopped. Of mappings that are newer than that the twin knows, as
// far as it has them.

package capture

import (
	"fmt"
	"slices"
	"sort"
	"strings"

	"snappipe/kernel"
	"snappipe/kernel/process/proc"
)

// kept are letters that a resume puts back, or that follow from what it does
// (fs/proc/task_mmu.c: show_smap_vma_flags).
var kept = map[string]bool{
	"rd": true, "wr": true, "ex": true, "sh": true, // protection, shared
	"mr": true, "mw": true, "me": true, "ms": true, // what it may become
	"gd": true, "nr": true, "dp": true, "ac": true, // of mmap(2)
	"sr": true, "rr": true, "dc": true, "wf": true, "dd": true, // of madvise(2)
	"hg": true, "nh": true, "mg": true, "gu": true,
	"lo": true, "lf": true, "sl": true, // of mlock2(2), mseal(2)

	// Nothing of these is the program's: whether memory was written to since
	// somebody looked, and what no kernel has any more.
	"de": true, "sd": true, "dw": true,
}

// unmappable are letters of what can't be kept.
var unmappable = map[string]string{
	"ht": "it is of huge pages of hugetlbfs",
	"io": "it is memory of a device",
	"pf": "it is memory of a device",
	"mm": "it is memory of a device",
	"ar": "it is memory of a device",
	"sf": "it is of a file in persistent memory, with MAP_SYNC",
	"um": "userfaultfd is registered for it",
	"uw": "userfaultfd is registered for it",
	"ui": "userfaultfd is registered for it",
	"ss": "it is a shadow stack",
}

// withoutAIO is advice for programs that are known to have such an option.
const withoutAIO = "start the program so that it does not use it: mariadbd and mysqld have --innodb-use-native-aio=0, nginx has aio off"

// checkMap refuses mappings of what is not memory.
func (c *member) checkMap(m *proc.Map) error {
	if m.Kernel() {
		return nil
	}
	advise := func(advice, reason string) error {
		return kernel.Refuse(fmt.Sprintf("%s, mapping %x-%x %s", c.object(), m.Start, m.End, m.Path), advice, "%s", reason)
	}
	refuse := func(reason string) error { return advise("", reason) }
	unknown := ""
	for flag := range strings.FieldsSeq(m.VMFlags) {
		if reason, ok := unmappable[flag]; ok {
			return refuse(reason)
		}
		if !kept[flag] {
			unknown = flag
		}
	}
	if unknown != "" {
		return refuse(fmt.Sprintf("its flag %q is of a newer kernel than this program knows", unknown))
	}
	switch {
	case m.Path == "/[aio]":
		return advise(withoutAIO, "it is a ring of asynchronous I/O, see io_setup(2)")
	case m.Path == "/secretmem":
		return refuse("it is memory that only the program itself can read, see memfd_secret(2)")
	case strings.Contains(m.Path, "anon_inode:[io_uring]"):
		return advise(withoutAIO, "it is a ring of asynchronous I/O, see io_uring(7)")
	case strings.Contains(m.Path, "anon_inode:"):
		return refuse("it is memory that it shares with the kernel")
	}
	return nil
}

// flagsOf returns what the survey knows of a mapping, which may have grown at
// either end since.
func (c *member) flagsOf(m *proc.Map) (proc.Map, bool) {
	old, ok := c.before.maps[m.Start]
	if !ok {
		old, ok = c.before.ends[m.End]
	}
	return old, ok && old.Prot == m.Prot && old.Shared == m.Shared && old.Path == m.Path
}

// take gives a mapping what was said of another that it is part of.
func take(m *proc.Map, from *proc.Map) { m.VMFlags, m.Key, m.Swap = from.VMFlags, from.Key, from.Swap }

// readFlags learns the flags of all mappings.
func (c *member) readFlags() error {
	look := proc.Maps
	if len(c.apart) > 0 || slices.ContainsFunc(c.frozen.maps, func(m proc.Map) bool { _, known := c.flagsOf(&m); return !known }) {
		look = proc.Smaps
	}
	twins, err := look(c.twin.PID)
	if err != nil {
		return fmt.Errorf("reading the mappings of the twin: %w", err)
	}
	for i := range c.frozen.maps {
		m := &c.frozen.maps[i]
		// Its neighbours in the twin may be one with it by now.
		j := sort.Search(len(twins), func(j int) bool { return twins[j].End > m.Start })
		inTwin := j < len(twins) && twins[j].Start <= m.Start && c.headEnd(m) <= twins[j].End
		if old, known := c.flagsOf(m); known {
			take(m, &old)
		} else if inTwin && m.VMFlags == "" {
			take(m, &twins[j])
		}
		if inTwin {
			c.takeHead(m, &twins[j])
		}
		if !inTwin && !m.Has("dc") && m.Path != "[vsyscall]" {
			return c.refuse("try again", "it was changing its memory at %x while the snapshot was taken", m.Start)
		}
		if err := c.checkMap(m); err != nil {
			return err
		}
	}
	return nil
}

// lateFlags asks for the flags of mappings that are newer than the survey, while
// the program is stopped: only where the twin can't be asked, because it lacks
// them or might lack their locks.
func (c *member) lateFlags(all []compared) error {
	late := func(i int) bool { return all[i].newer && (c.frozen.locked > 0 || all[i].lacking) }
	some := false
	for i := range all {
		some = some || late(i) && !c.frozen.maps[i].Kernel()
	}
	if !some {
		return nil
	}
	maps, err := proc.Smaps(c.pid)
	if err != nil {
		return err
	}
	c.hideTracking(maps)
	for i := range c.frozen.maps {
		m := &c.frozen.maps[i]
		j, ok := slices.BinarySearchFunc(maps, m.Start, func(x proc.Map, start uint64) int {
			switch {
			case x.Start < start:
				return -1
			case x.Start > start:
				return 1
			}
			return 0
		})
		if ok && late(i) {
			take(m, &maps[j])
		}
	}
	return nil
}
