// An index says of the frames before it what their headers do, so that a reader
// which can seek finds any of them without the others. It stands at the end, since
// only there a writer that cannot seek knows them all.

package format

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash"
	"iter"

	"github.com/minio/sha256-simd"

	"snappipe/format/codec"
)

const (
	indexHead  = 3 * 8 // place of the first frame that is listed
	indexEntry = 16    // for each frame
	indexTail  = 8     // length of the index frame
	// indexEvery is after how many frames a Writer puts an index into their
	// midst, from which the next one goes on: it keeps a list of 1 MiB, and one
	// frame may have four.
	indexEvery = 1 << 16
)

// place is where a frame stands.
type place struct {
	number uint64
	at     int64 // byte of the stream
	offset int64 // byte of the image
}

// pass makes p the place behind f, which stands there, and completes f.
func (p *place) pass(f *FrameInfo) {
	f.Number, f.At = p.number, p.at
	if f.Type.holds() {
		f.Offset = p.offset
		p.offset += f.Length
	}
	p.number++
	p.at += HeaderSize + int64(f.Payload)
}

// index is a list of frames that follow each other.
type index struct {
	first   place
	entries []byte
}

func (x *index) count() int { return len(x.entries) / indexEntry }

// appendEntry appends the line of f.
func appendEntry(b []byte, f FrameInfo) []byte {
	le := binary.LittleEndian
	b = le.AppendUint32(b, uint32(f.Payload))
	b = le.AppendUint16(b, uint16(f.Type))
	b = append(b, byte(f.Codec), 0)
	return le.AppendUint64(b, uint64(f.Length))
}

// all yields each frame that is listed, as far as that can be: where a line makes
// no sense, ok is false.
func (x *index) all() iter.Seq2[FrameInfo, bool] {
	return func(yield func(f FrameInfo, ok bool) bool) {
		at, le := x.first, binary.LittleEndian
		for e := x.entries; len(e) > 0; e = e[indexEntry:] {
			f := FrameInfo{
				Payload: int(le.Uint32(e)), Type: Type(le.Uint16(e[4:])), Codec: codec.ID(e[6]), Length: int64(le.Uint64(e[8:])),
			}
			ok := e[7] == 0 && f.Payload >= 0 && f.Payload <= MaxPayload && f.Length >= 0
			at.pass(&f)
			if !yield(f, ok && at.offset >= 0 && at.at >= 0) {
				return
			}
		}
	}
}

// frame makes an index frame.
func (x *index) frame() (*Frame, error) {
	le := binary.LittleEndian
	b := le.AppendUint64(nil, x.first.number)
	b = le.AppendUint64(b, uint64(x.first.at))
	b = le.AppendUint64(b, uint64(x.first.offset))
	b = append(b, x.entries...)
	b = le.AppendUint64(b, uint64(HeaderSize+len(b)+indexTail))
	f := &Frame{Type: TypeIndex}
	return f, f.setPayload(b)
}

// parseIndex reads the payload of f, whose length checkFields has checked. What
// it returns shares the memory of f.
func (f *Frame) parseIndex() (*index, error) {
	le, b := binary.LittleEndian, f.Payload()
	tail := len(b) - indexTail
	x := &index{place{le.Uint64(b), int64(le.Uint64(b[8:])), int64(le.Uint64(b[16:]))}, b[indexHead:tail]}
	if le.Uint64(b[tail:]) != uint64(len(f.wire)) {
		return nil, f.damage(fmt.Errorf("%w: it is not of the length that it says", ErrIndex))
	}
	return x, nil
}

// endsAt reports whether the list, as far as numbers and bytes of the stream go, is
// that of the frames before p.
func (x *index) endsAt(p place) bool {
	at := x.first.at
	for e := x.entries; len(e) > 0; e = e[indexEntry:] {
		at += HeaderSize + int64(binary.LittleEndian.Uint32(e))
	}
	return x.first.at >= 0 && at == p.at && x.first.number <= p.number && p.number-x.first.number == uint64(x.count())
}

// indexer keeps the list that the next index frame of a Writer is to have.
type indexer struct {
	index
	next place // of the frame to come
}

// add adds the frame that is next.
func (x *indexer) add(f FrameInfo) {
	x.next.pass(&f)
	x.entries = appendEntry(x.entries, f)
}

// full reports whether the list has to be written.
func (x *indexer) full() bool { return x.count() >= indexEvery }

// restart begins the list with the frame that is next, an index frame.
func (x *indexer) restart() { x.first, x.entries = x.next, x.entries[:0] }

// indexChecker knows of the list that the next index frame is to have what is needed
// to compare it: its beginning, its end and its digest.
type indexChecker struct {
	first, next place
	sum         hash.Hash
	entry       []byte
}

func newIndexChecker() *indexChecker { return &indexChecker{sum: sha256.New()} }

// add adds the frame that is next.
func (x *indexChecker) add(f FrameInfo) {
	x.next.pass(&f)
	x.entry = appendEntry(x.entry[:0], f)
	x.sum.Write(x.entry)
}

// check compares f, an index frame that is next, with the frames before it. One
// that does not end right before itself was made for another stream, perhaps for
// this image before it was coded anew, and says nothing.
func (x *indexChecker) check(f *Frame) error {
	got, err := f.parseIndex()
	if err != nil {
		return err
	}
	if !got.endsAt(x.next) {
		return nil
	}
	if sum := sha256.Sum256(got.entries); got.first != x.first || !bytes.Equal(x.sum.Sum(nil), sum[:]) {
		return f.damage(fmt.Errorf("%w: it says something else of the frames than what they are", ErrIndex))
	}
	x.first = x.next
	x.sum.Reset()
	return nil
}
