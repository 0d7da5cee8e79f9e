// Package object is what a process has open, one kind after the other: how it is
// found and taken from a running process, and how it is made again.
//
// A [Taker] takes it into a World, and a [Maker] makes it from one. Both go by the
// table in this file, which is the only list of kinds. What is hostile about an
// image that somebody else has written, [Check] finds before anything is made.
package object

import (
	"errors"
	"fmt"
	"strings"

	"snappipe/kernel/process/world"
)

// kind is a kind of open file, and what is to be done about each. The comment of one says,
// from "In the image: " on, what IMAGE.md has about it. What there is nothing to do about
// is nil. Where i is an argument, it is an index in World.Open.
type kind struct {
	name world.Kind
	// title is what one is called, where that is not its kind or path. contents are
	// the members that are indices in World.Contents.
	title    func(o *world.OpenFile) string
	contents func(o *world.OpenFile) []*int
	// check tells what can't be in an image. That o.File and the contents are there,
	// or none, is known.
	check func(w *world.World, o *world.OpenFile) error
	// plan says what all the steps below do with what is outside: see plan.go. Every
	// kind has one.
	plan func(p *planner, o *world.OpenFile)

	// shown is what /proc/PID/fd/N says of one without a path; what has one is told
	// apart in file.go. take describes one, or loses it, and relate completes all of
	// them, when all that is open is known.
	shown  string
	take   func(t *Taker, o *Found, d *world.OpenFile) error
	relate func(t *Taker) error
	// shared is what one is called that others must not have as well: what is made
	// of an image would be another.
	shared string
	// instead is what stands in the place of one that is lost, if not anything will do.
	instead func(d *world.OpenFile) world.LostKind

	// What is on a standard descriptor becomes what this process has there, if it
	// leads out of the program. ends is asked besides on demand (--stdio mine),
	// whether one is a thing to read from or write to: not a part of the program.
	// holds is whether something waits in it, which is lost by that.
	ends  func(m *Maker, o *world.OpenFile) bool
	holds func(o *world.OpenFile) bool

	// These are the steps of making them. Each is done with all files of all kinds,
	// in the order of the table, before the next.
	make   func(m *Maker, i int) (fd int, err error) // by itself; -1 if join is to
	join   func(m *Maker, i int) error               // with others
	fill   func(m *Maker, i int) error               // with what it held
	point  func(m *Maker, i int) error               // to what would be in the way of filling others
	settle func(m *Maker, i int) error               // all that would have been in the way until here

	// A file that an epoll set has told of is made to tell that again: rouse makes it
	// ready for a moment, calm makes it what it was. begin comes after that: from
	// here on, others may do something with it. begun is for when all have.
	rouse func(m *Maker, w watched) (calm func() error, err error)
	begin func(m *Maker, i int) error
	begun func(m *Maker, i int) error
}

// kinds are all there are, and byName the same. Inotify sets come behind all that
// changes files.
var (
	kinds  []*kind
	byName = map[world.Kind]*kind{}
)

func init() { // since some of them ask for others
	kinds = []*kind{
		pipes, sockets, regulars, directories, paths, devices, ptys, slaves, terminals,
		eventFDs, timerFDs, signalFDs, pidFDs, epolls, inotifies, losses,
	}
	for _, k := range kinds {
		byName[k.name] = k
	}
}

// kindShown returns the kind of what has no path, such as "pipe:[123]" or
// "anon_inode:[eventfd]", or nil.
func kindShown(link string) *kind {
	name, inode, _ := strings.Cut(link, ":")
	if name == "anon_inode" {
		name = strings.Trim(inode, "[]")
	}
	for _, k := range kinds {
		if k.shown != "" && k.shown == name {
			return k
		}
	}
	return nil
}

// Check finds what is open in a World that can't be, as [world.Decode] does for all
// else.
func Check(w *world.World) error {
	for i := range w.Open {
		o := &w.Open[i]
		k := byName[o.Kind]
		if k == nil {
			return fmt.Errorf("%w: open file %d is of the unknown kind %q", world.ErrDamaged, i, o.Kind)
		}
		if o.Outside && k != pipes && k != sockets {
			return fmt.Errorf("%w: open file %d, of kind %q, is said to lead outside", world.ErrDamaged, i, o.Kind)
		}
		for _, c := range k.contentsOf(o) {
			if *c != world.NoIndex && (*c < 0 || *c >= len(w.Contents)) {
				return fmt.Errorf("%w: open file %d has content %d, which is not there", world.ErrDamaged, i, *c)
			}
		}
		if err := k.check(w, o); err != nil {
			return fmt.Errorf("%w: open file %d, of kind %q, %w", world.ErrDamaged, i, o.Kind, err)
		}
	}
	return errors.Join(checkConnections(w), checkWaiting(w), checkSegments(w), checkSemaphores(w))
}

func (k *kind) contentsOf(o *world.OpenFile) []*int {
	if k.contents == nil {
		return nil
	}
	return k.contents(o)
}

// errLacks is what a check says of a file without what its kind promises.
var errLacks = errors.New("lacks what that needs")

// hasFile is the check of what is nothing but a file.
func hasFile(_ *world.World, o *world.OpenFile) error {
	if o.File == world.NoIndex {
		return errLacks
	}
	return nil
}

// isAlive reports whether there is such a task, and it can make calls.
func isAlive(w *world.World, task int) bool {
	return task >= 0 && task < len(w.Tasks) && !w.Tasks[task].Dead()
}
