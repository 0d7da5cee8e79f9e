// Writing a stream, frame by frame.

package format

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync/atomic"
)

// Writer writes a stream. What it was given is a whole stream only after
// Close: where a program dies before, the end frame is missing, and every
// reader can tell. Fail puts the reason there.
//
// A Writer writes nothing that a reader would refuse: what is asked of it that
// cannot be is an error, and leaves the stream as it was.
type Writer struct {
	w       io.Writer
	ahead   *bufio.Writer // while an image is written: what is short, on its way into w
	info    Info
	patches bool // it may have patch frames
	seq     uint64
	totals  Totals
	signed  int      // how many signatures it has
	sums    *summer  // nil where the stream has no checksums
	index   *indexer // nil where it has no checksums or no image
	root    []byte
	err     error // why nothing more can be written

	covered, written atomic.Int64
}

var errClosed = errors.New("the stream has its end")

// NewWriter begins a stream by writing its first frame, which says what is in
// info: with checksum frames if info.Summed is set, and without an image if
// info.Resumed is. Where info says what cannot be, it writes nothing and returns
// no Writer.
func NewWriter(w io.Writer, info *Info) (*Writer, error) {
	wr := &Writer{w: w, info: *info}
	wr.info.Facts = slices.Clone(info.Facts)
	_, wr.patches = info.Base()
	if info.Summed {
		wr.sums = newSummer()
		if !info.Resumed {
			wr.index = &indexer{}
		}
	}
	f, err := info.first()
	if err != nil {
		return nil, fmt.Errorf("begin a stream: %w", err)
	}
	return wr, wr.put(f)
}

// Progress returns how many bytes of the image the frames so far stand for,
// and how many bytes of the stream they take. It may be called at any time
// from any goroutine.
func (w *Writer) Progress() (image, stream int64) {
	return w.covered.Load(), w.written.Load()
}

// Totals returns what the frames written so far hold.
func (w *Writer) Totals() Totals { return w.totals }

// Root returns the SHA-256 over all digests, once the stream has its end; nil
// where there are no checksums.
func (w *Writer) Root() []byte { return w.root }

// At returns where in the image the next data or zero frame has to begin.
func (w *Writer) At() int64 { return w.totals.covered() }

// Write writes f, a data, zero or ancillary frame. Data and zero frames go on
// in the image where the one before them stopped.
func (w *Writer) Write(f *Frame) error { return w.write(f, nil) }

// fits returns an error unless a reader would take f as the next frame.
func (w *Writer) fits(f *Frame) error {
	switch {
	case !f.Type.holds() && !f.Type.Ancillary(), f.Type == TypeIndex:
		return fmt.Errorf("%w: it is not for others to write", ErrField)
	case f.Type == TypePatch && !w.patches:
		return errNoBase
	case f.Type == TypeSignature && (w.info.Resumed || w.signed == maxSignatures):
		return errSignatures
	case f.form.typ != f.Type, !f.Type.Ancillary() && f.form != form{f.Type, f.Codec, f.Length}:
		return fmt.Errorf("%w: its fields say something else than what it was made by SetRaw, SetZero or SetAncillary", ErrField)
	case !w.totals.fits(f, w.info.Size):
		return fmt.Errorf("%d bytes after %d of %d: %w", f.Length, w.totals.covered(), w.info.Size, ErrTiling)
	}
	return f.checkFields(uint32(len(f.Payload()) + f.carried))
}

// write writes f; where send is not nil, it is called to put the payload of
// f.carried bytes into w, after the header has been written.
func (w *Writer) write(f *Frame, send func() error) error {
	if w.err != nil {
		return w.err
	}
	if err := w.fits(f); err != nil {
		return fmt.Errorf("write a frame of %v at image offset %d: %w", f.Type, f.Offset, err)
	}
	if err := w.put(f); err != nil {
		return err
	}
	if send != nil {
		if err := w.flush(); err != nil {
			return err
		}
		if w.err = send(); w.err != nil {
			return w.err
		}
		w.written.Add(int64(f.carried))
	}
	if f.Type == TypeSignature {
		w.signed++
	}
	w.totals.add(f)
	w.covered.Store(w.totals.covered())
	return w.between()
}

