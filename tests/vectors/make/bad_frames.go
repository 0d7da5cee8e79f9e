// Streams that were damaged on their way.

package main

import (
	"bytes"
	"slices"
	"strings"
	"unicode/utf8"
)

// badFrames is streams that were damaged on their way: whatever is wrong with
// them, no writer has done it.
func badFrames() []vector {
	all := []vector{
		{"bad-empty-stream", "empty", "nothing at all is no stream", func(s *stream) {}},
		{"bad-magic-first", "magic", "the first frame's magic", func(s *stream) { s.usual(); s.out[1] = 's' }},
		{"bad-magic-later", "magic", "the second frame's magic", func(s *stream) { s.begin(600); at := len(s.out); s.stored(text); s.finish(); s.out[at+3] ^= 1 }},
		{"bad-magic-sealed", "magic", "a wrong magic under a right header CRC", func(s *stream) { s.but(1, func(h *header) { h.Magic[0] = 0x88 }); s.usual() }},
		{"bad-not-a-stream", "magic", "something else altogether", func(s *stream) { s.out = bytes.Repeat([]byte("hello, world\n"), 10) }},
		{"bad-padding", "magic", "nothing lies between frames", func(s *stream) {
			s.begin(600)
			s.out = append(s.out, make([]byte, 512-len(s.out)%512)...)
			s.stored(text)
			s.finish()
		}},
	}
	return slices.Concat(all, badText(), badCRCs(), badEnds(), badOffsets())
}

// badText is what becomes of streams that are taken for text.
func badText() []vector {
	through := func(change func([]byte) []byte) func(*stream) {
		return func(s *stream) { s.usual(); s.out = change(s.out) }
	}
	replace := func(from, to string) func(*stream) {
		return through(func(b []byte) []byte { return bytes.ReplaceAll(b, []byte(from), []byte(to)) })
	}
	return []vector{
		{"bad-text-crlf-to-lf", "text-mode", "CR LF became LF", replace("\r\n", "\n")},
		{"bad-text-lf-to-crlf", "text-mode", "LF became CR LF", replace("\n", "\r\n")},
		{"bad-text-cr-to-lf", "text-mode", "CR became LF", replace("\r", "\n")},
		{"bad-text-lf-to-cr", "text-mode", "LF became CR", replace("\n", "\r")},
		{"bad-text-7-bits", "text-mode", "the top bits are gone", through(func(b []byte) []byte {
			for i := range b {
				b[i] &= 0x7F
			}
			return b
		})},
		{"bad-text-latin-1", "text-mode", "Latin-1 became UTF-8", through(func(b []byte) []byte {
			var out []byte
			for _, c := range b {
				out = utf8.AppendRune(out, rune(c))
			}
			return out
		})},
		{"bad-text-utf-8", "text-mode", "what is not UTF-8 was replaced", func(s *stream) {
			s.usual()
			s.out = []byte(strings.ToValidUTF8(string(s.out), "\uFFFD"))
		}},
		{"bad-text-control-z", "truncated", "cut off at the first control-Z", func(s *stream) {
			s.usual()
			s.out = s.out[:bytes.IndexByte(s.out, 0x1A)]
		}},
	}
}

// badCRCs is single bits that flipped.
func badCRCs() []vector {
	// flip flips a bit in a byte of the frame that add appends to a stream that
	// is good so far.
	flip := func(name, reason, proves string, at int, add func(*stream)) vector {
		return vector{"bad-" + name, reason, proves, func(s *stream) {
			s.begin(600)
			start := len(s.out)
			add(s)
			if at < 0 {
				start = len(s.out)
			}
			s.out[start+at] ^= 4
			if s.at == 0 {
				s.stored(text)
			}
			if s.count < 4 {
				s.finish()
			}
		}}
	}
	stored := func(s *stream) { s.stored(text) }
	return []vector{
		flip("header-crc", "header", "a header CRC", 60, stored),
		flip("header-crc-length", "header", "a flipped bit in a payload length is found before it is acted upon", 51, stored),
		flip("header-crc-type", "header", "a flipped bit in a type", 12, stored),
		flip("header-crc-version", "header", "a flipped bit in a version is damage, not another version", 8, stored),
		flip("header-crc-reserved", "header", "a flipped bit in a reserved byte is damage too", 14, stored),
		flip("payload-crc-data", "payload", "a payload of a data frame", -1, stored),
		flip("payload-crc-coded", "payload", "a payload that is coded", -1, func(s *stream) { s.data(lz4, text, coded[lz4]) }),
		flip("payload-crc-ancillary", "payload", "a payload that the reader does not know is checked all the same", -1, func(s *stream) { s.other(ancillary, text) }),
		{"bad-payload-crc-facts", "payload", "the facts", func(s *stream) {
			s.begin(600)
			s.out[len(s.out)-1] ^= 4
			s.stored(text)
			s.finish()
		}},
		{"bad-payload-crc-checksum", "payload", "digests", func(s *stream) {
			s.summed = true
			s.begin(600)
			s.stored(text)
			s.checksum()
			s.out[len(s.out)-1] ^= 4
			s.end()
		}},
		{"bad-payload-crc-end", "payload", "totals", func(s *stream) { s.usual(); s.out[len(s.out)-1] ^= 4 }},
	}
}

