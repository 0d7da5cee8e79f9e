// Landlock (landlock(7)): nothing shows what a process may not do by it, nor that
// there is something. But it comes in layers, of which a process can have so many
// and no more; and its twin, which has the same, can be given more until there is
// no room. So those that were there are what is missing.

package capture

import (
	"errors"
	"fmt"

	"snappipe/kernel/process/ptrace"

	"golang.org/x/sys/unix"
)

// layersMax is how many there can be (security/landlock/limits.h:
// LANDLOCK_MAX_NUM_LAYERS, which was 64 in the first version).
func layersMax(version int) int {
	if version < 2 {
		return 64
	}
	return 16
}

// checkLandlock refuses a process whose first thread is under Landlock. It comes
// last: the twin may do less after it.
func (c *member) checkLandlock() error {
	const version = 1 // LANDLOCK_CREATE_RULESET_VERSION
	abi, _, e := unix.Syscall(unix.SYS_LANDLOCK_CREATE_RULESET, 0, 0, version)
	if e != 0 {
		return nil // this kernel has none
	}
	missing, err := c.twin.layers(layersMax(int(abi)))
	if err != nil {
		return fmt.Errorf("looking for Landlock: %w", err)
	}
	if missing == 0 {
		return nil
	}
	if !c.o.Force {
		return c.refuse("--force takes it without", "it is under Landlock, and no kernel tells what that denies it")
	}
	c.o.Warn(fmt.Sprintf("dropped: what Landlock denies %s", c.object()))
	c.task.Landlock = missing
	return nil
}

// layers counts those that the twin has.
func (w *Twin) layers(most int) (int, error) {
	denied := make([]byte, 8) // struct landlock_ruleset_attr of the first version
	le.PutUint64(denied, unix.LANDLOCK_ACCESS_FS_MAKE_BLOCK)
	if err := w.Memory.Copy(denied, w.batch.At); err != nil {
		return 0, err
	}
	rules, err := w.call.Call(unix.SYS_LANDLOCK_CREATE_RULESET, w.batch.At, uint64(len(denied)), 0)
	if err != nil {
		return 0, err
	}
	calls := []ptrace.Call{{Nr: unix.SYS_PRCTL, Args: [6]uint64{unix.PR_SET_NO_NEW_PRIVS, 1}}}
	for range most {
		calls = append(calls, ptrace.Call{Nr: unix.SYS_LANDLOCK_RESTRICT_SELF, Args: [6]uint64{rules}})
	}
	answer, err := w.Run(append(calls, ptrace.Call{Nr: unix.SYS_CLOSE, Args: [6]uint64{rules}}), 0)
	if err != nil {
		return 0, err
	}
	for i := range calls {
		_, err := answer.Returned(i)
		if errors.Is(err, unix.E2BIG) {
			return len(calls) - i, nil
		}
		if err != nil {
			return 0, err
		}
	}
	return 0, nil
}
