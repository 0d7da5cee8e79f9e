// A process that has most of a guest's memory.

package vm

import "fmt"

// Hog is a command that makes a share of all memory be in use, and Unhog gives it
// back.
func Hog(share float64) string {
	const mib = "/^MemTotal/ { all = $2 } /^MemAvailable/ { used = all - $2 } END { print int((%v * all - used) / 1024) }"
	return fmt.Sprintf("echo 3 > /proc/sys/vm/drop_caches; witness hog $(awk '"+mib+"' /proc/meminfo) & until [ -e /run/hog ]; do usleep 10000; done", share)
}

const Unhog = "kill -9 $(cat /run/hog); wait $(cat /run/hog); rm /run/hog"
