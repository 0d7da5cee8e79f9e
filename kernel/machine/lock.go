// This process's own memory, which is not to be paged out: it would need it again, and
// wait for ever if the disk does not give it back.

package machine

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// lockAll locks what there is and what will be, as soon as it is used (mlockall(2); that
// is MCL_ONFAULT, for which golang.org/x/sys has no name): the address space that Go
// reserves is much larger than what it uses.
const lockAll = unix.MCL_CURRENT | unix.MCL_FUTURE | 4

// lockMemory locks it, and has the code, which could only be read anew from its disk, be
// there.
func lockMemory() error {
	if err := unix.Mlockall(lockAll); err != nil {
		return fmt.Errorf("lock the memory of this process: %w", err)
	}
	b, err := os.ReadFile("/proc/self/maps")
	if err != nil {
		return fmt.Errorf("find the code of this process: %w", err)
	}
	for line := range strings.Lines(string(b)) {
		var start, end uintptr
		var perms, name string
		fmt.Sscanf(line, "%x-%x %s %s %s %s %s", &start, &end, &perms, new(string), new(string), new(string), &name)
		if !strings.HasPrefix(perms, "r") || !strings.HasPrefix(name, "/") {
			continue
		}
		if err := populate(start, end-start); err != nil && !errors.Is(err, unix.EINVAL) { // before Linux 5.14
			return fmt.Errorf("have all code of this process in memory: %w", err)
		}
	}
	return nil
}

func populate(start, size uintptr) error {
	_, _, errno := unix.Syscall(unix.SYS_MADVISE, start, size, unix.MADV_POPULATE_READ)
	if errno != 0 {
		return errno
	}
	return nil
}
