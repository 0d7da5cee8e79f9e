// Socket options: those that differ from what a new socket has.

package object

import (
	"fmt"

	"snappipe/kernel"
	"snappipe/kernel/process/sockopt"
	"snappipe/kernel/process/world"
)

// setOptions sets those that a socket may have before it is used.
func (m *Maker) setOptions(fd, i int) error {
	s := m.world.Open[i].Socket
	if err := m.ownAs(fd, "a socket", s.UID, s.GID, s.Mode); err != nil {
		return err
	}
	failed, err := m.sockopts.Apply(fd, s)
	if err != nil {
		return err
	}
	return m.unset(i, failed)
}

// unset refuses options that could not be set, unless the program is to do without
// them.
func (m *Maker) unset(i int, failed []*sockopt.Failure) error {
	for _, f := range failed {
		if !m.options.Force {
			return kernel.Refuse(m.name(i), "resume it as root; --force goes on without", "%v", f)
		}
		m.options.Warn(fmt.Sprintf("%s: %v", m.name(i), f))
	}
	return nil
}

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
