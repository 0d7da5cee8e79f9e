// What a stream is made of can be known without reading it, where it lies in a
// file: from its index, which is found from the end, or else from one header
// after another. Either way it is held against the root and against all rules that
// headers alone can break.

package format

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"
	"sort"

	"github.com/minio/sha256-simd"
)

// Contents is what a stream in a file is made of. Of the payloads only those have
// been read that are not of the image.
type Contents struct {
	// Frames are all frames, in order.
	Frames []FrameInfo
	// Indexed: that was read from the index.
	Indexed bool

	file    io.ReaderAt
	info    *Info
	totals  Totals
	root    []byte
	sums    []uint64 // numbers of checksum frames
	digests []byte   // of all other frames but the last
	signed  []signed
}

// ReadContents reads what the stream is made of that lies in file, size bytes.
// device says that anything may follow the end frame.
//
// An index in which anything is wrong is not used. What is read without it is an
// error that names the damage; and where the index says something else of a frame
// than what that is, whoever reads the frame sees it.
func ReadContents(file io.ReaderAt, size int64, device bool) (*Contents, error) {
	c, err := readIndexed(file, size)
	var damage *DamageError
	if err == nil || !errors.As(err, &damage) {
		return c, err
	}
	return readHeaders(file, size, device)
}

// Info is what the first frame says.
func (c *Contents) Info() *Info { return c.info }

// signed is a signature frame.
type signed struct {
	number  uint64
	sum     sum
	payload []byte
}

// Signatures are the payloads of the signature frames.
func (c *Contents) Signatures() (all [][]byte) {
	for _, s := range c.signed {
		all = append(all, s.payload)
	}
	return all
}

// Totals is what the end frame says.
func (c *Contents) Totals() Totals { return c.totals }

// Root is the SHA-256 over the digests of all frames; nil where there are none.
func (c *Contents) Root() []byte { return c.root }

// Size is how many bytes the stream takes.
func (c *Contents) Size() int64 {
	last := c.Frames[len(c.Frames)-1]
	return last.At + HeaderSize + int64(last.Payload)
}

// digest is that of the frame of a number, where there are checksums.
func (c *Contents) digest(number uint64) (s sum) {
	if c.root != nil {
		before := sort.Search(len(c.sums), func(i int) bool { return c.sums[i] > number })
		copy(s[:], c.digests[(number-uint64(before))*sha256.Size:])
	}
	return s
}

// reading is a Contents that is being put together.
type reading struct {
	Contents
	order order
	size  int64
	index *indexChecker
}

func newReading(file io.ReaderAt, size int64) *reading {
	return &reading{Contents: Contents{file: file}, size: size, index: newIndexChecker()}
}

// header reads the header of the frame at a byte of the file, and returns the
// length of its payload.
func (c *reading) header(f *Frame, at int64) (int, error) {
	f.at, f.seq = at, c.order.seq
	f.wire = room(f.wire)
	if at < 0 || at > c.size-HeaderSize {
		err := fmt.Errorf("%w: it stops at byte %d, without an end frame", ErrTruncated, c.size)
		if c.size == 0 {
			err = ErrEmpty
		}
		return 0, f.damage(err)
	}
	if err := readFull(c.file, f.wire, at); err != nil {
		return 0, fmt.Errorf("read the stream at byte %d: %w", at, err)
	}
	size, err := f.parseHeader()
	if err == nil && at+HeaderSize+int64(size) > c.size {
		err = fmt.Errorf("%w: it stops within this frame", ErrTruncated)
	}
	if err != nil {
		return 0, f.damage(err)
	}
	f.carried = size
	return size, nil
}

// payload reads what follows the header of f, and checks it.
func (c *reading) payload(f *Frame) error {
	f.wire, f.carried = grow(f.wire, HeaderSize+f.carried), 0
	if err := readFull(c.file, f.wire[HeaderSize:], f.at+HeaderSize); err != nil {
		return fmt.Errorf("read the stream at byte %d: %w", f.at, err)
	}
	return f.Check()
}

func readFull(file io.ReaderAt, b []byte, at int64) error {
	n, err := file.ReadAt(b, at)
	switch {
	case n == len(b):
		return nil
	case err == io.EOF:
		return io.ErrUnexpectedEOF
	}
	return err
}

// take takes the next frame, of which the header is known. It returns io.EOF when
// that was the last.
func (c *reading) take(f *Frame) error {
	if err := c.order.expects(f); err != nil {
		return f.damage(err)
	}
	last := f.Type == TypeEnd || f.Type == TypeFailure
	if last || !f.Type.forWork() || f.Type == TypeSignature || c.order.info == nil {
		if err := c.payload(f); err != nil {
			return err
		}
	}
	err := c.order.accept(f)
	if err != nil && err != io.EOF {
		return err
	}
	c.Frames = append(c.Frames, f.read)
	if f.Type == TypeSignature {
		c.signed = append(c.signed, signed{f.read.Number, sha256.Sum256(f.wire), slices.Clone(f.Payload())})
	}
	if c.info = c.order.info; !c.info.Summed {
		return err
	}
	switch f.Type {
	case TypeSums:
		c.sums = append(c.sums, f.read.Number)
		c.digests = append(c.digests, f.Payload()...)
	case TypeIndex:
		if err := c.index.check(f); err != nil {
			return err
		}
	case TypeEnd:
		c.root = append(c.root, f.Payload()[totalsSize:]...)
		if got := sha256.Sum256(c.digests); string(got[:]) != string(c.root) {
			return f.damage(fmt.Errorf("%w: the root is another", ErrSums))
		}
		for _, s := range c.signed {
			if s.sum != c.digest(s.number) {
				return f.damage(fmt.Errorf("%w: those of signatures", ErrSums))
			}
		}
	}
	c.index.add(f.read)
	return err
}

