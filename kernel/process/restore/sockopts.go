// This file gives sockets their options.

package restore

import (
	"fmt"

	"snappipe/kernel"
	"snappipe/kernel/process/sockopt"
	"snappipe/kernel/process/world"
)

// setOptions sets those that a socket may have before it is used.
func (p *process) setOptions(fd int, o *world.OpenFile) error {
	s := o.Socket
	if err := p.ownAs(fd, "a socket", s.UID, s.GID, s.Mode); err != nil {
		return err
	}
	failed, err := p.sockets.Apply(fd, s)
	if err != nil {
		return err
	}
	return p.unset(o, failed)
}

// finishSocket sets those that have to wait until it holds what it held.
func (p *process) finishSocket(i int) error {
	o := &p.img.Open[i]
	return p.unset(o, sockopt.Finish(p.files[i].fd, o.Socket))
}

// unset refuses options that could not be set, unless the program is to do
// without them.
func (p *process) unset(o *world.OpenFile, failed []*sockopt.Failure) error {
	for _, f := range failed {
		if !p.options.Force {
			return kernel.Refuse(p.name(o), "resume it as root; --force goes on without", "%v", f)
		}
		p.options.Warn(fmt.Sprintf("%s: %v", p.name(o), f))
	}
	return nil
}
