// Streams that are the difference to another.

package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"strings"
)

// baseOf makes what the streams with patch frames are the difference to, which is
// good-usual-checksums.
func baseOf() *stream {
	s := newStream()
	s.summed = true
	s.usual()
	return s
}

// based makes s the difference to the base, from the first frame on.
func (s *stream) based(size int) (base []byte) {
	b := baseOf()
	root := sha256.Sum256(b.digests)
	s.summed = true
	s.facts = more(fact{"base-identity", "0123456789abcdef"}, fact{"base-root", hex.EncodeToString(root[:])})
	s.begin(uint64(size))
	return b.image
}

// lines is a table, of an offset and a length in turn.
func lines(n uint32, of ...uint64) []byte {
	b := binary.LittleEndian.AppendUint32(nil, n)
	for i := 0; i < len(of); i += 2 {
		b = binary.LittleEndian.AppendUint64(b, of[i])
		b = binary.LittleEndian.AppendUint32(b, uint32(of[i+1]))
	}
	return b
}

// noBase is an offset that stands for zeros.
const noBase = 1<<64 - 1

// patches is streams that are the difference to the base.
func patches() []vector {
	return append(goodPatches(), badPatches()...)
}

func goodPatches() []vector {
	one := func(name, proves string, build func(s *stream, base []byte)) vector {
		return vector{"good-patch-" + name, "", proves, func(s *stream) {
			build(s, s.based(600))
			s.finish()
		}}
	}
	return []vector{
		one("same", "nothing differs from the base", func(s *stream, base []byte) { s.patch(0, base[:600], lines(1, 0, 600)) }),
		one("moved", "what was elsewhere in the base", func(s *stream, base []byte) {
			s.patch(0, base[:300], lines(1, 0, 300))
			s.patch(0, base[100:400], lines(1, 100, 300))
		}),
		one("stored", "a difference that is not coded", func(s *stream, base []byte) {
			part := bytes.ToUpper(base[:600])
			s.patch(0, part, append(lines(1, 0, 600), differs(part, base)...))
		}),
		one("coded", "a difference that is coded", func(s *stream, base []byte) {
			part := differs(text, base[:600])
			s.patch(zstd, part, append(lines(1, 0, 600), coded[zstd]...))
		}),
		one("lines", "of several places in the base, and of none", func(s *stream, base []byte) {
			old := append(append(bytes.Clone(base[4500:4704]), make([]byte, 96)...), base[1:301]...)
			s.patch(0, old, lines(3, 4500, 204, noBase, 96, 1, 300))
		}),
		one("zeros", "over a zero frame of the base", func(s *stream, base []byte) {
			s.patch(0, bytes.Repeat([]byte("A"), 600), append(lines(1, 2000, 600), bytes.Repeat([]byte("A"), 600)...))
		}),
		one("unused", "an image that names a base need not have patch frames", func(s *stream, _ []byte) { s.stored(text) }),
	}
}

// differs is the exclusive or of the two.
func differs(part, base []byte) []byte {
	diff := bytes.Clone(part)
	for i := range diff {
		diff[i] ^= base[i]
	}
	return diff
}

func badPatches() []vector {
	var all []vector
	bad := func(name, reason, proves string, build func(s *stream, base []byte)) {
		all = append(all, vector{"bad-patch-" + name, reason, proves, func(s *stream) {
			build(s, s.based(600))
			s.finish()
		}})
	}
	table := func(name, proves string, payload []byte) {
		bad(name, "patch", proves, func(s *stream, base []byte) { s.patch(0, base[:600], payload) })
	}
	table("no-lines", "a table of no lines", lines(0))
	table("cut-table", "a table that is cut off", lines(2, 0, 600))
	table("cut-count", "less than the number of lines", []byte{1, 0})
	table("many-lines", "a table of more lines than there may be", append(lines(1025), bytes.Repeat(lines(0, noBase, 1)[4:], 1025)...))
	table("empty-line", "a line about nothing", lines(2, 0, 600, 0, 0))
	table("short", "lines that make up less than the part", lines(1, 0, 599))
	table("long", "lines that make up more than the part", lines(1, 0, 601))
	table("beyond", "bytes behind the end of the base", lines(1, 4105, 600))
	table("far-beyond", "an offset of 2^63", lines(1, 1<<63, 600))
	table("half", "a difference of fewer bytes than the part", append(lines(1, 0, 600), text[:599]...))
	table("more", "a difference of more bytes than the part", append(lines(1, 0, 600), make([]byte, 601)...))
	bad("coded-nothing", "patch", "a codec, and nothing that is coded", func(s *stream, base []byte) { s.patch(zstd, base[:600], lines(1, 0, 600)) })
	bad("coded-long", "patch", "a coded difference that is no shorter than the part", func(s *stream, base []byte) {
		s.patch(zstd, base[:600], append(lines(1, 0, 600), make([]byte, 600)...))
	})
	bad("codec", "codec", "a difference that does not decode", func(s *stream, base []byte) {
		s.patch(zstd, base[:600], append(lines(1, 0, 600), "snapshot"...))
	})
	bad("raw", "raw", "another image CRC", func(s *stream, base []byte) {
		s.but(1, func(h *header) { h.ImageCRC++ })
		s.patch(0, base[:600], lines(1, 0, 600))
	})
	bad("empty", "field", "a part of no bytes", func(s *stream, base []byte) {
		s.patch(0, nil, lines(1, 0, 600))
		s.stored(text)
	})
	bad("tiling", "tiling", "a patch frame that leaves a gap", func(s *stream, base []byte) {
		s.but(1, func(h *header) { h.Offset = 1 })
		s.patch(0, base[:600], lines(1, 0, 600))
	})
	all = append(all, vector{"bad-patch-unannounced", "sequence", "a patch frame in a stream that names no base", func(s *stream) {
		s.begin(600)
		s.patch(0, text, lines(1, 0, 600))
		s.finish()
	}})
	return append(all, badBases()...)
}

// badBases is first frames that name no base as it should be.
func badBases() []vector {
	var all []vector
	root := strings.Repeat("0a", 32)
	add := func(name, proves string, facts ...fact) {
		all = append(all, vector{"bad-base-" + name, "field", proves, func(s *stream) {
			s.facts = more(facts...)
			s.usual()
		}})
	}
	add("no-root", "an identity without a root", fact{"base-identity", "0123456789abcdef"})
	add("no-identity", "a root without an identity", fact{"base-root", root})
	add("short-identity", "an identity of fewer digits", fact{"base-identity", "123"}, fact{"base-root", root})
	add("capitals", "capital digits", fact{"base-identity", "0123456789ABCDEF"}, fact{"base-root", root})
	add("short-root", "a root of fewer digits", fact{"base-identity", "0123456789abcdef"}, fact{"base-root", root[2:]})
	add("no-digits", "a root of other letters", fact{"base-identity", "0123456789abcdef"}, fact{"base-root", root[2:] + "xx"})
	return all
}
