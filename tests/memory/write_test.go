// Writing such streams.

package memory_test

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/binary"
	"hash"
	"hash/crc32"
	"io"

	"github.com/ulikunitz/xz/lzma"
)

const (
	typeImage    = 1
	typeData     = 2
	typeZero     = 3
	typeChecksum = 4
	typeEnd      = 5
	ancillary    = 0x8000

	zstdID = 1
	s2ID   = 2
	lz4ID  = 3
	xzID   = 4
	gzipID = 5

	maxPart = 4 << 20
)

// letters is a part of an image, of the largest size.
var letters = bytes.Repeat([]byte("A"), maxPart)

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

// stream writes a stream frame by frame, by format/SPEC.md: what it may hold,
// and what it may not. The format package would refuse to.
type stream struct {
	w      *bufio.Writer
	err    error
	facts  []byte
	summed bool   // with checksums
	claim  uint32 // payload length of the next frame, whatever its payload

	size, at, count uint64
	totals          [5]uint64
	pending         []byte
	root            hash.Hash
}

func newStream(w io.Writer) *stream {
	s := &stream{w: bufio.NewWriterSize(w, 1<<20), root: sha256.New()}
	for _, f := range [][2]string{{"kernel", "file"}, {"arch", "x86_64"}, {"page-size", "4096"}, {"host", "h"}, {"time", "2007-04-26T12:00:00Z"}} {
		s.facts = append(s.facts, fact(f[0], f[1])...)
	}
	return s
}

func fact(name, value string) []byte {
	b := binary.LittleEndian.AppendUint16(nil, uint16(len(name)))
	b = binary.LittleEndian.AppendUint32(b, uint32(len(value)))
	return append(append(b, name...), value...)
}

func (s *stream) flush() error {
	if s.err == nil {
		s.err = s.w.Flush()
	}
	return s.err
}

func (s *stream) put(h header, payload []byte) {
	if s.err != nil {
		return
	}
	h.Magic, h.Version = [8]byte([]byte("\x89SNP\r\n\x1a\n")), 1
	h.Identity, h.Sequence = 1, s.count
	h.PayloadLength, h.PayloadCRC = uint32(len(payload)), crc(payload)
	if s.claim > 0 {
		h.PayloadLength, s.claim = s.claim, 0
	}
	raw := make([]byte, 64)
	if _, s.err = binary.Encode(raw, binary.LittleEndian, h); s.err != nil {
		return
	}
	binary.LittleEndian.PutUint32(raw[60:], crc(raw[:60]))
	s.count++
	if s.summed && h.Type != typeChecksum && h.Type != typeEnd {
		digest := sha256.Sum256(append(raw[:64:64], payload...))
		s.pending = append(s.pending, digest[:]...)
		s.root.Write(digest[:])
	}
	s.w.Write(raw)
	_, s.err = s.w.Write(payload)
}

func (s *stream) begin(size uint64) {
	s.size = size
	h := header{Type: typeImage, Length: size}
	if s.summed {
		h.Flags = 1
	}
	s.put(h, s.facts)
}

func (s *stream) stored(part []byte) { s.data(0, part, part) }

func (s *stream) data(codec uint8, part, payload []byte) {
	s.put(header{Type: typeData, Codec: codec, Offset: s.at, Length: uint64(len(part)), ImageCRC: crc(part)}, payload)
	s.at += uint64(len(part))
	s.totals[0]++
	s.totals[1] += uint64(len(part))
	s.totals[2] += uint64(len(payload))
}

func (s *stream) zero(n uint64) {
	s.put(header{Type: typeZero, Offset: s.at, Length: n}, nil)
	s.at += n
	s.totals[3]++
	s.totals[4] += n
}

func (s *stream) checksum() {
	s.put(header{Type: typeChecksum}, s.pending)
	s.pending = s.pending[:0]
}

func (s *stream) end() {
	var payload []byte
	for _, n := range s.totals {
		payload = binary.LittleEndian.AppendUint64(payload, n)
	}
	if s.summed {
		payload = s.root.Sum(payload)
	}
	s.put(header{Type: typeEnd, Length: s.size}, payload)
}

// zstdOf is a Zstandard frame of n letters A that asks for a window of 2^log
// bytes: blocks of one repeated byte (RFC 8878, 3.1.1.2).
func zstdOf(log, n int) []byte {
	b := []byte{0x28, 0xB5, 0x2F, 0xFD, 0, byte(log-10) << 3}
	for n > 0 {
		size := min(n, 128<<10)
		n -= size
		block := size<<3 | 1<<1
		if n == 0 {
			block |= 1
		}
		b = append(b, byte(block), byte(block>>8), byte(block>>16), 'A')
	}
	return b
}

// s2Of is an S2 block that says it has length letters A, and has n: repeats of
// up to 16 MiB.
func s2Of(length uint64, n int) []byte {
	b := append(binary.AppendUvarint(nil, length), 0, 'A', 1, 1)
	for n -= 5; n > 0; {
		size := min(n, 1<<24-1+65540)
		n -= size
		m := max(size-65540, 0)
		b = append(b, 0x1D, 0, byte(m), byte(m>>8), byte(m>>16))
	}
	return b
}

// lz4Of is an LZ4 block of n letters A: one literal, a match, five literals.
func lz4Of(n int) []byte {
	n -= 1 + 19 + 5
	b := append([]byte{0x1F, 'A', 1, 0}, bytes.Repeat([]byte{255}, n/255)...)
	return append(b, byte(n%255), 0x50, 'A', 'A', 'A', 'A', 'A')
}

func xzOf(n int) []byte {
	return codedOf(n, func(w io.Writer) (io.WriteCloser, error) {
		return lzma.Writer2Config{DictCap: lzma.MinDictCap}.NewWriter2(w)
	})
}

func gzipOf(n int) []byte {
	return codedOf(n, func(w io.Writer) (io.WriteCloser, error) { return gzip.NewWriterLevel(w, gzip.BestCompression) })
}

// codedOf is n letters A, as a coder codes them.
func codedOf(n int, newCoder func(io.Writer) (io.WriteCloser, error)) []byte {
	var out bytes.Buffer
	w, err := newCoder(&out)
	for ; err == nil && n > 0; n -= min(n, maxPart) {
		_, err = w.Write(letters[:min(n, maxPart)])
	}
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		panic(err) // a buffer takes everything
	}
	return out.Bytes()
}
