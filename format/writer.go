package format

import (
	"fmt"
	"io"
	"sync/atomic"
)

// Writer writes a stream. What it was given is a whole stream only after
// Close: where a program dies before, the end frame is missing, and every
// reader can tell.
type Writer struct {
	w      io.Writer
	info   Info
	seq    uint64
	totals Totals
	sums   *summer // nil where the stream has no checksums

	covered, written atomic.Int64
}

// NewWriter begins a stream by writing its first frame, which says what is in
// info: with checksum frames if info.Summed is set, and without an image if
// info.Resumed is.
func NewWriter(w io.Writer, info *Info) (*Writer, error) {
	wr := &Writer{w: w, info: *info}
	if info.Summed {
		wr.sums = newSummer()
	}
	f, err := info.first()
	if err != nil {
		return nil, err
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

// Write writes f, which goes on where the frame before it stopped.
func (w *Writer) Write(f *Frame) error {
	return w.write(f, nil)
}

// write writes f; where send is not nil, it is called to put the payload of
// f.carried bytes into w, after the header has been written.
func (w *Writer) write(f *Frame, send func() error) error {
	if f.Type != TypeData && f.Type != TypeZero && !f.Type.Ancillary() {
		return fmt.Errorf("write a frame of %v: the writer makes those itself", f.Type)
	}
	if !w.totals.fits(f, w.info.Size) {
		return fmt.Errorf("write %d bytes at image offset %d: %w", f.Length, f.Offset, ErrTiling)
	}
	if err := w.put(f); err != nil {
		return err
	}
	if send != nil {
		if err := send(); err != nil {
			return err
		}
		w.written.Add(int64(f.carried))
	}
	w.totals.add(f)
	w.covered.Store(w.totals.covered())
	if w.sums != nil && w.sums.count() == sumsEvery {
		return w.putSums()
	}
	return nil
}

// Close completes the stream. It does not close the underlying writer.
func (w *Writer) Close() error {
	var root []byte
	if w.sums != nil {
		if w.sums.count() > 0 {
			if err := w.putSums(); err != nil {
				return err
			}
		}
		root = w.sums.sum()
	}
	if got := w.totals.covered(); got != w.info.Size {
		return fmt.Errorf("end a stream of %d bytes after %d: %w", w.info.Size, got, ErrTiling)
	}
	f := &Frame{Type: TypeEnd, Length: w.info.Size}
	if err := f.setPayload(w.totals.end(root)); err != nil {
		return err
	}
	return w.put(f)
}

func (w *Writer) putSums() error {
	f, err := w.sums.frame()
	if err != nil {
		return err
	}
	return w.put(f)
}

// put numbers f and writes it, header and payload in one go.
func (w *Writer) put(f *Frame) error {
	sealed := f.summed && f.seq == w.seq && f.id == w.info.ID
	f.seq, f.id = w.seq, w.info.ID
	switch {
	case w.sums == nil || f.Type == TypeSums || f.Type == TypeEnd:
		f.putHeader()
	case !sealed:
		f.seal()
		fallthrough
	default:
		w.sums.add(f.digest[:])
	}
	w.seq++
	n, err := w.w.Write(f.wire)
	w.written.Add(int64(n))
	return err
}
