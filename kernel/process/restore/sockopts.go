package restore

// This file gives sockets their options.

import (
	"fmt"

	"snappipe/kernel"
	"snappipe/kernel/process/image"
	"snappipe/kernel/process/sockopt"
)

// setOptions sets those that a new socket may have at once.
func (p *process) setOptions(fd int, o *image.OpenFile) error {
	failed, err := sockopt.Apply(fd, o.Socket)
	if err != nil {
		return err
	}
	return p.unset(o, failed)
}

// finishSockets sets those that have to wait until all sockets hold what they
// held.
func (p *process) finishSockets() error {
	for i := range p.img.Open {
		o := &p.img.Open[i]
		if o.Socket == nil || p.files[i].fd < 0 || p.files[i].lent {
			continue
		}
		if err := p.unset(o, sockopt.Finish(p.files[i].fd, o.Socket)); err != nil {
			return err
		}
	}
	return nil
}

// unset refuses options that could not be set, unless the program is to do
// without them.
func (p *process) unset(o *image.OpenFile, failed []*sockopt.Failure) error {
	for _, f := range failed {
		if !p.options.Force {
			return kernel.Refuse(p.name(o), "resume it as root; --force goes on without", "%v", f)
		}
		p.options.Warn(fmt.Sprintf("%s: %v", p.name(o), f))
	}
	return nil
}