// between writes the checksum frame or the index that is due between two frames.
func (w *Writer) between() error {
	if w.sums != nil && w.sums.count() == sumsEvery {
		if err := w.putSums(); err != nil {
			return err
		}
	}
	if w.index != nil && w.index.full() {
		return w.putIndex()
	}
	return nil
}

// Close completes the stream. It does not close the underlying writer.
func (w *Writer) Close() error {
	if w.err != nil {
		return w.err
	}
	if got := w.totals.covered(); got != w.info.Size {
		return fmt.Errorf("end a stream of %d bytes after %d: %w", w.info.Size, got, ErrTiling)
	}
	if w.sums != nil {
		if err := w.endSums(); err != nil {
			return err
		}
		w.root = w.sums.sum()
	}
	f := &Frame{Type: TypeEnd, Length: w.info.Size}
	if err := f.setPayload(w.totals.end(w.root)); err != nil {
		return err
	}
	return w.last(f)
}

// Fail ends the stream by saying why it has no end, as [Fail] does, and
// returns err. It writes nothing where the stream already broke off in
// mid-frame, or where err is that somebody ended this program: what is killed
// leaves a stream that was cut off.
func (w *Writer) Fail(err error) error {
	if w.err != nil || errors.Is(err, context.Canceled) {
		return err
	}
	if f, unmade := failureOf(err).frame(); unmade == nil {
		w.last(f) // where that fails too, the stream is one that was cut off
	}
	return err
}

// last writes the last frame.
func (w *Writer) last(f *Frame) error {
	err := w.put(f)
	if w.err == nil {
		w.err = errClosed
	}
	return err
}

// endSums writes the last checksum frames. The index has one for itself, so that
// what is behind it always takes as many bytes.
func (w *Writer) endSums() error {
	if w.sums.count() > 0 {
		if err := w.putSums(); err != nil {
			return err
		}
	}
	if w.index == nil {
		return nil
	}
	if err := w.putIndex(); err != nil {
		return err
	}
	return w.putSums()
}

func (w *Writer) putIndex() error {
	f, err := w.index.frame()
	if err != nil {
		return err
	}
	w.index.restart()
	return w.put(f)
}

func (w *Writer) putSums() error {
	f, err := w.sums.frame()
	if err != nil {
		return err
	}
	return w.put(f)
}

// gather is how much is written at once, of frames that are shorter.
const gather = 64 << 10

// gathering calls f, during which short frames are gathered, and written with
// the next long one, at the end, or when there are many.
func (w *Writer) gathering(f func() error) error {
	w.ahead = bufio.NewWriterSize(w.w, gather)
	err := f()
	flushed := w.flush() // after an error too: a failure frame comes next
	w.ahead = nil
	if err == nil {
		err = flushed
	}
	return err
}

// flush writes what has been gathered.
func (w *Writer) flush() error {
	if w.err == nil && w.ahead != nil {
		w.err = w.ahead.Flush()
	}
	return w.err
}

// put numbers f and writes it, header and payload in one go.
func (w *Writer) put(f *Frame) error {
	if w.err != nil {
		return w.err
	}
	sealed := f.summed && f.seq == w.seq && f.id == w.info.ID
	f.seq, f.id = w.seq, w.info.ID
	switch {
	case w.sums == nil || f.Type == TypeSums || f.Type == TypeEnd || f.Type == TypeFailure:
		f.putHeader()
	case !sealed:
		f.seal()
		fallthrough
	default:
		w.sums.add(f.digest[:])
	}
	w.seq++
	if w.index != nil {
		w.index.add(FrameInfo{Type: f.Type, Codec: f.Codec, Length: f.Length, Payload: len(f.Payload()) + f.carried})
	}
	to := w.w
	if w.ahead != nil {
		to = w.ahead
	}
	n, err := to.Write(f.wire)
	w.written.Add(int64(n))
	w.err = err
	return err
}
