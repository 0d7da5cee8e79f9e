// From frames to an image.

package format

import (
	"context"
	"io"

	"snappipe/format/codec"
)

// WriteRaw decodes the rest of the stream that r has and writes each data
// frame's part of the image to w, at its place. Zeros are not written. Calls
// of w.WriteAt are made one at a time and in ascending order; but when unordered,
// which may be nil, has come to say true, all cores make them.
//
// What has been written is the whole image only when WriteRaw returns nil.
func (r *Reader) WriteRaw(ctx context.Context, w io.WriterAt, unordered func() bool) error {
	put := func(f *Frame) error {
		if f.Type != TypeData || f.written {
			return nil
		}
		_, err := w.WriteAt(f.Payload(), f.Offset)
		return err
	}
	return r.Each(ctx, func() Work {
		decode := decode(r.Base)
		return func(f *Frame) error {
			err := decode(f)
			if f.written = false; err != nil || unordered == nil || !unordered() {
				return err
			}
			err = put(f)
			f.written = true
			return err
		}
	}, put)
}

// Decompress is the work of taking compression off: for [Filter] and
// [Reader.Each]. What is stored as the difference to another image is an error
// to it: [Whole] is for that.
func Decompress() Work { return decode(nil) }

// Whole is the work of making data frames without compression of all data and
// patch frames, base being what the latter are the difference to: for
// [Filter] and [Reader.Each].
func Whole(base *Base) func() Work {
	return func() Work { return decode(base) }
}

func decode(base *Base) Work {
	p := newPatcher(base)
	return func(f *Frame) error {
		switch f.Type {
		case TypeData:
			return f.Decompress(&p.dec)
		case TypePatch:
			return p.apply(f)
		}
		return nil
	}
}

// CheckWhole returns the work of decoding each data and patch frame, to see whether
// that gives what its checksum says; the frame stays as it is: for [Reader.Each].
// If base is nil, what a patch frame says is decoded, but not compared with anything.
func CheckWhole(base *Base) func() Work {
	return func() Work {
		p := newPatcher(base)
		return func(f *Frame) error {
			switch {
			case f.Type == TypeData:
				return f.CheckRaw(&p.dec)
			case f.Type == TypePatch && base == nil:
				return p.checkCoded(f)
			case f.Type == TypePatch:
				return p.check(f)
			}
			return nil
		}
	}
}

// Compress returns the work of compressing with a codec at a level, whatever
// the codec was before: for [Filter] and [Reader.Each]. Frames that have that
// codec already are coded again, at another level perhaps, only if recode is
// set. None takes compression off. What is stored as the difference to another
// image stays that.
func Compress(c codec.Codec, level int, recode bool) (func() Work, error) {
	if _, err := c.NewEncoder(level); err != nil {
		return nil, err
	}
	return func() Work {
		p := newPatcher(nil)
		enc, _ := c.NewEncoder(level) // it was made once, so it can be made again
		return func(f *Frame) error {
			switch {
			case f.Codec == c.ID && !recode:
				return nil
			case f.Type == TypePatch:
				return p.recode(f, enc)
			case f.Type != TypeData:
				return nil
			}
			if err := f.Decompress(&p.dec); err != nil || enc == nil {
				return err
			}
			return f.Compress(enc)
		}
	}, nil
}

// Patch returns the work of making of each data frame a patch frame, its
// difference to base, which has to have been learned: see [OpenBase]. What is
// not like anything in the base is compressed as [Compress] does, and so are
// the differences.
func Patch(base *Base, c codec.Codec, level int) (func() Work, error) {
	if _, err := c.NewEncoder(level); err != nil {
		return nil, err
	}
	return func() Work {
		l := newLikeness(base)
		enc, _ := c.NewEncoder(level) // it was made once, so it can be made again
		return func(f *Frame) error {
			if f.Type != TypeData {
				return nil
			}
			if err := f.Decompress(&l.dec); err != nil {
				return err
			}
			if done, err := l.patch(f, enc); done || err != nil || enc == nil {
				return err
			}
			return f.Compress(enc)
		}
	}, nil
}
