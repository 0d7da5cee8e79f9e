// An index says of the frames before it what their headers do, so that a reader
// which can seek finds any of them without the others. It stands at the end, since
// only there a writer that cannot seek knows them all.

package format

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"iter"

	"snappipe/format/codec"
)

const (
	indexHead  = 3 * 8 // place of the first frame that is listed
	indexEntry = 16    // for each frame
	indexTail  = 8     // length of the index frame
	// maxIndexed is how many frames one index frame can list. Where there are
	// more, it goes on from another one, which is the first in its list.
	maxIndexed = (MaxPayload - indexHead - indexTail) / indexEntry
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

func (x *index) add(f FrameInfo) {
	le := binary.LittleEndian
	x.entries = le.AppendUint32(x.entries, uint32(f.Payload))
	x.entries = le.AppendUint16(x.entries, uint16(f.Type))
	x.entries = append(x.entries, byte(f.Codec), 0)
	x.entries = le.AppendUint64(x.entries, uint64(f.Length))
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

// indexer keeps the list that the next index frame is to have, for a Writer, or
// for a reader that compares it.
type indexer struct {
	index
	next place // of the frame to come
	long bool  // no frame could hold the list
}

// add adds the frame that is next.
func (x *indexer) add(f FrameInfo) {
	x.next.pass(&f)
	if x.long = x.long || x.count() == maxIndexed; x.long {
		x.entries = nil // there is nothing that it could be compared with
		return
	}
	x.index.add(f)
}

// full reports whether a Writer has to write the list, before it puts one more
// frame with a checksum frame behind it.
func (x *indexer) full() bool { return x.count()+2 > maxIndexed }

// restart begins the list with the frame that is next, an index frame.
func (x *indexer) restart() { x.first, x.entries, x.long = x.next, x.entries[:0], false }

// endsAt reports whether the list, as far as numbers and bytes of the stream go, is
// that of the frames before p.
func (x *index) endsAt(p place) bool {
	at := x.first.at
	for e := x.entries; len(e) > 0; e = e[indexEntry:] {
		at += HeaderSize + int64(binary.LittleEndian.Uint32(e))
	}
	return x.first.at >= 0 && at == p.at && x.first.number <= p.number && p.number-x.first.number == uint64(x.count())
}

// check compares f, an index frame that is next, with the frames before it. One
// that does not end right before itself was made for another stream, perhaps for
// this image before it was coded anew, and says nothing.
func (x *indexer) check(f *Frame) error {
	got, err := f.parseIndex()
	if err != nil {
		return err
	}
	if !got.endsAt(x.next) {
		return nil
	}
	if x.long || got.first != x.first || !bytes.Equal(got.entries, x.entries) {
		return f.damage(fmt.Errorf("%w: it says something else of the frames than what they are", ErrIndex))
	}
	x.restart()
	return nil
}
