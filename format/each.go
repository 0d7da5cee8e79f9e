// Frames that are checked and worked on by all cores.

package format

import (
	"context"
	"fmt"
)

// Work is what one worker does to each frame that it gets. It may keep
// buffers from one call to the next, since no two calls are made at once.
type Work func(*Frame) error

// Each reads the rest of the stream, checks every frame of it on all cores,
// gives each to one of the workers, and then in order to sink. newWork is
// called once for each worker; it, or sink, may be nil.
//
// Both see data and zero frames, and ancillary ones, which they should leave
// alone, but no index: that is of the stream as it was. Each returns nil only when the end frame has been read and every
// checksum, CRC-32C and SHA-256, holds: what sink was given before that was
// undamaged, but may be a part of a whole that was cut off. Damage gives a
// [*DamageError], and a stream that says why it has no image a [*Failure].
func (r *Reader) Each(ctx context.Context, newWork func() Work, sink func(*Frame) error) error {
	return r.each(ctx, newWork, func(f *Frame) error {
		if !f.Type.forWork() || sink == nil {
			return nil
		}
		return sink(f)
	})
}

// each is Each, but sink sees checksum frames and indexes as well.
func (r *Reader) each(ctx context.Context, newWork func() Work, sink func(*Frame) error) error {
	info, err := r.Info()
	if err != nil {
		return err
	}
	check := &checker{r: r}
	r.trace(&r.first)
	if r.Digest && !info.Resumed {
		r.pages = &pageTree{}
	}
	if info.Summed {
		check.sums = newSummer()
		r.first.sum()
		check.sums.add(r.first.digest[:])
		check.index = newIndexChecker()
		check.index.add(r.first.read)
	}
	works := make([]func(*Frame) error, workers())
	for i := range works {
		var w Work
		if newWork != nil {
			w = newWork()
		}
		works[i] = func(f *Frame) error { return check.work(f, w) }
	}
	// One frame for each worker, as many read ahead, one being written.
	err = Pipe(ctx, make([]Frame, 2*len(works)+1), r.Next, works, func(f *Frame) error {
		if err := check.inOrder(f); err != nil {
			return err
		}
		r.gather(f)
		if err := sink(f); err != nil {
			return err
		}
		r.trace(f)
		return nil
	})
	if err != nil {
		return err
	}
	return check.end()
}

func (r *Reader) trace(f *Frame) {
	if r.Trace != nil {
		r.Trace(f.read)
	}
}

// checker compares what a stream holds with its checksums.
type checker struct {
	r    *Reader
	sums *summer // nil where there are none
	// index is what an index has to say, where there are checksums: without
	// them it may be that of the stream as it was before it was coded anew.
	index *indexChecker
}

// work checks f, in any order, before work sees it.
func (c *checker) work(f *Frame, work Work) error {
	if err := f.Check(); err != nil {
		return err
	}
	if c.sums != nil {
		f.sum()
	}
	if work == nil || !f.Type.forWork() {
		return nil
	}
	if err := work(f); err != nil {
		return err
	}
	if c.r.Digest {
		f.sumPages()
	}
	return nil
}

// inOrder checks that f has the digest that a checksum frame will say it has,
// or, if f is one, that the frames before it have.
func (c *checker) inOrder(f *Frame) error {
	if c.sums == nil {
		return nil
	}
	if f.Type == TypeIndex {
		if err := c.index.check(f); err != nil {
			return err
		}
	}
	c.index.add(f.read)
	switch {
	case f.Type == TypeSums:
		if !c.sums.checksFrame(f) {
			return f.damage(ErrSums)
		}
	default:
		c.sums.add(f.digest[:])
		f.summed = false
	}
	return nil
}

func (c *checker) end() error {
	if c.sums != nil && string(c.sums.sum()) != string(c.r.Root()) {
		return c.r.last.damage(fmt.Errorf("%w: the root is another", ErrSums))
	}
	c.r.trace(&c.r.last)
	return nil
}
