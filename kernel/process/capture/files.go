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
func (c *capture) newTaker(dry bool, w *world.World, earlier *object.Taker) *object.Taker {
	return object.NewTaker(object.Options{
		Dry: dry, Force: c.o.Force, Drop: c.o.Drop, Warn: c.o.Warn,
		Peeking: c.o.Peeking, PeekFault: func() error { return c.o.Fault.Beside(FaultPeeking) },
		Others: c.others,
	}, w, earlier, c.opener)
}

// surveyFiles looks at what is open, without what it holds, to refuse what can't be
// kept.
func (c *capture) surveyFiles() error {
	c.opener = &object.Task{
		PID: c.pid, Root: true, Title: c.object, Stat: c.before.stat, InnerID: c.innerID,
	}
	for _, m := range c.before.maps {
		c.opener.Paths = append(c.opener.Paths, m.Path)
	}
	t := c.newTaker(true, world.One(), nil)
	c.before.files = t
	if err := t.Collect(); err != nil {
		return err
	}
	for _, m := range c.before.maps {
		if err := t.MappedBy(c.opener, []proc.Map{m}); err != nil {
			return err
		}
	}
	return t.CheckOthers()
}

// finishFiles has the twin look at files as long as it shares them.
func (c *capture) finishFiles() error {
	c.opener.Twin = c.twin
	err := c.files.Finish()
	if errors.Is(err, object.ErrOthers) {
		return c.collectAgain()
	}
	return err
}

// collectAgain is for a program that had opened a file and closed another between
// two looks at it.
func (c *capture) collectAgain() error {
	err := c.files.Close()
	c.img.Files, c.img.Open, c.table.FDs = nil, nil, nil
	c.files = c.newTaker(false, c.img, c.files)
	if err == nil {
		err = c.files.Begin(nil)
	}
	if err == nil {
		err = c.files.Finish()
	}
	return err
}

// addContents moves what pipes and sockets hold to the contents of the image.
func (c *capture) addContents() error {
	for _, b := range c.files.Blobs(len(c.img.Contents)) {
		at, err := c.store.Add(b)
		if err != nil {
			return err
		}
		c.img.Contents = append(c.img.Contents, world.Content{Size: int64(len(b))})
		c.contents = append(c.contents, content{[]piece{{0, uint64(len(b)), true, at}}})
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
