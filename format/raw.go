package format

import (
	"context"
	"io"

	"snappipe/format/codec"
)

// WriteRaw decodes the rest of the stream that r has and writes each data
// frame's part of the image to w, at its place. Zeros are not written. Calls
// of w.WriteAt are made one at a time and in ascending order, unless
// unordered is set: then all cores make them.
//
// What has been written is the whole image only when WriteRaw returns nil.
func (r *Reader) WriteRaw(ctx context.Context, w io.WriterAt, unordered bool) error {
	put := func(f *Frame) error {
		if f.Type != TypeData {
			return nil
		}
		_, err := w.WriteAt(f.Payload(), f.Offset)
		return err
	}
	if !unordered {
		return r.Each(ctx, Decompress, put)
	}
	return r.Each(ctx, func() Work {
		decompress := Decompress()
		return func(f *Frame) error {
			if err := decompress(f); err != nil {
				return err
			}
			return put(f)
		}
	}, nil)
}

// Decompress is the work of taking compression off: for [Filter] and
// [Reader.Each].
func Decompress() Work { return onData((*Frame).Decompress) }

// CheckRaw is the work of decoding each data frame, to see whether that gives
// what its checksum says; the frame stays as it is: for [Reader.Each].
func CheckRaw() Work { return onData((*Frame).CheckRaw) }

func onData(decode func(*Frame, *codec.Decoder) error) Work {
	var dec codec.Decoder
	return func(f *Frame) error {
		if f.Type != TypeData {
			return nil
		}
		return decode(f, &dec)
	}
}

// Compress returns the work of compressing with a codec at a level, whatever
// the codec was before: for [Filter] and [Reader.Each]. Frames that have that
// codec already are coded again, at another level perhaps, only if recode is
// set.
func Compress(c codec.Codec, level int, recode bool) (func() Work, error) {
	if _, err := c.NewEncoder(level); err != nil {
		return nil, err
	}
	return func() Work {
		decompress := Decompress()
		enc, _ := c.NewEncoder(level) // it was made once, so it can be made again
		return func(f *Frame) error {
			if f.Type != TypeData || f.Codec == c.ID && !recode {
				return nil
			}
			if err := decompress(f); err != nil {
				return err
			}
			return f.Compress(enc)
		}
	}, nil
}
