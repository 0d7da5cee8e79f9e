package format

import (
	"bufio"
	"fmt"
	"io"
	"sync/atomic"

	"github.com/minio/sha256-simd"
)

// Reader reads a stream frame by frame and enforces what SPEC.md demands of
// headers: order, identity, exact cover of the image, and the end frame.
//
// It does not look at the payloads of the frames that it returns. [Frame.Check]
// does that, and [Reader.Each] does it on all cores, together with the SHA-256
// checksums: most programs want Each.
type Reader struct {
	// Device says that the stream lies on a block device, where anything
	// may follow the end frame. Elsewhere nothing may.
	Device bool

	src    *bufio.Reader
	at     int64
	seq    uint64
	totals Totals
	unsum  int // frames since the last checksum frame

	first Frame
	info  *Info
	last  Frame
	ended bool
	err   error

	covered, taken atomic.Int64
}

// A large payload goes past the buffer, straight to where it belongs; many
// headers of zero frames fit into it.
const readBuffer = 8 << 10

// NewReader returns a Reader of the stream that r has.
func NewReader(r io.Reader) *Reader {
	return &Reader{src: bufio.NewReaderSize(r, readBuffer)}
}

// Info returns what the first frame says. It reads that frame if it has not
// been read.
func (r *Reader) Info() (*Info, error) {
	if r.info == nil && r.err == nil {
		r.info, r.err = r.readFirst()
	}
	return r.info, r.err
}

// Progress returns how many bytes of the image the frames so far stand for,
// and how many bytes of the stream they take. It may be called at any time
// from any goroutine.
func (r *Reader) Progress() (image, stream int64) {
	return r.covered.Load(), r.taken.Load()
}

// Totals returns what the end frame says; it is zero before Next has
// returned io.EOF.
func (r *Reader) Totals() Totals {
	if !r.ended {
		return Totals{}
	}
	return r.totals
}

// Next reads the next frame after the first into f. It returns io.EOF when
// the end frame has been read and is right, a [*DamageError] when the stream
// is not to be trusted, and else the error of the underlying reader.
func (r *Reader) Next(f *Frame) error {
	if _, err := r.Info(); err != nil {
		return err
	}
	if r.ended {
		return io.EOF
	}
	if r.err = r.next(f); r.err != nil {
		return r.err
	}
	if f.Type != TypeEnd {
		return nil
	}
	r.ended = true
	r.last.wire = append(r.last.wire[:0], f.wire...)
	return io.EOF
}

func (r *Reader) readFirst() (*Info, error) {
	f := &r.first
	if err := r.read(f); err != nil {
		return nil, err
	}
	if f.Type != TypeImage && f.Type != TypeResumed {
		return nil, f.damage(fmt.Errorf("%w: the stream begins with a frame of %v", ErrSequence, f.Type))
	}
	if err := f.Check(); err != nil {
		return nil, err
	}
	info, err := parseInfo(f)
	if err != nil {
		return nil, f.damage(err)
	}
	r.unsum = 1
	return info, nil
}

func (r *Reader) next(f *Frame) error {
	if err := r.read(f); err != nil {
		return err
	}
	switch f.Type {
	case TypeImage, TypeResumed:
		return f.damage(fmt.Errorf("%w: a second first frame", ErrSequence))
	case TypeEnd:
		return r.checkEnd(f)
	case TypeSums:
		if !r.info.Summed || len(f.Payload()) != r.unsum*sha256.Size {
			return f.damage(fmt.Errorf("%w: wrong number of digests", ErrSums))
		}
		r.unsum = 0
		return nil
	}
	if r.unsum++; r.info.Summed && r.unsum > maxSums {
		return f.damage(fmt.Errorf("%w: no checksum frame for %d frames", ErrSums, maxSums))
	}
	if !r.totals.fits(f, r.info.Size) {
		return f.damage(ErrTiling)
	}
	r.totals.add(f)
	r.covered.Store(r.totals.covered())
	return nil
}

// read reads any frame, and checks what can be checked of its header alone
// and against the frame before it.
func (r *Reader) read(f *Frame) error {
	f.at, f.seq = r.at, r.seq
	f.wire = room(f.wire)
	n, err := io.ReadFull(r.src, f.wire)
	r.at += int64(n)
	if err != nil {
		return r.short(f, err)
	}
	size, err := f.parseHeader()
	switch {
	case err != nil:
	case r.seq > 0 && f.id != r.first.id:
		err = ErrForeign
	case f.seq != r.seq:
		err = fmt.Errorf("%w: it says it is frame %d", ErrSequence, f.seq)
	}
	if err != nil {
		return r.damage(f, err)
	}
	if err := r.readPayload(f, size); err != nil {
		return err
	}
	r.seq++
	r.taken.Store(r.at)
	return nil
}

func (r *Reader) readPayload(f *Frame, size int) error {
	f.wire = grow(f.wire, HeaderSize+size)
	n, err := io.ReadFull(r.src, f.wire[HeaderSize:])
	r.at += int64(n)
	if err != nil {
		return r.short(f, err)
	}
	return nil
}

// short says what an early end of the stream means.
func (r *Reader) short(f *Frame, err error) error {
	switch {
	case err != io.EOF && err != io.ErrUnexpectedEOF:
		return fmt.Errorf("read frame %d at byte %d: %w", f.seq, f.at, err)
	case r.at == 0:
		return r.damage(f, ErrEmpty)
	}
	return r.damage(f, fmt.Errorf("%w: it stops at byte %d, without an end frame", ErrTruncated, r.at))
}

// damage says that err is wrong with f, of whose header nothing can be
// trusted: what is known is where it should have stood.
func (r *Reader) damage(f *Frame, err error) error {
	off := int64(-1)
	if r.seq > 0 {
		off = r.totals.covered()
	}
	return &DamageError{r.seq, f.at, off, err}
}

func (r *Reader) checkEnd(f *Frame) error {
	if err := f.Check(); err != nil {
		return err
	}
	p := f.Payload()
	switch {
	case f.Length != r.info.Size || r.totals.covered() != r.info.Size:
		return f.damage(ErrTiling)
	case string(p[:totalsSize]) != string(r.totals.end(nil)):
		return f.damage(ErrTotals)
	case r.info.Summed != (len(p) > totalsSize):
		return f.damage(fmt.Errorf("%w: the root is missing or not announced", ErrSums))
	case r.info.Summed && r.unsum != 0:
		return f.damage(fmt.Errorf("%w: %d frames have none", ErrSums, r.unsum))
	case r.Device:
		return nil
	}
	if _, err := r.src.ReadByte(); err == nil {
		f.at = r.at
		return f.damage(ErrTrailing)
	} else if err != io.EOF {
		return fmt.Errorf("read after the end frame: %w", err)
	}
	return nil
}

// root is the SHA-256 over all digests that the end frame has.
func (r *Reader) root() []byte { return r.last.Payload()[totalsSize:] }
