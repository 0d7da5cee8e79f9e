// What leads out of the program: terminals, and pipes and sockets whose other
// end another process has. As a standard descriptor it can be kept, since a
// resume has something to put there; anywhere else it can't.

package object

import (
	"golang.org/x/sys/unix"

	"snappipe/kernel/process/world"
)

// isStandard reports whether it is one of descriptors 0 to 2 of the first task.
func (r ref) isStandard() bool { return r.isRoots() && r.fd <= 2 }

// standard are the descriptions on those.
func (t *Taker) standard() (all []*world.OpenFile) {
	for n := range 3 {
		if i, ok := (ref{t.root(), n}).opened(); ok {
			all = append(all, &t.w.Open[i])
		}
	}
	return all
}

// pipeOutside keeps a pipe that leads out where the same end of it is a standard
// descriptor, and loses it elsewhere.
func (t *Taker) pipeOutside(i int, what, reason string) error {
	d := &t.w.Open[i]
	access := d.Flags & unix.O_ACCMODE
	for _, e := range t.standard() {
		if e.Pipe != nil && e.Pipe.Ino == d.Pipe.Ino && e.Flags&unix.O_ACCMODE == access {
			d.Outside = true
			return nil
		}
	}
	return t.lose(&Found{ref: t.first[i]}, d, what, reason)
}

// socketOutside keeps a connection that is a standard descriptor. What has
// arrived at it and was not read belongs to the connection, and stays there.
func (t *Taker) socketOutside(o *Found, d *world.OpenFile, what string) error {
	if !o.isStandard() {
		return t.lose(o, d, what, outside)
	}
	s := d.Socket
	d.Outside = true
	d.Socket = &world.Socket{Family: s.Family, Type: s.Type, Protocol: s.Protocol, Ino: s.Ino}
	return nil
}
