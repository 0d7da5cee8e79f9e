// Streams that are damaged in one thing only.

package format_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"hash/crc32"

	"snappipe/format"
	"snappipe/format/codec"
)

// What repair puts right.
const (
	repairCRCs   = 1 << iota // magic, version and all CRCs
	repairOrder              // identity, sequence, offsets
	repairTotals             // size of the image, totals
	repairSums               // digests and root
	repairAll    = repairCRCs | repairOrder | repairTotals | repairSums
)

var (
	le         = binary.LittleEndian
	castagnoli = crc32.MakeTable(crc32.Castagnoli)
)

// repair returns stream with some of what is wrong with it put right.
func repair(stream []byte, what uint8) []byte {
	stream = bytes.Clone(stream)
	all := cut(stream)
	if len(all) == 0 {
		return stream
	}
	totals := make([]uint64, 5)
	for i, f := range all {
		if what&repairOrder != 0 {
			copy(f[16:24], all[0][16:24])
			le.PutUint64(f[24:], uint64(i))
			place(f, totals)
		}
	}
	var digests, pending []byte
	for i, f := range all {
		typ := format.Type(le.Uint16(f[12:]))
		size := totals[1] + totals[4]
		if what&repairTotals != 0 && (i == 0 && typ == format.TypeImage || typ == format.TypeEnd) {
			le.PutUint64(f[40:], size)
		}
		if what&repairTotals != 0 && typ == format.TypeEnd && len(f) >= 64+40 {
			for i, n := range totals {
				le.PutUint64(f[64+8*i:], n)
			}
		}
		if what&repairSums != 0 && typ == format.TypeSums {
			copy(f[64:], pending)
		}
		if what&repairSums != 0 && typ == format.TypeEnd && len(f) == 64+72 {
			root := sha256.Sum256(digests)
			copy(f[64+40:], root[:])
		}
		if what&repairCRCs != 0 {
			seal(f, typ)
		}
		switch typ {
		case format.TypeSums:
			pending = nil
		case format.TypeEnd:
		default:
			digest := sha256.Sum256(f)
			digests, pending = append(digests, digest[:]...), append(pending, digest[:]...)
		}
	}
	return stream
}

// cut cuts a stream into frames by their lengths; the last gets what is left.
func cut(stream []byte) [][]byte {
	var all [][]byte
	for len(stream) >= format.HeaderSize {
		n := int(min(uint64(le.Uint32(stream[48:])), uint64(len(stream)-format.HeaderSize)))
		le.PutUint32(stream[48:], uint32(n))
		all, stream = append(all, stream[:format.HeaderSize+n]), stream[format.HeaderSize+n:]
	}
	return all
}

// place makes f go on where the frames before it stopped, and counts it.
func place(f []byte, totals []uint64) {
	n := le.Uint64(f[40:])
	switch format.Type(le.Uint16(f[12:])) {
	case format.TypeData, format.TypePatch:
		le.PutUint64(f[32:], totals[1]+totals[4])
		totals[0]++
		totals[1] += n
		totals[2] += uint64(len(f) - format.HeaderSize)
	case format.TypeZero:
		le.PutUint64(f[32:], totals[1]+totals[4])
		totals[3]++
		totals[4] += n
	}
}

// seal makes the CRCs of f right; that of the image only if f can be decoded.
func seal(f []byte, typ format.Type) {
	copy(f, "\x89SNP\r\n\x1a\n\x01")
	f[11], f[14], f[15] = 0, 0, 0
	payload := f[format.HeaderSize:]
	le.PutUint32(f[52:], crc32.Checksum(payload, castagnoli))
	if n := le.Uint64(f[40:]); typ == format.TypeData && n <= format.MaxPayload {
		part, err := payload, error(nil)
		if id := codec.ID(f[10]); id != codec.None {
			part, err = new(codec.Decoder).Decode(id, nil, payload, int(n))
		}
		if err == nil {
			le.PutUint32(f[56:], crc32.Checksum(part, castagnoli))
		}
	}
	le.PutUint32(f[60:], crc32.Checksum(f[:60], castagnoli))
}
