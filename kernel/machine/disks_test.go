// Mounts, as /proc lists them.

package machine

import (
	"testing"

	"snappipe/kernel/mountinfo"
)

// That a single mount is read-only does not make the file system so.
func TestWritable(t *testing.T) {
	for _, m := range []mountinfo.Mount{
		{Options: "ro,relatime", Super: "rw,errors=remount-ro"},
		{Options: "rw", Super: "ro,space_cache"},
	} {
		if got, want := newDisk(m).writable, m.Options != "rw"; got != want {
			t.Errorf("%v is writable: %v, want %v", m, got, want)
		}
	}
}
