// What leads out of the program: terminals, and pipes and sockets whose other
// end another process has. As a standard descriptor it can be kept, since a
// resume has something to put there; anywhere else it can't.

package capture

import (
	"fmt"

	"snappipe/kernel/process/world"

	"golang.org/x/sys/unix"
)

// standard are the descriptions on descriptors 0 to 2.
func (t *fileTable) standard() (all []*world.OpenFile) {
	for n := range 3 {
		if i, ok := t.opened[n]; ok {
			all = append(all, &t.open[i])
		}
	}
	return all
}

// pipeOutside keeps a pipe that leads out where the same end of it is a standard
// descriptor, and loses it elsewhere.
func (t *fileTable) pipeOutside(i int, what, reason string) error {
	d := &t.open[i]
	access := d.Flags & unix.O_ACCMODE
	for _, e := range t.standard() {
		if e.Pipe != nil && e.Pipe.Ino == d.Pipe.Ino && e.Flags&unix.O_ACCMODE == access {
			d.Outside = true
			return nil
		}
	}
	return t.lose(&openFile{fd: t.first[i]}, d, what, reason)
}

// socketOutside keeps a connection that is a standard descriptor. What has
// arrived at it and was not read belongs to the connection, and stays there.
func (t *fileTable) socketOutside(o *openFile, d *world.OpenFile, what string) error {
	if o.fd > 2 {
		return t.lose(o, d, what, outside)
	}
	s := d.Socket
	d.Outside = true
	d.Socket = &world.Socket{Family: s.Family, Type: s.Type, Protocol: s.Protocol, Ino: s.Ino}
	return nil
}

// terminals loses those that are somebody else's: neither that of a standard
// descriptor nor the program's controlling terminal.
func (t *fileTable) terminals() error {
	standard := map[world.Hex]bool{}
	for _, d := range t.standard() {
		if d.Terminal != nil {
			standard[d.Terminal.Device] = true
		}
	}
	for i := range t.open {
		d := &t.open[i]
		if d.Terminal == nil || d.Terminal.Controlling || standard[d.Terminal.Device] {
			continue
		}
		what := fmt.Sprintf("the terminal %s", t.files[d.File].Path)
		if err := t.lose(&openFile{fd: t.first[i]}, d, what, "it is not the program's own"); err != nil {
			return err
		}
	}
	return nil
}
