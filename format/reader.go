// Reading a stream, frame by frame.

package format

import (
	"bufio"
	"fmt"
	"io"
	"strings"
	"sync/atomic"
)

// Reader reads a stream frame by frame and enforces what SPEC.md demands of
// headers: order, identity, exact cover of the image, and the end frame.
//
// It does not look at the payloads of the frames that it returns. [Frame.Check]
// does that, and [Reader.Each] does it on all cores, together with the SHA-256
// checksums: most programs want Each.
//
// All methods but Progress are for one goroutine at a time.
type Reader struct {
	// Device says that the stream lies on a block device, where anything
	// may follow the end frame. Elsewhere nothing may.
	Device bool
	// Trace, if not nil, is told of every frame, the first and the last
	// included, by [Reader.Each] and all that is made of it: in order, when
	// the frame has been checked and worked on.
	Trace func(FrameInfo)

	// Base is what patch frames are the difference to, for [Reader.WriteRaw] and
	// [Reader.Salvage]. It may be nil, and otherwise has to be the one that the
	// stream names: see [Info.Whole].
	Base *Base

	// Digest has [Reader.Each], and all that is made of it, take the digest of
	// the image, for [Reader.Statement]. The work has to decode all frames, as
	// that of [Whole] and [CheckWhole] does.
	Digest bool

	raw   io.Reader
	src   *bufio.Reader
	at    int64
	order order

	first Frame
	last  Frame
	ended bool
	err   error

	pages      *pageTree // nil where that is not to be taken, or cannot
	signatures [][]byte

	covered, taken atomic.Int64
}

// A large payload goes past the buffer, straight to where it belongs; many
// headers of zero frames fit into it.
const readBuffer = 8 << 10

// NewReader returns a Reader of the stream that r has.
func NewReader(r io.Reader) *Reader {
	return &Reader{raw: r, src: bufio.NewReaderSize(r, readBuffer)}
}

// Info returns what the first frame says. It reads that frame if it has not
// been read. What it returns belongs to the Reader: who changes it works on a
// copy.
func (r *Reader) Info() (*Info, error) {
	if r.order.info == nil && r.err == nil {
		r.err = r.read(&r.first)
	}
	return r.order.info, r.err
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
	return r.order.totals
}

// Root returns the SHA-256 over all digests, which stands for the whole
// stream. It is nil before Next has returned io.EOF, and where there are no
// checksums.
func (r *Reader) Root() []byte {
	if !r.ended || !r.order.info.Summed {
		return nil
	}
	return r.last.Payload()[totalsSize:]
}

// Next reads the next frame after the first into f. It returns io.EOF when
// the end frame has been read and is right, a [*DamageError] when the stream
// is not to be trusted, a [*Failure] when it says why it has no image, and else
// the error of the underlying reader.
func (r *Reader) Next(f *Frame) error {
	if _, err := r.Info(); err != nil {
		return err
	}
	if r.ended {
		return io.EOF
	}
	err := r.read(f)
	if err == io.EOF {
		r.ended = true
		r.last, *f = *f, Frame{}
		return io.EOF
	}
	r.err = err
	return err
}

// read reads any frame, and checks it against those before it.
func (r *Reader) read(f *Frame) error {
	if err := r.readFrame(f); err != nil {
		return err
	}
	err := r.order.accept(f)
	r.taken.Store(r.at)
	r.covered.Store(r.order.totals.covered())
	if err == io.EOF && !r.Device {
		return r.nothingFollows()
	}
	return err
}

func (r *Reader) readFrame(f *Frame) error {
	f.at, f.seq = r.at, r.order.seq
	f.wire = room(f.wire)
	n, err := io.ReadFull(r.src, f.wire)
	r.at += int64(n)
	if !strings.HasPrefix(magic, string(f.wire[:min(n, len(magic))])) {
		return r.damage(f, r.badMagic(f.wire[:n]))
	}
	if err != nil {
		return r.short(f, err)
	}
	size, err := f.parseHeader()
	if err == nil {
		err = r.order.expects(f)
	}
	if err != nil {
		return r.damage(f, err)
	}
	f.wire = grow(f.wire, HeaderSize+size)
	n, err = io.ReadFull(r.src, f.wire[HeaderSize:])
	r.at += int64(n)
	if err != nil {
		return r.short(f, err)
	}
	return nil
}

// badMagic says what stands where a frame should: h, and as much behind it as
// has been read.
func (r *Reader) badMagic(h []byte) error {
	if r.order.seq == 0 {
		more, _ := r.src.Peek(min(r.src.Buffered(), sniffed-len(h)))
		return notStream(append(h[:len(h):len(h)], more...))
	}
	if err := garbled(h); err != nil {
		return err
	}
	return ErrMagic
}

// short says what an early end of the stream means.
func (r *Reader) short(f *Frame, err error) error {
	switch {
	case err != io.EOF && err != io.ErrUnexpectedEOF:
		return fmt.Errorf("read frame %d at byte %d: %w", r.order.seq, f.at, err)
	case r.at == 0:
		return r.damage(f, ErrEmpty)
	}
	return r.damage(f, fmt.Errorf("%w: it stops at byte %d, without an end frame", ErrTruncated, r.at))
}

// damage says that err is wrong with f, of whose header nothing can be
// trusted: what is known is where it should have stood.
func (r *Reader) damage(f *Frame, err error) error {
	off := int64(-1)
	if r.order.seq > 0 {
		off = r.order.totals.covered()
	}
	return &DamageError{r.order.seq, f.at, off, err}
}

// nothingFollows checks that nothing follows the end frame.
func (r *Reader) nothingFollows() error {
	switch _, err := r.src.ReadByte(); err {
	case nil:
		return &DamageError{r.order.seq, r.at, -1, ErrTrailing}
	case io.EOF:
		return io.EOF
	default:
		return fmt.Errorf("read after the end frame: %w", err)
	}
}
