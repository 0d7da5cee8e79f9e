// /proc/locks: the file locks of all processes; see proc_locks(5).

package proc

import (
	"os"
	"strconv"
	"strings"
)

// LockedInodes returns the numbers of the inodes that are locked in any way, by
// which they are known to /proc/PID/fdinfo. It reports false where not all locks
// are shown: in any PID namespace but the first, the owners of some are unknown
// (fs/locks.c: locks_show).
func LockedInodes() (map[uint64]bool, bool) {
	const first = "pid:[4026531836]" // PROC_PID_INIT_INO, include/linux/proc_ns.h
	if ns, err := os.Readlink("/proc/self/ns/pid"); err != nil || ns != first {
		return nil, false
	}
	b, err := os.ReadFile("/proc/locks")
	if err != nil {
		return nil, false
	}
	all := map[uint64]bool{}
	for line := range strings.Lines(string(b)) {
		for field := range strings.FieldsSeq(line) {
			// "00:13:11691": major, minor, inode
			if f := strings.Split(field, ":"); len(f) == 3 {
				if ino, err := strconv.ParseUint(f[2], 10, 64); err == nil {
					all[ino] = true
				}
			}
		}
	}
	return all, true
}
