// What is open: what package object is told of the process.

package capture

import (
	"errors"

	"snappipe/kernel/process/object"
	"snappipe/kernel/process/proc"
	"snappipe/kernel/process/ptrace"
	"snappipe/kernel/process/world"
)

// newTaker makes one that fills in w. What an earlier one has found serves it.
func (t *tree) newTaker(dry bool, w *world.World, earlier *object.Taker) *object.Taker {
	var openers []*object.Task
	for _, c := range t.members {
		openers = append(openers, c.opener)
	}
	w.Files, w.Open, w.Tables = nil, nil, make([]world.Table, len(openers))
	return object.NewTaker(object.Options{
		Dry: dry, Force: t.o.Force, Drop: t.o.Drop, Far: t.o.Kill, Warn: t.o.Warn,
		Peeking: t.o.Peeking, PeekFault: func() error { return t.o.Fault.Beside(FaultPeeking) },
		Emptying: t.o.Emptying, EmptyFault: func() error { return t.fault(FaultEmptied) },
		Others: t.others,
	}, w, earlier, openers...)
}

// surveyFiles looks at what is open, without what it holds, to refuse what can't be
// kept.
func (t *tree) surveyFiles() error {
	for _, c := range t.members {
		c.opener.Stat = c.before.stat
		c.opener.Paths = nil
		for _, m := range c.before.maps {
			c.opener.Paths = append(c.opener.Paths, m.Path)
		}
	}
	if err := t.findSharers(); err != nil {
		return err
	}
	t.dry = t.newTaker(true, new(world.World), nil)
	if err := t.dry.Collect(); err != nil {
		return err
	}
	for _, c := range t.members {
		for _, m := range c.before.maps {
			if err := t.dry.MappedBy(c.opener, []proc.Map{m}); err != nil {
				return err
			}
		}
	}
	return t.dry.CheckOthers()
}

// beginFiles looks at what is open as far as it is not left to finishFiles, which looks at
// all if something else is open than before the stop.
func (t *tree) beginFiles() error {
	err := t.files.Begin(t.dry)
	if t.changed = errors.Is(err, object.ErrOthers); t.changed {
		return nil
	}
	return err
}

// finishFiles has the twins look at files as long as they share them.
func (t *tree) finishFiles() error {
	for _, c := range t.members {
		c.opener.Twin = c.twin
	}
	err := t.collect()
	if err == nil && t.files.Flies() {
		err = t.files.CheckOthers()
	}
	return err
}

func (t *tree) collect() error {
	if t.changed {
		return t.collectAgain()
	}
	err := t.together(func(c *member) error { return c.opener.Glance() })
	if err == nil {
		err = t.files.Finish()
	}
	if errors.Is(err, object.ErrOthers) {
		return t.collectAgain()
	}
	return err
}

// collectAgain is for a program that had opened a file and closed another between
// two looks at it.
func (t *tree) collectAgain() error {
	err := t.files.Close()
	t.files = t.newTaker(false, t.img, t.files)
	if err == nil {
		err = t.files.Begin(nil)
	}
	if err == nil {
		err = t.files.Finish()
	}
	return err
}

// addContents moves what pipes and sockets hold to the contents of the image.
func (t *tree) addContents() error {
	for _, b := range t.files.Blobs(len(t.img.Contents)) {
		at, err := t.store.Add(b)
		if err != nil {
			return err
		}
		t.img.Contents = append(t.img.Contents, world.Content{Size: int64(len(b))})
		t.contents = append(t.contents, content{[]piece{{0, uint64(len(b)), true, at}}})
	}
	return nil
}

// ID implements [object.Twin], as the methods below.
func (w *Twin) ID() int { return w.PID }

// Call makes one call.
func (w *Twin) Call(nr uintptr, args ...uint64) (uint64, error) { return w.call.Call(nr, args...) }

// Run makes several, which store so many bytes.
func (w *Twin) Run(calls []ptrace.Call, stored int) (ptrace.Answer, error) {
	return w.call.Run(&w.batch, calls, stored)
}

// Fits is how many times so many calls, which store so many bytes, can be run at once.
func (w *Twin) Fits(calls, stored int) int { return w.batch.Fits(calls, stored) }

// Stores is where what so many calls store begins.
func (w *Twin) Stores(calls int) uint64 { return w.batch.Stores(calls) }

// Arguments is where those of the first call lie.
func (w *Twin) Arguments() uint64 { return w.batch.At }
