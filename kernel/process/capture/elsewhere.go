// Pipes and socket pairs of which the program has both ends may still be shared
// with others, who got them before they were forked, or by SCM_RIGHTS. Such a pair
// would be another in a resumed program, and nobody would notice. A FIFO would be
// the same, and hold twice what it held.

package capture

import (
	"fmt"

	"snappipe/kernel/process/proc"
	"snappipe/kernel/process/world"

	"golang.org/x/sys/unix"
)

// elsewhere refuses those that another process has as well, as far as this user
// may see that. It looks at all processes, which takes a while, and so before the
// program is stopped.
func (t *fileTable) elsewhere() error {
	if t.dry {
		if err := t.findElsewhere(); err != nil {
			return err
		}
	}
	if len(t.c.elsewhere) == 0 {
		return nil
	}
	pairs := t.wholePairs()
	for i := range t.open {
		link := pairs[i]
		who, ok := t.c.elsewhere[link]
		if !ok {
			continue
		}
		what := "a pipe"
		if t.open[i].Socket != nil {
			what = "a unix socket"
		}
		if err := t.lose(&openFile{fd: t.first[i], link: link}, &t.open[i], what, who+" has it too"); err != nil {
			return err
		}
	}
	return nil
}

func (t *fileTable) findElsewhere() error {
	mine := map[string][]string{} // with the other end
	for i, link := range t.wholePairs() {
		mine[link] = []string{link}
		if s := t.open[i].Socket; s != nil {
			mine[link] = append(mine[link], socketLink(s.Peer))
		}
	}
	if len(mine) == 0 {
		return nil
	}
	pids, err := t.c.others()
	if err != nil {
		return err
	}
	for _, pid := range pids {
		eachOpen(pid, func(_ *proc.FDs, _ int, link string, _ bool) {
			for _, end := range mine[link] {
				t.c.elsewhere[end] = title(pid)
			}
		})
	}
	return nil
}

func socketLink(ino uint64) string { return fmt.Sprintf("socket:[%d]", ino) }

// wholePairs are, by index in open, the ends of which the program has the other,
// as /proc shows them.
func (t *fileTable) wholePairs() map[int]string {
	all := map[int]string{}
	ends := map[uint64]int{}
	sockets := map[uint64]bool{}
	bit := [4]int{unix.O_RDONLY: 1, unix.O_WRONLY: 2, unix.O_RDWR: 3}
	for i := range t.open {
		d := &t.open[i]
		if d.Pipe != nil {
			ends[d.Pipe.Ino] |= bit[d.Flags&unix.O_ACCMODE]
		}
		if d.Socket != nil {
			sockets[d.Socket.Ino] = true
		}
	}
	for i := range t.open {
		d := &t.open[i]
		switch {
		case d.Outside: // it is to be what a resume has there
		case d.Pipe != nil && d.File != world.NoIndex:
			all[i] = string(t.files[d.File].Path) // what it holds, a resume writes into it
		case d.Pipe != nil && ends[d.Pipe.Ino] == 3:
			all[i] = fmt.Sprintf("pipe:[%d]", d.Pipe.Ino)
		case d.Socket != nil && d.Socket.Peer != 0 && sockets[d.Socket.Peer]:
			all[i] = socketLink(d.Socket.Ino)
		}
	}
	return all
}
