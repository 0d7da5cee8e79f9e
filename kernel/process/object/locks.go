// File locks, as /proc/PID/fdinfo shows them of each descriptor: those of its open
// file description, those of its process, and those of other processes that were
// taken by that description.

package object

import (
	"slices"

	"snappipe/kernel/process/proc"
	"snappipe/kernel/process/world"
)

// addLocks adds those that are not known of a description yet.
func (t *Taker) addLocks(o *Found, d *world.OpenFile) {
	if d.Kind == world.KindLost {
		return
	}
	for _, l := range o.info.Locks {
		lock := world.Lock{Type: l.Type, Write: l.Write, Start: l.Start, End: l.End}
		if l.Type == proc.LockPOSIX {
			if lock.Task = o.task.nth; l.PID != o.task.PID {
				continue // whose own descriptors show it
			}
		}
		if !slices.Contains(d.Locks, lock) {
			d.Locks = append(d.Locks, lock)
		}
	}
}