// done is what was read, with all that is known of the whole.
func (c *reading) done() *Contents {
	c.totals = c.order.totals
	return &c.Contents
}

// readHeaders reads all headers, one after another.
func readHeaders(file io.ReaderAt, size int64, device bool) (*Contents, error) {
	c, at := newReading(file, size), int64(0)
	var f Frame
	for {
		n, err := c.header(&f, at)
		if err == nil {
			err = c.take(&f)
		}
		at += HeaderSize + int64(n)
		switch {
		case err == io.EOF && !device && at < size:
			return nil, &DamageError{c.order.seq, at, -1, ErrTrailing}
		case err == io.EOF:
			return c.done(), nil
		case err != nil:
			return nil, err
		}
	}
}

// What stands behind the last index: a checksum frame with its digest, and the
// end frame.
const (
	lastSums = HeaderSize + sha256.Size
	lastEnd  = HeaderSize + totalsSize + sha256.Size
)

// readIndexed reads what the index says. Whatever is not as it should be is a
// [*DamageError].
func readIndexed(file io.ReaderAt, size int64) (*Contents, error) {
	c := newReading(file, size)
	chain, err := c.chain()
	if err != nil {
		return nil, err
	}
	for _, list := range chain {
		if err := c.takeListed(list); err != nil {
			return nil, err
		}
	}
	var f Frame
	for err = error(nil); err == nil; {
		if _, err = c.header(&f, c.index.next.at); err == nil {
			err = c.take(&f)
		}
	}
	switch {
	case err != io.EOF:
		return nil, err
	case c.Size() != size:
		return nil, f.damage(ErrTrailing)
	}
	c.Indexed = true
	return c.done(), nil
}

// chain finds the last index from the end of the file, those before it from each
// other, and returns them from the first on.
func (c *reading) chain() (all []*index, err error) {
	var f Frame
	behind := c.size - lastEnd - lastSums
	tail := make([]byte, indexTail)
	if behind < indexTail {
		return nil, f.damage(ErrIndex)
	}
	if err := readFull(c.file, tail, behind-indexTail); err != nil {
		return nil, err
	}
	length := binary.LittleEndian.Uint64(tail)
	if length > HeaderSize+MaxPayload {
		return nil, f.damage(ErrIndex)
	}
	for at, number := behind-int64(length), uint64(0); ; {
		list, err := c.list(at, number)
		if err != nil {
			return nil, err
		}
		all = append(all, list)
		if list.first == (place{}) {
			slices.Reverse(all)
			return all, nil
		}
		if list.first.number == 0 || list.first.at >= at {
			return nil, f.damage(ErrIndex)
		}
		at, number = list.first.at, list.first.number
	}
}

// list reads the index that stands at a byte of the file. Its number is not known
// of the last one, and 0.
func (c *reading) list(at int64, number uint64) (*index, error) {
	var f Frame
	if _, err := c.header(&f, at); err != nil {
		return nil, err
	}
	if f.Type != TypeIndex {
		return nil, f.damage(ErrIndex)
	}
	if err := c.payload(&f); err != nil {
		return nil, err
	}
	list, err := f.parseIndex()
	if err != nil {
		return nil, err
	}
	if !list.endsAt(place{number: f.read.Number, at: at}) || number != 0 && number != f.read.Number {
		return nil, f.damage(ErrIndex)
	}
	return list, nil
}

// takeListed takes the frames that an index lists. Those that are not of the
// image are read, and have to be what it says.
func (c *reading) takeListed(list *index) error {
	var f Frame
	for said, ok := range list.all() {
		if !ok {
			return f.damage(ErrIndex)
		}
		if err := c.takeSaid(&f, &said); err != nil {
			return err
		}
	}
	return nil
}

func (c *reading) takeSaid(f *Frame, said *FrameInfo) error {
	if c.order.info != nil && said.Type.holds() {
		*f = Frame{Type: said.Type, Codec: said.Codec, Offset: said.Offset, Length: said.Length, wire: f.wire,
			id: c.order.id, seq: said.Number, at: said.At, read: *said, carried: said.Payload}
		f.wire = f.wire[:0]
		if err := f.checkFields(uint32(said.Payload)); err != nil {
			return f.damage(err)
		}
	} else {
		if _, err := c.header(f, said.At); err != nil {
			return err
		}
		if said.Offset = f.Offset; f.read != *said { // an unknown frame may use it as it likes
			return f.damage(ErrIndex)
		}
	}
	err := c.take(f)
	if err == io.EOF {
		return f.damage(ErrIndex) // what is last is not listed
	}
	return err
}