// badEnds is streams that stop too early, or too late.
func badEnds() []vector {
	cut := func(name, proves string, at func(s *stream) int) vector {
		return vector{"bad-truncated-" + name, "truncated", proves, func(s *stream) {
			s.summed = true
			s.usual()
			s.out = s.out[:at(s)]
		}}
	}
	begun := func() int { s := newStream(); s.summed = true; s.begin(usualSize); return len(s.out) }()
	after := func(name, proves string, more func(*stream)) vector {
		return vector{"bad-trailing-" + name, "trailing", proves + " after the end frame; good on a block device", func(s *stream) { s.usual(); more(s) }}
	}
	return []vector{
		cut("magic", "in the first magic", func(*stream) int { return 5 }),
		cut("first-header", "in the first header", func(*stream) int { return 63 }),
		cut("facts", "in the facts", func(*stream) int { return begun - 1 }),
		cut("after-first", "after the first frame", func(*stream) int { return begun }),
		cut("header", "in a later header", func(*stream) int { return begun + 8 }),
		cut("payload", "in a later payload", func(*stream) int { return begun + 64 + 599 }),
		cut("before-end", "before the end frame, when all of the image is there", func(s *stream) int { return len(s.out) - 64 - 72 }),
		cut("end-header", "in the end frame's header", func(s *stream) int { return len(s.out) - 73 }),
		cut("end-payload", "in the end frame's payload", func(s *stream) int { return len(s.out) - 1 }),
		after("byte", "a byte", func(s *stream) { s.out = append(s.out, '\n') }),
		after("zeros", "zeros", func(s *stream) { s.out = append(s.out, make([]byte, 512)...) }),
		after("frame", "a frame", func(s *stream) { s.other(ancillary, nil) }),
		after("end", "an end frame", func(s *stream) { s.end() }),
		after("stream", "a second stream", func(s *stream) { s.out = append(s.out, s.out...) }),
	}
}

// badOffsets is frames that do not tile the image.
func badOffsets() []vector {
	return []vector{
		{"bad-tiling-first", "tiling", "the first part begins at 4096", func(s *stream) { s.begin(4096 + 600); s.at = 4096; s.stored(text); s.finish() }},
		{"bad-tiling-gap", "tiling", "a byte between two parts is missing", func(s *stream) {
			s.begin(1201)
			s.stored(text)
			s.at++
			s.stored(text)
			s.finish()
		}},
		{"bad-tiling-overlap", "tiling", "two parts have a byte in common", func(s *stream) {
			s.begin(1199)
			s.stored(text)
			s.at--
			s.stored(text)
			s.finish()
		}},
		{"bad-tiling-zero-gap", "tiling", "a zero frame begins a byte too late", func(s *stream) { s.begin(4697); s.stored(text); s.at++; s.zero(4096); s.finish() }},
		{"bad-tiling-swapped", "tiling", "two parts in the wrong order", func(s *stream) {
			s.begin(4696)
			s.at = 600
			s.zero(4096)
			s.at = 0
			s.stored(text)
			s.finish()
		}},
		{"bad-tiling-repeated", "tiling", "a part that comes twice", func(s *stream) {
			s.begin(600)
			s.stored(text)
			s.at = 0
			s.stored(text)
			s.finish()
		}},
		{"bad-tiling-short", "tiling", "the last part ends before the image does", func(s *stream) { s.begin(601); s.stored(text); s.finish() }},
		{"bad-tiling-none", "tiling", "an image without a part", func(s *stream) { s.begin(600); s.finish() }},
		{"bad-tiling-long", "tiling", "a data frame goes past the end of the image", func(s *stream) { s.begin(599); s.stored(text); s.finish() }},
		{"bad-tiling-zero-long", "tiling", "a zero frame goes past the end of the image", func(s *stream) { s.begin(4695); s.stored(text); s.zero(4096); s.finish() }},
		{"bad-tiling-zero-huge", "tiling", "a zero frame of 2^62 bytes in an image of one", func(s *stream) {
			s.begin(1)
			s.put(header{Type: typeZero, Length: 1 << 62}, nil)
			s.totals[3], s.totals[4] = 1, 1<<62
			s.finish()
		}},
		{"bad-tiling-empty", "tiling", "a data frame in an image of no bytes", func(s *stream) { s.begin(0); s.stored(text); s.finish() }},
		{"bad-tiling-resumed", "tiling", "a data frame in the stream of a resumed system", func(s *stream) { s.resume(); s.stored(text); s.finish() }},
		{"bad-tiling-end", "tiling", "the end frame has another size than the image frame", func(s *stream) { s.begin(600); s.stored(text); s.size++; s.finish() }},
	}
}
