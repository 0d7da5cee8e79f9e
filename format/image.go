// From an image to frames.

package format

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"iter"
	"os"
	"sync"

	"snappipe/format/codec"
)

// Image is what a stream is made of: a flat array of bytes.
//
// An Image may have more methods, which save copies:
//
//	Bytes() []byte
//	PipeTo(w *os.File, off, n int64) (int64, error)
//	Peek(p []byte, off int64) error
//	ReadNext(p []byte, off int64) error
//
// Bytes is the whole image in memory. PipeTo moves n bytes at off into the
// pipe w and returns how many it moved; [errors.ErrUnsupported] means that
// the rest has to be written. Peek is ReadAt for what PipeTo is likely to move
// next, if it was of the last [FrameSize] bytes; it is called in the order of the
// image, by the goroutine that calls PipeTo, and [errors.ErrUnsupported] means that
// ReadAt has to do. ReadNext is ReadAt for who reads the image in order; it is called by
// one goroutine, and [errors.ErrUnsupported] means the same.
type Image interface {
	// Size is the length of the image in bytes.
	Size() int64
	// Data yields offset and length of each part of the image that may hold
	// anything but zeros, in ascending order and not overlapping.
	Data() iter.Seq2[int64, int64]
	// ReadAt is called from several goroutines at once, within one part of
	// Data at a time.
	io.ReaderAt
}

type mapped interface{ Bytes() []byte }

type piper interface {
	PipeTo(w *os.File, off, n int64) (int64, error)
}

type sequential interface {
	ReadNext(p []byte, off int64) error
}

type peeker interface {
	piper
	Peek(p []byte, off int64) error
}

// WriteImage writes all of img as data and zero frames. Pages that hold only
// zeros, wherever they are, do not become data. If the Writer writes to a
// pipe and the image can, data moves into it without being copied.
//
// WriteImage does not close the Writer.
func (w *Writer) WriteImage(ctx context.Context, img Image) error {
	return (&imageWriter{w: w, img: img, pipe: pipeOf(w.w, img)}).run(ctx)
}

// WriteCoded is [Writer.WriteImage] with what newWork's functions make of the data
// frames, as [Filter] has them do: on all cores and in any order.
func (w *Writer) WriteCoded(ctx context.Context, img Image, newWork func() Work) error {
	return (&imageWriter{w: w, img: img, newWork: newWork}).run(ctx)
}

func (iw *imageWriter) run(ctx context.Context) error {
	w, img := iw.w, iw.img
	if iw.pipe != nil && w.sums == nil { // else its bytes are written
		iw.peek, _ = img.(peeker)
	}
	if iw.pipe == nil { // which would be given anew what was read already
		iw.next, _ = img.(sequential)
	}
	next, stop := pull(chunks(img))
	defer stop()
	return w.gathering(func() error {
		if err := iw.peekThrough(ctx, next); err != nil {
			return err
		}
		if err := iw.readThrough(ctx, next); err != nil {
			return err
		}
		return iw.flushZeros()
	})
}

// peekThrough writes chunk by chunk what an image shows on its way into the pipe, if
// it does that: up to the end, or where it does it no more.
func (iw *imageWriter) peekThrough(ctx context.Context, next func() ([]extent, bool)) error {
	var c chunk
	for ok := true; iw.peek != nil && ctx.Err() == nil; {
		if c.parts, ok = next(); !ok {
			break
		}
		if err := iw.look(&c); err != nil {
			return err
		}
		if err := iw.put(&c); err != nil {
			return err
		}
	}
	return ctx.Err()
}

// readThrough writes what is left, by all cores.
func (iw *imageWriter) readThrough(ctx context.Context, next func() ([]extent, bool)) error {
	works := make([]func(*chunk) error, workers())
	for i := range works {
		works[i] = iw.worker()
	}
	return Pipe(ctx, make([]chunk, 2*len(works)+1), func(c *chunk) (err error) {
		var ok bool
		if c.parts, ok = next(); !ok {
			return io.EOF
		}
		return iw.readNext(c)
	}, works, iw.put)
}

// worker returns what one of the cores does to each chunk that it gets.
func (iw *imageWriter) worker() func(*chunk) error {
	if iw.newWork == nil {
		return iw.look
	}
	work := iw.newWork()
	return func(c *chunk) error {
		if err := iw.look(c); err != nil {
			return err
		}
		return c.code(work)
	}
}

