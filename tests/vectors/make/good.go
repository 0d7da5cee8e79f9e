// Streams that every reader takes.

package main

import (
	"bytes"
	"fmt"
	"strings"
)

// good is streams that every reader takes.
func good() []vector {
	all := []vector{
		{"good-usual", "", "data, zeros, data", func(s *stream) { s.usual() }},
		{"good-usual-checksums", "", "the same with checksums", func(s *stream) { s.summed = true; s.usual() }},
		{"good-empty", "", "an image of no bytes", func(s *stream) { s.begin(0); s.finish() }},
		{"good-empty-checksums", "", "an image of no bytes, with checksums", func(s *stream) { s.summed = true; s.begin(0); s.finish() }},
		{"good-one-byte", "", "an image of one byte", func(s *stream) { s.begin(1); s.stored([]byte("A")); s.finish() }},
		{"good-identity-0", "", "an identity of 0 is one like any other", func(s *stream) { s.identity = 0; s.usual() }},
		{"good-identity-max", "", "an identity of 2^64-1 is one like any other", func(s *stream) { s.identity = 1<<64 - 1; s.usual() }},
		{"good-resumed", "", "a resumed system has no image", func(s *stream) { s.resume(); s.finish() }},
		{"good-resumed-checksums", "", "a resumed system, with checksums", func(s *stream) { s.summed = true; s.resume(); s.finish() }},
	}
	return append(append(append(append(all, goodCuts()...), goodCodecs()...), goodOthers()...), goodSums()...)
}

// goodCuts is images cut up in ways that no writer of this project does.
func goodCuts() []vector {
	return []vector{
		{"good-zero", "", "nothing but zeros", func(s *stream) { s.begin(1 << 20); s.zero(1 << 20); s.finish() }},
		{"good-zero-runs", "", "zero frames side by side, of any length", func(s *stream) {
			s.begin(10000)
			for _, n := range []uint64{1, 4095, 4097, 1807} {
				s.zero(n)
			}
			s.finish()
		}},
		{"good-zero-long", "", "a zero frame may be longer than any data frame", func(s *stream) { s.begin(maxPart + 1); s.zero(maxPart + 1); s.finish() }},
		{"good-zero-as-data", "", "data frames may hold zeros", func(s *stream) { s.begin(4096); s.stored(make([]byte, 4096)); s.finish() }},
		{"good-partial-page", "", "an image that is no whole number of pages", func(s *stream) {
			s.begin(4096 + 100)
			s.zero(4096)
			s.stored(text[:100])
			s.finish()
		}},
		{"good-cuts", "", "data frames of any length", func(s *stream) {
			s.begin(600)
			for b, n := text, 1; len(b) > 0; n = min(2*n+1, len(b)) {
				s.stored(b[:n])
				b = b[n:]
			}
			s.finish()
		}},
		{"good-longest", "", "a data frame that stands for 4 MiB", func(s *stream) {
			s.begin(maxPart)
			s.data(zstd, letters(maxPart), zstdLetters(zstdWindow(22), maxPart))
			s.finish()
		}},
	}
}

