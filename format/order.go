// The order of frames.

package format

import (
	"fmt"
	"io"

	"github.com/minio/sha256-simd"
)

// order is what SPEC.md demands of the frames of a stream together: where each
// may stand, and that they cover the image. It is given one after another, by
// a Reader or by whoever else has found them.
type order struct {
	id     uint64
	seq    uint64 // of the frame to come
	info   *Info  // nil before the first frame
	totals Totals
	unsum  int // frames since the last checksum frame
	signed int // how many signatures there are
	// patches: the first frame names a base.
	patches bool
}

// expects checks what can be told from the header of f alone: that f is the
// frame to come.
func (o *order) expects(f *Frame) error {
	switch {
	case o.info != nil && f.id != o.id:
		return ErrForeign
	case f.seq != o.seq:
		return fmt.Errorf("%w: it says it is frame %d", ErrSequence, f.seq)
	}
	return nil
}

// accept checks that f, which is the one to come, may stand where it does. It
// returns io.EOF for the end frame, and a [*Failure] for a failure frame. The
// payload of a data frame is none of its business.
func (o *order) accept(f *Frame) error {
	o.seq++
	if o.info == nil {
		return o.begin(f)
	}
	switch f.Type {
	case TypeImage, TypeResumed:
		return f.damage(fmt.Errorf("%w: a second first frame", ErrSequence))
	case TypeEnd:
		return o.end(f)
	case TypeFailure:
		return failure(f)
	case TypeSums:
		if !o.info.Summed || len(f.Payload()) != o.unsum*sha256.Size {
			return f.damage(fmt.Errorf("%w: wrong number of digests", ErrSums))
		}
		o.unsum = 0
		return nil
	}
	if o.unsum++; o.info.Summed && o.unsum > maxSums {
		return f.damage(fmt.Errorf("%w: no checksum frame for %d frames", ErrSums, maxSums))
	}
	switch {
	case f.Type == TypePatch && !o.patches:
		return f.damage(errNoBase)
	case f.Type == TypeSignature:
		if o.signed++; o.info.Resumed || o.signed > maxSignatures {
			return f.damage(errSignatures)
		}
	}
	if !o.totals.fits(f, o.info.Size) {
		return f.damage(ErrTiling)
	}
	o.totals.add(f)
	return nil
}

// begin checks the first frame.
func (o *order) begin(f *Frame) error {
	switch f.Type {
	case TypeImage, TypeResumed:
	case TypeFailure:
		return failure(f)
	default:
		return f.damage(fmt.Errorf("%w: the stream begins with a frame of %v", ErrSequence, f.Type))
	}
	if err := f.Check(); err != nil {
		return err
	}
	info, err := parseInfo(f)
	if err != nil {
		return f.damage(err)
	}
	o.info, o.id, o.unsum = info, f.id, 1
	_, o.patches = info.Base()
	return nil
}

// end checks the end frame against all that came before it, but for the root.
func (o *order) end(f *Frame) error {
	if err := f.Check(); err != nil {
		return err
	}
	p := f.Payload()
	switch {
	case f.Length != o.info.Size || o.totals.covered() != o.info.Size:
		return f.damage(ErrTiling)
	case string(p[:totalsSize]) != string(o.totals.end(nil)):
		return f.damage(ErrTotals)
	case o.info.Summed != (len(p) > totalsSize):
		return f.damage(fmt.Errorf("%w: the root is missing or not announced", ErrSums))
	case o.info.Summed && o.unsum != 0:
		return f.damage(fmt.Errorf("%w: no checksum frame covers the last of them", ErrSums))
	}
	return io.EOF
}

// failure returns what a failure frame says.
func failure(f *Frame) error {
	if err := f.Check(); err != nil {
		return err
	}
	said, err := parseFailure(f)
	if err != nil {
		return f.damage(err)
	}
	return said
}
