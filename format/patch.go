// A patch frame stands for a part of the image by how that differs from parts
// of another image, its base. The payload is a table, which says where in the
// base those are, and behind it the exclusive or of the two, coded as in a data
// frame. Where nothing differs, there is nothing behind the table.

package format

import (
	"crypto/subtle"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"slices"

	"snappipe/format/codec"
)

// segment is a line of the table: so many bytes of the image are combined with
// as many of the base, or with none.
type segment struct {
	base   int64 // where in the base, or baseless
	length int64
}

const (
	baseless = -1

	tableHead   = 4
	segmentSize = 8 + 4
	// maxSegments in a table: one for each page of the longest part.
	maxSegments = MaxPayload / PageSize
)

// appendTable appends a table as it stands in a payload.
func appendTable(b []byte, table []segment) []byte {
	le := binary.LittleEndian
	b = le.AppendUint32(b, uint32(len(table)))
	for _, s := range table {
		b = le.AppendUint32(le.AppendUint64(b, uint64(s.base)), uint32(s.length))
	}
	return b
}

// patch is the payload of a patch frame.
type patch struct {
	table []segment
	lines []byte // the table as it stands
	coded []byte // what follows it
}

// parsePatch reads the payload of f. It uses the memory of table.
func (f *Frame) parsePatch(table []segment) (p patch, err error) {
	b := f.Payload()
	if len(b) < tableHead {
		return p, f.damage(fmt.Errorf("%w: it has no table", ErrPatch))
	}
	n := int64(binary.LittleEndian.Uint32(b))
	end := tableHead + n*segmentSize
	if n < 1 || n > maxSegments || end > int64(len(b)) {
		return p, f.damage(fmt.Errorf("%w: its table has %d lines", ErrPatch, n))
	}
	p = patch{table[:0], b[:end], b[end:]}
	left := f.Length
	for at := b[tableHead:end]; len(at) > 0; at = at[segmentSize:] {
		s := segment{int64(binary.LittleEndian.Uint64(at)), int64(binary.LittleEndian.Uint32(at[8:]))}
		if s.length < 1 || s.base < baseless || s.base+s.length < 0 {
			return p, f.damage(fmt.Errorf("%w: a line of its table makes no sense", ErrPatch))
		}
		left -= s.length
		p.table = append(p.table, s)
	}
	if left != 0 {
		return p, f.damage(fmt.Errorf("%w: its table does not make up the part", ErrPatch))
	}
	size := int64(len(p.coded))
	if f.Codec == codec.None && size != 0 && size != f.Length || f.Codec != codec.None && (size < 1 || size >= f.Length) {
		return p, f.damage(fmt.Errorf("%w: %d bytes for a part of %d", ErrPatch, size, f.Length))
	}
	return p, nil
}

// difference appends the decoded bytes of p, the payload of f, to dst.
func (f *Frame) difference(dec *codec.Decoder, dst []byte, p patch) ([]byte, error) {
	switch {
	case len(p.coded) == 0:
		return append(dst, make([]byte, f.Length)...), nil
	case f.Codec == codec.None:
		return append(dst, p.coded...), nil
	}
	diff, err := dec.Decode(f.Codec, dst, p.coded, int(f.Length))
	if err != nil {
		return dst, f.damage(fmt.Errorf("%w: %w", ErrCodec, err))
	}
	return diff, nil
}

// setPatch makes f a patch frame with a table and a difference, coded with enc
// where that makes it shorter, or not at all if enc is nil. It does nothing and
// returns false if the payload would be longer than any may be.
func (f *Frame) setPatch(table []segment, enc codec.Encoder, diff []byte) (bool, error) {
	out, id := appendTable(room(f.spare), table), codec.None
	behind := len(out)
	if allZero(diff) {
		enc = nil
	} else if enc == nil {
		out = append(out, diff...)
	}
	if enc != nil {
		var err error
		if out, err = enc.Encode(out, diff); err != nil {
			return false, fmt.Errorf("compress the image at %d with %v: %w", f.Offset, enc.ID(), err)
		}
		if id = enc.ID(); len(out)-behind >= len(diff) {
			out, id = append(out[:behind], diff...), codec.None
		}
	}
	if f.spare = out; len(out)-HeaderSize > MaxPayload {
		return false, nil
	}
	f.Type = TypePatch
	f.swap(id, crc32.Checksum(out[HeaderSize:], castagnoli))
	return true, nil
}

func allZero(b []byte) bool {
	for page := range slices.Chunk(b, PageSize) {
		if !isZero(page) {
			return false
		}
	}
	return true
}

// patcher makes patch frames the data frames that they stand for, for one
// goroutine.
type patcher struct {
	base  *view // nil where there is no base
	dec   codec.Decoder
	table []segment
	old   []byte
}

func newPatcher(base *Base) *patcher {
	p := &patcher{}
	if base != nil {
		p.base = newView(base)
	}
	return p
}

// apply makes f, a patch frame, a data frame whose payload is the very bytes of
// the image, which have been compared with their checksum.
func (p *patcher) apply(f *Frame) error {
	if err := p.check(f); err != nil {
		return err
	}
	f.Type = TypeData
	f.swap(codec.None, f.rawCRC)
	f.decoded = f.Payload()
	return nil
}

// check makes in the spare buffer of f the bytes of the image that it stands
// for, and leaves f as it is.
func (p *patcher) check(f *Frame) error {
	if p.base == nil {
		return f.damage(ErrBase)
	}
	c, err := f.parsePatch(p.table)
	if err != nil {
		return err
	}
	p.table = c.table
	if f.spare, err = f.difference(&p.dec, room(f.spare), c); err != nil {
		return err
	}
	at := f.spare[HeaderSize:]
	for _, s := range c.table {
		if err := p.combine(at[:s.length], s.base); err != nil {
			return f.damage(err)
		}
		at = at[s.length:]
	}
	if crc32.Checksum(f.spare[HeaderSize:], castagnoli) != f.rawCRC {
		return f.damage(ErrRaw)
	}
	f.decoded = f.spare[HeaderSize:]
	return nil
}

// combine makes of b, bytes of the image, their difference to what the base has
// at off, and the other way round.
func (p *patcher) combine(b []byte, off int64) error {
	if off == baseless {
		return nil
	}
	p.old = grow(p.old, len(b))
	if err := p.base.readAt(p.old, off); err != nil {
		return fmt.Errorf("read the base: %w", err)
	}
	subtle.XORBytes(b, b, p.old)
	return nil
}

// checkCoded decodes the difference in f, and leaves f as it is.
func (p *patcher) checkCoded(f *Frame) error {
	c, err := f.parsePatch(p.table)
	if err != nil {
		return err
	}
	p.table = c.table
	f.spare, err = f.difference(&p.dec, room(f.spare), c)
	return err
}

// recode codes the difference in f with another encoder, or not at all if that
// is nil.
func (p *patcher) recode(f *Frame, enc codec.Encoder) error {
	c, err := f.parsePatch(p.table)
	if err != nil || len(c.coded) == 0 {
		return err
	}
	p.table = c.table
	if p.old, err = f.difference(&p.dec, p.old[:0], c); err != nil {
		return err
	}
	_, err = f.setPatch(c.table, enc, p.old)
	return err
}
