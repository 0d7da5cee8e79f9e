// The header of a frame is written and read here, and what SPEC.md says of each
// of its fields is enforced.

package format

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"

	"github.com/minio/sha256-simd"

	"snappipe/format/codec"
)

// magic begins every frame. Like that of PNG, it has a byte that a 7-bit
// channel would strip, line ends that a text-mode transfer would convert, and
// a control-Z that stops DOS's type.
const magic = "\x89SNP\r\n\x1a\n"

const version = 1

// flagSummed, in the first frame, promises checksum frames.
const flagSummed = 0x01

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// putHeader writes the header into wire.
func (f *Frame) putHeader() {
	f.wire = grow(f.wire, max(len(f.wire), HeaderSize))
	h := f.wire[:HeaderSize]
	copy(h, magic)
	h[8], h[9], h[10], h[11] = version, f.flags, byte(f.Codec), 0
	le := binary.LittleEndian
	le.PutUint16(h[12:], uint16(f.Type))
	le.PutUint16(h[14:], 0)
	le.PutUint64(h[16:], f.id)
	le.PutUint64(h[24:], f.seq)
	le.PutUint64(h[32:], uint64(f.Offset))
	le.PutUint64(h[40:], uint64(f.Length))
	le.PutUint32(h[48:], uint32(len(f.Payload())+f.carried))
	le.PutUint32(h[52:], f.crc)
	le.PutUint32(h[56:], f.rawCRC)
	le.PutUint32(h[60:], crc32.Checksum(h[:60], castagnoli))
}

// parseHeader reads the header from wire, having checked it, and returns the
// length of the payload to come.
func (f *Frame) parseHeader() (int, error) {
	h := f.wire[:HeaderSize]
	le := binary.LittleEndian
	switch {
	case string(h[:8]) != magic:
		return 0, ErrMagic
	case crc32.Checksum(h[:60], castagnoli) != le.Uint32(h[60:]):
		return 0, ErrHeader
	case h[8] != version:
		return 0, fmt.Errorf("%w: version %d of the format; this reads version %d", ErrUnsupported, h[8], version)
	}
	f.flags, f.Codec, f.Type = h[9], codec.ID(h[10]), Type(le.Uint16(h[12:]))
	f.id, f.seq = le.Uint64(h[16:]), le.Uint64(h[24:])
	f.Offset, f.Length = int64(le.Uint64(h[32:])), int64(le.Uint64(h[40:]))
	f.crc, f.rawCRC = le.Uint32(h[52:]), le.Uint32(h[56:])
	f.carried, f.summed = 0, false
	n := le.Uint32(h[48:])
	f.formed()
	f.read = FrameInfo{f.seq, f.at, f.Type, f.Codec, f.Offset, f.Length, int(n)}
	if h[11] != 0 || h[14] != 0 || h[15] != 0 {
		return 0, fmt.Errorf("%w: reserved bytes are in use", ErrUnsupported)
	}
	return int(n), f.checkFields(n)
}

// checkFields enforces what SPEC.md says of each field of a single header, n
// being the length of the payload.
func (f *Frame) checkFields(n uint32) error {
	var ok bool
	switch {
	case n > MaxPayload:
		return fmt.Errorf("%w: payload of %d bytes is over the limit of %d", ErrField, n, MaxPayload)
	case f.Offset < 0 || f.Length < 0 || f.Offset+f.Length < 0:
		return fmt.Errorf("%w: offset or length is over 2^63-1", ErrField)
	case !f.Type.known():
		if f.Type.Ancillary() {
			return nil
		}
		return fmt.Errorf("%w: critical frame of %v", ErrUnsupported, f.Type)
	}
	switch f.Type {
	case TypeImage:
		ok = f.flags&^flagSummed == 0 && f.Offset == 0
	case TypeResumed:
		ok = f.flags&^flagSummed == 0 && f.Offset == 0 && f.Length == 0
	case TypeData, TypePatch:
		return f.checkData(n)
	case TypeZero:
		ok = f.flags == 0 && f.Length > 0 && n == 0
	case TypeSums:
		ok = f.flags == 0 && f.Offset == 0 && f.Length == 0 && n > 0 && n%sha256.Size == 0
	case TypeEnd:
		ok = f.flags == 0 && f.Offset == 0 && (n == totalsSize || n == totalsSize+sha256.Size)
	case TypeFailure:
		ok = f.flags == 0 && f.Offset == 0 && f.Length == 0 && n <= maxFailure
	case TypeIndex:
		list := int(n) - indexHead - indexTail
		ok = f.flags == 0 && f.Offset == 0 && f.Length == 0 && list > 0 && list%indexEntry == 0
	case TypeSignature:
		ok = f.flags == 0 && f.Offset == 0 && f.Length == 0 && n > 0 && n <= maxSignature
	}
	if !ok || f.Codec != codec.None || f.rawCRC != 0 {
		return fmt.Errorf("%w: %v frame", ErrField, f.Type)
	}
	return nil
}

func (f *Frame) checkData(n uint32) error {
	ok := f.flags == 0 && f.Length > 0 && f.Length <= MaxPayload && n > 0
	switch {
	case f.Type == TypePatch: // its payload says more
	case f.Codec == codec.None:
		ok = ok && int64(n) == f.Length && f.crc == f.rawCRC
	default:
		ok = ok && int64(n) < f.Length
	}
	if !ok {
		return fmt.Errorf("%w: %v frame", ErrField, f.Type)
	}
	if !codec.Known(f.Codec) {
		return fmt.Errorf("%w: codec %d", ErrUnsupported, f.Codec)
	}
	return nil
}
