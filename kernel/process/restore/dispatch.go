// This file gives threads back their Syscall User Dispatch (prctl(2)).

package restore

import (
	"errors"
	"fmt"

	"snappipe/kernel"
	"snappipe/kernel/process/ptrace"
	"snappipe/kernel/process/world"
)

// checkDispatch refuses what this kernel can't set, by setting it for a moment
// in a thread that runs nothing.
func checkDispatch(threads []world.Thread, t ptrace.Thread) error {
	for i := range threads {
		d := &threads[i].Dispatch
		if d.Mode == 0 {
			continue
		}
		err := setDispatch(t, d)
		if err == nil {
			if err := t.SetDispatch(ptrace.Dispatch{}); err != nil {
				return fmt.Errorf("ending Syscall User Dispatch: %w", err)
			}
			continue
		}
		advice := ""
		if errors.Is(err, ptrace.ErrDispatchUnknown) {
			advice = "resume it under Linux 6.4 or later"
		}
		return kernel.Refuse(fmt.Sprintf("thread %d", threads[i].TID), advice, "its Syscall User Dispatch can't be set here: %v", err)
	}
	return nil
}

// setDispatch is for when no more calls are made in the thread.
func setDispatch(t ptrace.Thread, d *world.Dispatch) error {
	if d.Mode == 0 {
		return nil
	}
	return t.SetDispatch(ptrace.Dispatch{
		Mode: d.Mode, Offset: uint64(d.Offset), Len: uint64(d.Len), Selector: uint64(d.Selector),
	})
}
