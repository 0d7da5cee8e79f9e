// Extended attributes of files that go into the image (xattr(7)). They are not kept:
// a file at a path has its own.

package object

import (
	"fmt"
	"strings"

	"snappipe/kernel/process/world"

	"golang.org/x/sys/unix"
)

// attributes refuses a file without a path that has any, but for what a security
// module gives to every file.
func (t *Taker) attributes(o *Found, d *world.OpenFile) error {
	fd, err := t.borrow(o)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	names := make([]byte, 64<<10) // XATTR_LIST_MAX
	n, err := unix.Flistxattr(fd, names)
	if err != nil {
		return nil // a filesystem without
	}
	for name := range strings.SplitSeq(strings.TrimRight(string(names[:n]), "\x00"), "\x00") {
		if name != "" && (!strings.HasPrefix(name, "security.") || name == "security.capability") {
			return t.lose(o, d, fmt.Sprintf("the deleted file %s", o.link), "it has the extended attribute "+name)
		}
	}
	return nil
}
