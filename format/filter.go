package format

import (
	"context"
	"io"
)

// Filter copies the stream that r has to w, with whatever newWork's functions
// make of its data frames: see [Reader.Each] for when they are called. The
// identity of the snapshot and what its first frame says stay.
//
// SHA-256 checksums are checked and not written again, since the frames are
// no longer those that they were made of: [Sum] makes new ones.
func Filter(ctx context.Context, w io.Writer, r *Reader, newWork func() Work) error {
	info, err := r.Info()
	if err != nil {
		return err
	}
	plain := *info
	plain.Summed = false
	out, err := NewWriter(w, &plain)
	if err != nil {
		return err
	}
	return r.finish(ctx, out, newWork)
}

func (r *Reader) finish(ctx context.Context, out *Writer, newWork func() Work) error {
	if err := r.Each(ctx, newWork, out.Write); err != nil {
		return err
	}
	return out.Close()
}

// Sum copies the stream that r has to w and adds SHA-256 checksums. A stream
// that has them is checked and copied byte for byte.
func Sum(ctx context.Context, w io.Writer, r *Reader) error {
	info, err := r.Info()
	if err != nil {
		return err
	}
	if info.Summed {
		return r.copySummed(ctx, w)
	}
	summed := *info
	summed.Summed = true
	out, err := NewWriter(w, &summed)
	if err != nil {
		return err
	}
	return r.finish(ctx, out, func() Work {
		return func(f *Frame) error {
			f.seq = summedSeq(f.seq)
			f.seal()
			return nil
		}
	})
}

func (r *Reader) copySummed(ctx context.Context, w io.Writer) error {
	if _, err := w.Write(r.first.wire); err != nil {
		return err
	}
	err := r.each(ctx, nil, func(f *Frame) error {
		_, err := w.Write(f.wire)
		return err
	})
	if err != nil {
		return err
	}
	_, err = w.Write(r.last.wire)
	return err
}

// Verify reads the stream that r has to its end and checks everything that
// can be checked without decoding it.
func Verify(ctx context.Context, r *Reader) error {
	return r.Each(ctx, nil, nil)
}
