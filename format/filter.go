// Filters: a stream comes in, and one goes out.

package format

import (
	"context"
	"io"
	"slices"
)

// Filter copies the stream that r has to w, with whatever newWork's functions
// make of its data frames: see [Reader.Each] for when they are called. The
// identity of the snapshot and what its first frame says stay.
//
// SHA-256 checksums are checked and not written again, since the frames are
// no longer those that they were made of: [Sum] makes new ones.
//
// Where it fails, or the stream that it reads says that somebody else has, the
// stream that it writes ends by saying so: see [Writer.Fail].
func Filter(ctx context.Context, w io.Writer, r *Reader, newWork func() Work) error {
	return (&Editor{Work: newWork}).Run(ctx, w, r)
}

// Sum copies the stream that r has to w and adds SHA-256 checksums. A stream
// that has them is checked and copied byte for byte.
func Sum(ctx context.Context, w io.Writer, r *Reader) error {
	return (&Editor{Sum: true}).Run(ctx, w, r)
}

// Verify reads the stream that r has to its end and checks everything that
// can be checked without decoding it.
func Verify(ctx context.Context, r *Reader) error {
	return r.Each(ctx, nil, nil)
}

// Editor is a filter that does more than [Filter] to a stream: to what its
// first frame says, to how many frames there are, and to what they stand for.
// The zero value copies a stream, and takes out its checksums.
//
// A filter that changes what the image holds, and not only how that is coded,
// makes another image of it, which needs an identity of its own: Info sets the
// ID to [NewID].
type Editor struct {
	// Info changes what the first frame says.
	Info func(*Info) error
	// Work makes the functions that work on frames, on all cores and in any
	// order: see [Reader.Each].
	Work func() Work
	// Frame is called for each frame in order, when Work has had it, and
	// writes with w whatever is to stand in its place: f, nothing, or as many
	// frames as it likes. If it is nil, f is written. It may keep a frame of
	// its own from one call to the next, but not f.
	Frame func(w *Writer, f *Frame) error
	// End is called when there are no more frames, before the end is written.
	End func(w *Writer) error
	// Sign is given the statement of the image (see [Reader.Statement]) and the
	// signatures that the stream has, and returns those that it is to have. It is
	// not called where there is no image. Work has to be there, and decode.
	Sign func(statement []byte, signatures [][]byte) ([][]byte, error)
	// Sum adds SHA-256 checksums. A stream that has them, and is not to be
	// changed, is copied byte for byte.
	Sum bool

	root []byte
}

// Root returns the SHA-256 over all digests of the stream that was written;
// nil where that has no checksums.
func (e *Editor) Root() []byte { return e.root }

// Run copies the stream that r has to w, edited. Where it fails, the stream
// that it writes ends by saying so: see [Writer.Fail].
func (e *Editor) Run(ctx context.Context, w io.Writer, r *Reader) error {
	info, err := r.Info()
	if err != nil {
		return Fail(w, err)
	}
	copies := e.Info == nil && e.Work == nil && e.Frame == nil && e.End == nil && e.Sign == nil
	if e.Sum && info.Summed && copies {
		return e.copySummed(ctx, w, r)
	}
	changed, err := e.describe(*info)
	if err != nil {
		return Fail(w, err)
	}
	out, err := NewWriter(w, changed)
	if out == nil {
		return Fail(w, err)
	}
	if err != nil {
		return err
	}
	if err := e.edit(ctx, out, r); err != nil {
		return out.Fail(err)
	}
	e.root = out.Root()
	return nil
}

// describe makes what the first frame is to say.
func (e *Editor) describe(info Info) (*Info, error) {
	info.Facts = slices.Clone(info.Facts)
	if e.Info != nil {
		if err := e.Info(&info); err != nil {
			return nil, err
		}
	}
	info.Summed = e.Sum
	return &info, nil
}

func (e *Editor) edit(ctx context.Context, out *Writer, r *Reader) error {
	write, work := out.Write, e.Work
	if e.Frame != nil {
		write = func(f *Frame) error { return e.Frame(out, f) }
	} else if e.Sum && !r.order.info.Summed {
		work = sealing(e.Work)
	}
	r.Digest = e.Sign != nil
	if e.Sign != nil || out.info.ID != r.order.id {
		write = unsigned(write)
	}
	if err := r.Each(ctx, work, write); err != nil {
		return err
	}
	if e.Sign != nil && !out.info.Resumed {
		if err := e.sign(out, r); err != nil {
			return err
		}
	}
	if e.End != nil {
		if err := e.End(out); err != nil {
			return err
		}
	}
	return out.Close()
}

// sealing adds to the work what a Writer of checksums would else do to one
// frame after another. The digests that frames had in a stream with checksums
// are still to be looked at, and so would be lost.
func sealing(newWork func() Work) func() Work {
	return func() Work {
		work := func(*Frame) error { return nil }
		if newWork != nil {
			work = newWork()
		}
		return func(f *Frame) error {
			if err := work(f); err != nil {
				return err
			}
			f.seq = summedSeq(f.seq)
			f.seal()
			return nil
		}
	}
}

// copySummed copies a stream as it is.
func (e *Editor) copySummed(ctx context.Context, w io.Writer, r *Reader) error {
	out := &Writer{w: w, info: *r.order.info}
	if err := out.put(&r.first); err != nil {
		return err
	}
	if err := r.each(ctx, nil, out.put); err != nil {
		return out.Fail(err)
	}
	e.root = r.Root()
	return out.put(&r.last)
}
