// Socket options: those that differ from what a new socket has.

package object

import (
	"fmt"

	"snappipe/kernel/process/world"
)

func (t *Taker) socketOptions(fd int, o *Found, d *world.OpenFile) error {
	kept, refused, err := t.sockopts.Differences(fd, d.Socket)
	switch {
	case err != nil:
		return t.lose(o, d, socketTitle(fd, d.Socket), err.Error())
	case len(refused) > 0:
		return t.lose(o, d, socketTitle(fd, d.Socket), fmt.Sprintf("its option %s can't be put back", refused[0].Title))
	}
	d.Socket.Options = kept
	return nil
}
