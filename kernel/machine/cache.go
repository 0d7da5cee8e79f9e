// What is in memory of files, and on their disks as well.
//
// Nothing of it has to be in an image: the resumed machine reads it again where it
// needs it. So it costs that machine a slower start, which is what it saves the other:
// all of the page cache is otherwise copied while the machine stands still, coded,
// hashed and written, up to the size that an image may have.

package machine

import (
	"fmt"
	"os"
)

// dropCaches drops all page cache that is neither dirty nor mapped by a program:
// Documentation/admin-guide/sysctl/vm.rst. Inodes and names, which the file would
// take another number for, stay: of a frozen file system they may have to be written.
func dropCaches() error {
	if err := os.WriteFile("/proc/sys/vm/drop_caches", []byte("1"), 0); err != nil {
		return fmt.Errorf("drop what is in memory of files: %w", err)
	}
	return nil
}

// leaveCachesOut has an image without them, if it is to be. Who is frozen by now has
// written all that was dirty.
func (m *Machine) leaveCachesOut() error {
	if !m.opts.DropCaches {
		return nil
	}
	before, err := readMeminfo()
	if err != nil {
		return err
	}
	if err := dropCaches(); err != nil {
		return err
	}
	after, err := readMeminfo()
	if err != nil {
		return err
	}
	m.opts.Report(fmt.Sprintf("%d MiB of files are not in the image, since they are on disks", max(0, before.cached-after.cached)>>20))
	return nil
}
