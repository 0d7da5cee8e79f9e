// What is left out of an image: by force, all that can't be kept; by --drop-fd,
// a descriptor of the user's choice. Something that is at its end stands in its
// place, so that the number is not given to another file.

package object

import (
	"fmt"
	"slices"
	"strings"

	"snappipe/kernel"
	"snappipe/kernel/process/world"

	"golang.org/x/sys/unix"
)

// lose drops what can't be kept, if that is wanted, and refuses it otherwise.
func (t *Taker) lose(o *Found, d *world.OpenFile, what, reason string) error {
	if !t.o.Force {
		advice := fmt.Sprintf("--drop-fd %d, or --force, takes the program without it", o.fd)
		if o.task.inFlight {
			advice = "try again, or --force takes the program without it"
		}
		return kernel.Refuse(o.object(what), advice, "%s", reason)
	}
	t.leaveOut(o, d, what)
	return nil
}

// forgo drops what a file holds, and keeps the file, if that is wanted, and
// refuses it otherwise.
func (t *Taker) forgo(o *Found, d *world.OpenFile, what, reason string) error {
	if !t.o.Force {
		return kernel.Refuse(o.object(what), "try again, or --force takes the program without them", "%s", reason)
	}
	if !t.o.Dry {
		t.o.Warn("dropped: what waits in " + o.object(what))
	}
	return nil
}

// leaveOut makes d what stands in the place of o, and says so.
func (t *Taker) leaveOut(o *Found, d *world.OpenFile, what string) {
	if !t.o.Dry {
		t.o.Warn("dropped: " + o.object(what))
	}
	lost := &world.Lost{Kind: world.LostOther, What: what}
	k := byName[d.Kind]
	if k == nil {
		k = kindShown(o.link)
	}
	if k != nil && k.instead != nil {
		lost.Kind = k.instead(d)
	}
	*d = world.OpenFile{Kind: world.KindLost, Lost: lost, Flags: d.Flags, File: world.NoIndex}
}

// chosen reports whether the user wants a descriptor to be left out.
func (t *Taker) chosen(r ref) bool { return r.isRoots() && slices.Contains(t.o.Drop, r.fd) }

// drop leaves out a descriptor that was chosen. Others of the same open file
// description keep that.
func (t *Taker) drop(o *Found) int {
	d := world.OpenFile{Flags: o.info.Flags &^ unix.O_CLOEXEC}
	what := o.link
	if strings.HasPrefix(o.link, "socket:") {
		what = t.titleOf(o, &d)
	}
	t.leaveOut(o, &d, what)
	return t.add(o, d)
}

// titleOf says what socket it is that is left out.
func (t *Taker) titleOf(o *Found, d *world.OpenFile) string {
	fd, err := t.borrow(o)
	if err != nil {
		return o.link
	}
	defer unix.Close(fd)
	s := &world.Socket{}
	if err := readKind(fd, s); err != nil {
		return o.link
	}
	d.Socket = s
	return socketTitle(fd, s)
}

// checkDropped refuses the choice of a descriptor that is not open, which is
// most likely another than the one that was meant.
func (t *Taker) checkDropped() error {
	for _, fd := range t.o.Drop {
		if !(ref{t.root(), fd}).isOpen() {
			return kernel.Refuse(fmt.Sprintf("fd %d, which is to be dropped", fd),
				fmt.Sprintf("ls -l /proc/%d/fd shows what is open", t.root().PID), "the program does not have it open")
		}
	}
	return nil
}