func goodCodecs() []vector {
	var all []vector
	one := func(name, proves string, codec uint8, part, payload []byte) {
		all = append(all, vector{"good-" + name, "", proves, func(s *stream) {
			s.begin(uint64(len(part)))
			s.data(codec, part, payload)
			s.finish()
		}})
	}
	for codec, payload := range coded {
		one(codecNames[codec], "codec "+codecNames[codec], uint8(codec), text, payload)
	}
	one("zstd-checksum", "a Zstandard frame with checksum, without content size", zstd, text, zstdChecked)
	one("zstd-window", "a Zstandard frame with the largest window, 8 MiB", zstd, letters(600), zstdLetters(zstdWindow(23), 600))
	one("zstd-blocks", "a Zstandard frame of several blocks", zstd, letters(1<<20), zstdLetters(zstdWindow(17), 1<<20))
	one("gzip-name", "a gzip header with name and time", gzip, text, gzipNamed)
	one("gzip-fixed", "a gzip member of fixed codes", gzip, letters(1+258*3), gzipLetters(3))
	one("xz-chunks", "several LZMA2 chunks", xz, letters(lettersSize), xzLetters)
	one("xz-stored", "LZMA2 chunks with and without compression", xz, append(bytes.Clone(text[:3]), text...),
		append([]byte{1, 0, 2, 's', 'n', 'a'}, coded[xz]...))
	one("lz4-overlap", "an LZ4 match that overlaps itself, its length in many bytes", lz4, letters(1+19+255*9+5), lz4Letters(9))
	one("s2-repeats", "each form of a repeat in an S2 block", s2, bytes.Repeat([]byte("snap"), s2RepeatsSize/4+1)[:s2RepeatsSize], s2Repeats)
	one("s2-copies", "each form of a copy in an S2 block", s2, append([]byte(strings.Repeat("snap", 36)[:141]), text[:61]...), s2Copies)
	all = append(all, vector{"good-all-codecs", "", "a different codec in each frame", func(s *stream) {
		s.summed = true
		s.begin(uint64(len(coded) * len(text)))
		for codec, payload := range coded {
			s.data(uint8(codec), text, payload)
		}
		s.finish()
	}})
	return all
}

// goodOthers is ancillary frames and facts that nobody knows.
func goodOthers() []vector {
	between := func(s *stream) {
		s.begin(usualSize)
		s.other(ancillary, nil)
		s.middle()
		s.but(s.count, func(h *header) {
			h.Flags, h.Codec, h.Offset, h.Length, h.ImageCRC = 0xFF, 0xFF, 1<<62, 1<<61, 0xFFFFFFFF
		})
		s.other(0xFFFF, text)
		s.finish()
	}
	return []vector{
		{"good-ancillary", "", "unknown ancillary frames, which use all fields", between},
		{"good-ancillary-checksums", "", "unknown ancillary frames have digests", func(s *stream) { s.summed = true; between(s) }},
		{"good-ancillary-resumed", "", "an ancillary frame in the stream of a resumed system", func(s *stream) { s.resume(); s.other(ancillary, text); s.finish() }},
		{"good-facts", "", "facts of every form, in any order", func(s *stream) {
			s.facts = append(facts(fact{"empty", ""}, fact{strings.Repeat("0-az", 16), "a name of 64 letters"}, fact{"utf-8", "Schnappschuß \U0001F4F7\n\x00"}),
				with("time", "2007-04-26T12:00:00.123456789Z")...)
			s.usual()
		}},
		{"good-time-leap", "", "a leap second", func(s *stream) { s.facts = with("time", "2005-12-31T23:59:60Z"); s.usual() }},
		{"good-time-leap-fraction", "", "half of a leap second, in a leap year's February", func(s *stream) { s.facts = with("time", "2008-02-29T23:59:60.5Z"); s.usual() }},
		{"good-facts-1024", "", "the most facts that there may be", func(s *stream) { s.facts = more(many(1024 - len(usualFacts))...); s.usual() }},
	}
}

func many(n int) []fact {
	var all []fact
	for i := range n {
		all = append(all, fact{fmt.Sprint(i), ""})
	}
	return all
}

func goodSums() []vector {
	return []vector{
		{"good-checksums-several", "", "a checksum frame after each frame", func(s *stream) {
			s.summed = true
			s.begin(4096 + 600)
			s.checksum()
			s.zero(4096)
			s.checksum()
			s.stored(text)
			s.checksum()
			s.end()
		}},
		{"good-checksums-1024", "", "a checksum frame over as many frames as there may be", func(s *stream) {
			s.summed = true
			s.begin(1023)
			for range 1023 {
				s.zero(1)
			}
			s.finish()
		}},
	}
}
