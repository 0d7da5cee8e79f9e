// Putting frames together, right and wrong.

package main

import (
	"crypto/sha256"
	"encoding/binary"
	"hash/crc32"
)

const (
	typeImage    = 1
	typeData     = 2
	typeZero     = 3
	typeChecksum = 4
	typeEnd      = 5
	typeResumed  = 6
	typeFailure  = 7
	typePatch    = 8
	ancillary    = 0x8000

	typeSignature = 0x8001

	flagSummed = 1

	maxPart = 4 << 20
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func crc(b []byte) uint32 { return crc32.Checksum(b, castagnoli) }

// header is a frame header, but for its CRC.
type header struct {
	Magic                              [8]byte
	Version, Flags, Codec, Reserved1   uint8
	Type, Reserved2                    uint16
	Identity, Sequence, Offset, Length uint64
	PayloadLength, PayloadCRC          uint32
	ImageCRC                           uint32
}

// stream puts a stream together frame by frame: a right one, but for what it
// was told to change with but, or is changed between two calls.
type stream struct {
	out      []byte
	image    []byte
	summed   bool // with checksums: to be set before begin
	resumed  bool
	facts    []byte
	identity uint64

	size    uint64
	at      uint64 // in the image
	count   uint64 // of frames
	totals  [5]uint64
	pending []byte // digests for the next checksum frame
	digests []byte // all of them
	edits   map[uint64]func(*header)
	begins  []int // byte of out at which each frame begins
}

func newStream() *stream {
	return &stream{
		facts:    facts(usualFacts...),
		identity: 0x0123456789ABCDEF,
		edits:    map[uint64]func(*header){},
	}
}

// but changes the header of frame n, before its CRC and digest are taken.
func (s *stream) but(n uint64, edit func(*header)) { s.edits[n] = edit }

func (s *stream) put(h header, payload []byte) {
	h.Magic = [8]byte([]byte("\x89SNP\r\n\x1a\n"))
	h.Version, h.Identity, h.Sequence = 1, s.identity, s.count
	h.PayloadLength, h.PayloadCRC = uint32(len(payload)), crc(payload)
	if edit := s.edits[s.count]; edit != nil {
		edit(&h)
	}
	frame, err := binary.Append(nil, binary.LittleEndian, h)
	if err != nil {
		panic(err) // a header has a fixed size
	}
	frame = binary.LittleEndian.AppendUint32(frame, crc(frame))
	frame = append(frame, payload...)
	s.begins = append(s.begins, len(s.out))
	s.out = append(s.out, frame...)
	s.count++
	if h.Type != typeChecksum && h.Type != typeEnd && h.Type != typeFailure {
		digest := sha256.Sum256(frame)
		s.pending = append(s.pending, digest[:]...)
		s.digests = append(s.digests, digest[:]...)
	}
}

func (s *stream) flags() uint8 {
	if s.summed {
		return flagSummed
	}
	return 0
}

// begin is the image frame; resume is the resumed frame.
func (s *stream) begin(size uint64) {
	s.size = size
	s.put(header{Type: typeImage, Flags: s.flags(), Length: size}, s.facts)
}

func (s *stream) resume() {
	s.resumed = true
	s.put(header{Type: typeResumed, Flags: s.flags()}, s.facts)
}

// data is a data frame that stands for part, coded as payload.
func (s *stream) data(codec uint8, part, payload []byte) {
	s.part(typeData, codec, part, payload)
}

// patch is a patch frame that stands for part, with that payload.
func (s *stream) patch(codec uint8, part, payload []byte) {
	s.part(typePatch, codec, part, payload)
}

func (s *stream) part(typ uint16, codec uint8, part, payload []byte) {
	h := header{Type: typ, Codec: codec, Offset: s.at, Length: uint64(len(part)), ImageCRC: crc(part)}
	s.put(h, payload)
	s.at += h.Length
	s.image = append(s.image, part...)
	s.totals[0]++
	s.totals[1] += h.Length
	s.totals[2] += uint64(len(payload))
}

func (s *stream) stored(part []byte) { s.data(0, part, part) }

func (s *stream) zero(n uint64) {
	s.put(header{Type: typeZero, Offset: s.at, Length: n}, nil)
	s.at += n
	s.image = append(s.image, make([]byte, n)...)
	s.totals[3]++
	s.totals[4] += n
}

func (s *stream) checksum() {
	s.put(header{Type: typeChecksum}, s.pending)
	s.pending = nil
}

func (s *stream) failure(facts []byte) { s.put(header{Type: typeFailure}, facts) }

func (s *stream) other(typ uint16, payload []byte) { s.put(header{Type: typ}, payload) }

// end is the end frame. endWith is one with other totals or another root.
func (s *stream) end() {
	var root []byte
	if s.summed {
		r := sha256.Sum256(s.digests)
		root = r[:]
	}
	s.endWith(root)
}

func (s *stream) endWith(root []byte) {
	var payload []byte
	for _, n := range s.totals {
		payload = binary.LittleEndian.AppendUint64(payload, n)
	}
	s.put(header{Type: typeEnd, Length: s.size}, append(payload, root...))
}

// usual is a small stream with a frame of each kind: 0 image, 1 data, 2 zero,
// 3 data and 4 end; or, with checksums, 4 checksum and 5 end.
func (s *stream) usual() {
	s.begin(usualSize)
	s.middle()
	s.finish()
}

const usualSize = 600 + 4096 + 8

func (s *stream) middle() {
	s.stored(text)
	s.zero(4096)
	s.stored([]byte("snappipe"))
}

func (s *stream) finish() {
	if s.summed {
		s.checksum()
	}
	s.end()
}