// pull is iter.Pull, for a reader of [Pipe]: that may be at work still when the
// others have given up, and then finds that there is no more.
func pull[T any](seq iter.Seq[T]) (next func() (T, bool), stop func()) {
	var mu sync.Mutex
	n, s := iter.Pull(seq)
	next = func() (T, bool) {
		mu.Lock()
		defer mu.Unlock()
		return n()
	}
	stop = func() {
		mu.Lock()
		defer mu.Unlock()
		s()
	}
	return next, stop
}

// pipeOf returns the pipe that w is, if img can move its pages into it.
func pipeOf(w io.Writer, img Image) *os.File {
	f, ok := w.(*os.File)
	if _, can := img.(piper); !ok || !can {
		return nil
	}
	if st, err := f.Stat(); err != nil || st.Mode()&os.ModeNamedPipe == 0 {
		return nil
	}
	return f
}

// extent is a part of an image: data, or known to be zeros.
type extent struct {
	off, n int64
	zero   bool
}

// chunks cuts the image into what is read at once: what there is of data within
// each FrameSize bytes. No frame goes beyond one, so that the same memory gives
// the same frames in every snapshot.
func chunks(img Image) iter.Seq[[]extent] {
	return func(yield func([]extent) bool) {
		var c []extent
		add := func(e extent) bool {
			if len(c) > 0 && c[0].off/FrameSize != e.off/FrameSize {
				if !yield(c) {
					return false
				}
				c = nil
			}
			c = append(c, e)
			return true
		}
		at := int64(0)
		for off, n := range img.Data() {
			if off > at && !add(extent{at, off - at, true}) {
				return
			}
			for at = off; at < off+n; {
				end := min(off+n, (at/FrameSize+1)*FrameSize)
				if !add(extent{at, end - at, false}) {
					return
				}
				at = end
			}
		}
		if at < img.Size() && !add(extent{at, img.Size() - at, true}) {
			return
		}
		if len(c) > 0 {
			yield(c)
		}
	}
}

// chunk is some extents in a row, and what a worker found out about them.
type chunk struct {
	parts []extent
	buf   []byte
	full  bool // buf has the parts already
	runs  []run
	coded []Frame // of those runs that are not zeros, where they are worked on
}

// run is a part of an extent that is all zeros or has no page that is.
type run struct {
	extent
	bytes []byte
	crc   uint32
}

type imageWriter struct {
	w       *Writer
	img     Image
	newWork func() Work // what is done to data frames, or nil
	pipe    *os.File    // or nil
	peek    peeker      // likewise
	next    sequential  // likewise
	zeros   extent      // seen, but not written yet
	frame   Frame
}

// piece is how much is looked at at once: what stays in a processor's cache between
// its being read and its checksum.
const piece = 256 << 10

// look reads a chunk, finds its zero pages and takes checksums of the rest.
func (iw *imageWriter) look(c *chunk) error {
	c.runs = c.runs[:0]
	for _, e := range c.parts {
		if e.zero {
			c.runs = append(c.runs, run{extent: e})
			continue
		}
		first := len(c.runs)
		for at := e.off; at < e.off+e.n; at += piece {
			b, err := iw.read(c, extent{off: at, n: min(piece, e.off+e.n-at)})
			if err != nil {
				return fmt.Errorf("read the image at %d: %w", at, err)
			}
			c.add(b, at, first)
		}
	}
	return nil
}

// add takes in some more of an extent, of which the runs from first on are.
func (c *chunk) add(b []byte, off int64, first int) {
	for len(b) > 0 {
		n, zero := firstRun(b)
		if len(c.runs) == first || c.runs[len(c.runs)-1].zero != zero {
			c.runs = append(c.runs, run{extent: extent{off, 0, zero}, bytes: b[:0]})
		}
		r := &c.runs[len(c.runs)-1]
		if !zero {
			r.crc = crc32.Update(r.crc, castagnoli, b[:n])
		}
		r.n += int64(n)
		r.bytes = r.bytes[:r.n] // they lie behind each other
		b, off = b[n:], off+int64(n)
	}
}

// code makes frames of the runs, and has work change them.
func (c *chunk) code(work Work) error {
	c.coded = c.coded[:0]
	for _, r := range c.runs {
		if r.zero {
			continue
		}
		if len(c.coded) == cap(c.coded) {
			c.coded = append(c.coded, Frame{})
		} else {
			c.coded = c.coded[:len(c.coded)+1] // which may have a buffer
		}
		f := &c.coded[len(c.coded)-1]
		f.begin(r)
		f.wire = append(f.wire, r.bytes...)
		if err := work(f); err != nil {
			return err
		}
	}
	return nil
}

