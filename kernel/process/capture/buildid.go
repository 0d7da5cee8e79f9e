// The build IDs of executables.

package capture

import (
	"fmt"
	"path/filepath"

	"snappipe/kernel/elfnote"
	"snappipe/kernel/process/world"

	"golang.org/x/sys/unix"
)

// addBuildIDs reads them from the files, which are still what they were if
// their other marks are; but for those of which the program would hear that they
// are read.
func (c *member) addBuildIDs() error {
	for i := range c.space.VMAs {
		v := &c.space.VMAs[i]
		if v.File == world.NoIndex || v.Prot&unix.PROT_EXEC == 0 {
			continue
		}
		f := &c.img.Files[v.File]
		path := string(f.Path)
		if !f.Deleted && f.BuildID == "" && !c.files.Listens(path) && !c.files.Listens(filepath.Dir(path)) {
			f.BuildID = elfnote.BuildIDOf(fmt.Sprintf("/proc/%d/root%s", c.twin.PID, f.Path))
		}
	}
	return nil
}
