// Pipes and socket pairs of which the program has both ends may still be shared
// with others, who got them before they were forked, or by SCM_RIGHTS. Such a pair
// would be another in a resumed program, and nobody would notice. A FIFO would be
// the same, and hold twice what it held.

package object

import (
	"fmt"

	"snappipe/kernel/process/proc"
	"snappipe/kernel/process/world"

	"golang.org/x/sys/unix"
)

// elsewhere refuses those that another process has as well, as far as this user
// may see that. It looks at all processes, which takes a while, and so before the
// program is stopped, but where there are descriptors in flight.
func (t *Taker) elsewhere() error {
	if t.o.Dry || t.Flies() {
		if err := t.findElsewhere(); err != nil {
			return err
		}
	}
	if len(t.known.elsewhere) == 0 {
		return nil
	}
	pairs := t.wholePairs()
	for i := range t.w.Open {
		link := pairs[i]
		who, ok := t.known.elsewhere[link]
		if !ok {
			continue
		}
		what := "a pipe"
		if s := t.w.Open[i].Socket; s != nil {
			what = "a unix socket"
			if s.TCP != nil {
				what = connectionTitle(s)
			}
		}
		if err := t.lose(&Found{ref: t.first[i], link: link}, &t.w.Open[i], what, who+" has it too"); err != nil {
			return err
		}
	}
	return nil
}

func (t *Taker) findElsewhere() error {
	mine := map[string][]string{} // with the other end
	for i, link := range t.wholePairs() {
		mine[link] = []string{link}
		if s := t.w.Open[i].Socket; s != nil {
			mine[link] = append(mine[link], socketLink(s.Peer))
		}
	}
	if len(mine) == 0 {
		return nil
	}
	pids, err := t.o.Others()
	if err != nil {
		return err
	}
	for _, pid := range pids {
		eachOpen(pid, func(_ *proc.FDs, _ int, link string, _ bool) {
			for _, end := range mine[link] {
				t.known.elsewhere[end] = proc.Title(pid)
			}
		})
	}
	return nil
}

func socketLink(ino uint64) string { return fmt.Sprintf("socket:[%d]", ino) }

// wholePairs are, by index in open, the ends of which the program has the other,
// as /proc shows them.
func (t *Taker) wholePairs() map[int]string {
	all := map[int]string{}
	ends := map[uint64]int{}
	sockets := map[uint64]bool{}
	bit := [4]int{unix.O_RDONLY: 1, unix.O_WRONLY: 2, unix.O_RDWR: 3}
	for i := range t.w.Open {
		d := &t.w.Open[i]
		if d.Pipe != nil {
			ends[d.Pipe.Ino] |= bit[d.Flags&unix.O_ACCMODE]
		}
		if d.Socket != nil {
			sockets[d.Socket.Ino] = true
		}
	}
	for i := range t.w.Open {
		d := &t.w.Open[i]
		switch {
		case d.Outside: // it is to be what a resume has there
		case d.Pipe != nil && d.File != world.NoIndex:
			all[i] = string(t.w.Files[d.File].Path) // what it holds, a resume writes into it
		case d.Pipe != nil && ends[d.Pipe.Ino] == 3:
			all[i] = fmt.Sprintf("pipe:[%d]", d.Pipe.Ino)
		case d.Socket != nil && (d.Socket.Peer != 0 && sockets[d.Socket.Peer] || t.waits[d.Socket.Ino]):
			all[i] = socketLink(d.Socket.Ino)
		}
	}
	return all
}
