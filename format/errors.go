// What can be wrong with a stream.

package format

import (
	"errors"
	"fmt"
)

// What can be wrong with a stream. Readers return these inside a
// [*DamageError], which says where.
var (
	// ErrEmpty: there is nothing at all, as from a program that died before
	// its first frame.
	ErrEmpty = errors.New("the stream is empty: what should have written it wrote nothing")
	// ErrMagic: what stands here is no frame.
	ErrMagic = errors.New("there is no frame here")
	// ErrTextMode: the stream went through something that takes it for text.
	ErrTextMode = errors.New("the stream was changed by a text-mode transfer")
	// ErrTruncated: the stream stops before its end frame.
	ErrTruncated = errors.New("the stream is truncated")
	// ErrHeader: a frame header does not match its checksum.
	ErrHeader = errors.New("the frame header is damaged")
	// ErrPayload: a payload does not match its checksum.
	ErrPayload = errors.New("the payload is damaged")
	// ErrRaw: a payload decodes to other bytes than were encoded, though it
	// is undamaged: a faulty codec, or faulty memory where it was encoded.
	ErrRaw = errors.New("the decoded bytes do not match their checksum")
	// ErrCodec: a payload cannot be decoded, though it is undamaged.
	ErrCodec = errors.New("the payload cannot be decoded")
	// ErrField: an undamaged header says what no writer may say.
	ErrField = errors.New("the frame header makes no sense")
	// ErrForeign: an undamaged frame belongs to another stream, as where an
	// older image lies behind a newer one that was cut off.
	ErrForeign = errors.New("the frame belongs to another stream")
	// ErrSequence: frames are missing, repeated or swapped.
	ErrSequence = errors.New("frames are missing, repeated or out of order")
	// ErrTiling: data and zero frames leave a gap, overlap, or do not fill
	// the image.
	ErrTiling = errors.New("the frames do not cover the image exactly")
	// ErrSums: a checksum frame or the root does not match the frames.
	ErrSums = errors.New("the SHA-256 checksums do not match")
	// ErrIndex: an index says something else of the frames than what they
	// are.
	ErrIndex = errors.New("the index is wrong")
	// ErrTotals: the end frame does not match what came before it.
	ErrTotals = errors.New("the totals in the end frame are wrong")
	// ErrTrailing: something follows the end frame.
	ErrTrailing = errors.New("something follows the end frame")
	// ErrPatch: a patch frame says what no writer may say.
	ErrPatch = errors.New("the patch makes no sense")
	// ErrBase: a patch frame was met where its base is not known.
	ErrBase = errors.New("the part is stored as the difference to another image, which is not there")
	// ErrUnsummed: there are no SHA-256 checksums where they are needed.
	ErrUnsummed = errors.New("the stream has no SHA-256 checksums")
	// ErrUnsupported: the stream is undamaged as far as can be seen, but
	// uses something that this version does not know.
	ErrUnsupported = errors.New("not supported")
)

// DamageError is the error of everything that reads a stream it cannot trust.
type DamageError struct {
	Frame  uint64 // number of the frame, from 0
	At     int64  // byte of the stream at which the frame begins
	Offset int64  // byte of the image at which it begins, or -1 if unknown
	Err    error  // one of the errors above, perhaps with more
}

func (e *DamageError) Error() string {
	where := fmt.Sprintf("frame %d at byte %d", e.Frame, e.At)
	if e.Offset >= 0 {
		where += fmt.Sprintf(" (image offset %d)", e.Offset)
	}
	return where + ": " + e.Err.Error()
}

func (e *DamageError) Unwrap() error { return e.Err }

// damage says that err is wrong with f.
func (f *Frame) damage(err error) error {
	return &DamageError{f.seq, f.at, f.inImage(), err}
}