// begin makes f the frame of a run, but for its payload.
func (f *Frame) begin(r run) {
	f.Type, f.Codec, f.Offset, f.Length = TypeData, codec.None, r.off, r.n
	f.crc, f.rawCRC, f.summed, f.carried = r.crc, r.crc, false, 0
	f.wire = room(f.wire)
	f.formed()
}

// readNext fills a chunk, if the image is one that is read in order.
func (iw *imageWriter) readNext(c *chunk) error {
	c.full = iw.next != nil
	for _, e := range c.parts {
		if e.zero || !c.full {
			continue
		}
		err := iw.next.ReadNext(c.room(e), e.off)
		if errors.Is(err, errors.ErrUnsupported) {
			iw.next, c.full = nil, false
		} else if err != nil {
			return fmt.Errorf("read the image at %d: %w", e.off, err)
		}
	}
	return nil
}

// room is where the bytes of an extent are while the chunk is worked on.
func (c *chunk) room(e extent) []byte {
	if c.buf == nil {
		c.buf = make([]byte, FrameSize)
	}
	return c.buf[e.off%FrameSize:][:e.n]
}

// read returns the bytes of an extent.
func (iw *imageWriter) read(c *chunk, e extent) ([]byte, error) {
	if m, ok := iw.img.(mapped); ok {
		return m.Bytes()[e.off : e.off+e.n], nil
	}
	b := c.room(e)
	if c.full {
		return b, nil
	}
	if iw.peek != nil {
		err := iw.peek.Peek(b, e.off)
		if !errors.Is(err, errors.ErrUnsupported) {
			return b, err
		}
		iw.peek = nil
	}
	n, err := iw.img.ReadAt(b, e.off)
	if int64(n) == e.n {
		return b, nil
	}
	if err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	return nil, err
}

var zeroPage [PageSize]byte

// firstRun returns the length of the longest run of zero pages, or of other
// pages, that b begins with.
func firstRun(b []byte) (n int, zero bool) {
	zero = isZero(b[:min(PageSize, len(b))])
	for n < len(b) {
		page := b[n:min(n+PageSize, len(b))]
		if isZero(page) != zero {
			break
		}
		n += len(page)
	}
	return n, zero
}

func isZero(page []byte) bool {
	// Most pages that are not zero show it in their first bytes.
	return page[0] == 0 && bytes.Equal(page, zeroPage[:len(page)])
}

// put writes the frames of a chunk.
func (iw *imageWriter) put(c *chunk) error {
	coded := c.coded
	for _, r := range c.runs {
		if r.zero {
			if iw.zeros.n == 0 {
				iw.zeros.off = r.off
			}
			iw.zeros.n += r.n
			continue
		}
		if err := iw.flushZeros(); err != nil {
			return err
		}
		if iw.newWork == nil {
			if err := iw.putData(r); err != nil {
				return err
			}
			continue
		}
		if err := iw.w.Write(&coded[0]); err != nil {
			return err
		}
		coded = coded[1:]
	}
	return nil
}

// flushZeros writes the run of zeros that may have begun some chunks ago.
func (iw *imageWriter) flushZeros() error {
	if iw.zeros.n == 0 {
		return nil
	}
	iw.frame.Offset = iw.zeros.off
	if err := iw.frame.SetZero(iw.zeros.n); err != nil {
		return err
	}
	iw.zeros.n = 0
	return iw.w.Write(&iw.frame)
}

// small is up to which length it is cheaper to copy data behind its header
// than to write the two apart.
const small = 64 << 10

func (iw *imageWriter) putData(r run) error {
	f := &iw.frame
	f.begin(r)
	if iw.w.sums != nil || r.n <= small {
		f.wire = append(f.wire, r.bytes...)
		return iw.w.Write(f)
	}
	f.carried = len(r.bytes)
	return iw.w.write(f, func() error { return iw.send(r) })
}

// send writes the bytes of r.
func (iw *imageWriter) send(r run) error {
	b := r.bytes
	if iw.pipe != nil {
		n, err := iw.img.(piper).PipeTo(iw.pipe, r.off, r.n)
		if !errors.Is(err, errors.ErrUnsupported) {
			return err
		}
		iw.pipe, b = nil, b[n:]
	}
	_, err := iw.w.w.Write(b)
	return err
}
