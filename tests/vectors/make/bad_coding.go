// Payloads that do not decode.

package main

import (
	"bytes"
	"encoding/binary"
	"slices"
)

// badCoding is payloads that are undamaged and do not decode to what their
// headers say. Only who decodes them can tell.
func badCoding() []vector {
	return slices.Concat(badLengths(), badZstd(), badS2(), badLZ4(), badXZ(), badGzip())
}

func decodes(name, reason, proves string, codec uint8, part, payload []byte) vector {
	return vector{"bad-" + name, reason, proves, func(s *stream) {
		s.begin(uint64(len(part)))
		s.data(codec, part, payload)
		s.finish()
	}}
}

// badLengths is the same for all codecs: too short, too long, cut off, with
// something behind, not coded at all, or something else than was coded.
func badLengths() []vector {
	var all []vector
	for codec := uint8(zstd); codec <= gzip; codec++ {
		name, payload := codecNames[codec], coded[codec]
		all = append(all,
			decodes(name+"-short", "codec", name+" of a byte less than the header says", codec, append(bytes.Clone(text), 'A'), payload),
			decodes(name+"-long", "codec", name+" of a byte more than the header says", codec, text[:599], payload),
			decodes(name+"-cut", "codec", name+" that is cut off", codec, text, payload[:len(payload)-1]),
			decodes(name+"-trailing", "codec", name+" with a byte behind", codec, text, append(bytes.Clone(payload), 0)),
			decodes(name+"-garbage", "codec", name+" that is none", codec, text, bytes.Repeat([]byte{0xEE}, 40)),
			vector{"bad-image-crc-" + name, "raw", name + " of something else than the image CRC is of", func(s *stream) {
				s.but(1, func(h *header) { h.ImageCRC ^= 1 << 31 })
				s.begin(600)
				s.data(codec, text, payload)
				s.finish()
			}})
	}
	return all
}

func badZstd() []vector {
	wrong := func(name, proves string, n int, payload []byte) vector {
		return decodes("zstd-"+name, "codec", proves, zstd, letters(n), payload)
	}
	checked := bytes.Clone(zstdChecked)
	checked[len(checked)-1] ^= 1
	skippable := append([]byte{0x50, 0x2A, 0x4D, 0x18}, 4, 0, 0, 0, 1, 2, 3, 4)
	frame := zstdLetters(zstdWindow(17), 600)
	return []vector{
		wrong("bomb", "a Zstandard frame of 64 MiB", maxPart, zstdLetters(zstdWindow(17), 64<<20)),
		wrong("window", "a window of 9 MiB", 600, zstdLetters([]byte{0, 13<<3 | 1}, 600)),
		wrong("window-huge", "a window of 3.75 TiB", 600, zstdLetters([]byte{0, 0xFF}, 600)),
		wrong("dictionary", "a Zstandard frame that needs a dictionary", 600, zstdLetters([]byte{1, 0, 7}, 600)),
		wrong("reserved", "the reserved bit of a frame header", 600, zstdLetters([]byte{8, 0}, 600)),
		wrong("content-size", "another content size than the frame has", 600, zstdLetters([]byte{0x60, 0x59, 0x01}, 600)),
		wrong("frames", "two Zstandard frames", 1200, append(bytes.Clone(frame), frame...)),
		wrong("skippable-first", "a skippable frame before the Zstandard frame", 600, append(bytes.Clone(skippable), frame...)),
		wrong("skippable-last", "a skippable frame after it", 600, append(bytes.Clone(frame), skippable...)),
		decodes("zstd-checksum", "codec", "a Zstandard content checksum", zstd, text, checked),
	}
}

func badS2() []vector {
	wrong := func(name, proves string, elements ...string) vector {
		return decodes("s2-"+name, "codec", proves, s2, letters(600), s2Block(600, elements...))
	}
	return []vector{
		decodes("s2-bomb", "codec", "an S2 block of 4 GiB less a byte, as it says", s2, letters(600), s2Block(1<<32-1, "\x00A\x01\x01")),
		decodes("s2-endless", "codec", "an S2 block of a length in ten bytes", s2, letters(600), s2Block(1<<63, "\x00A\x01\x01")),
		decodes("s2-length", "codec", "an S2 block of 600 bytes that says it has 601", s2, letters(600), s2Block(601, "\x00A\x01\x01", "\x19\x00\x4F\x01")),
		wrong("overrun", "an S2 block that repeats 16 MiB", "\x00A\x01\x01", "\x1D\x00\xFF\xFF\xFF"),
		wrong("repeat-first", "a repeat before any copy", "\x00A", "\x19\x00\x53\x01"),
		wrong("offset", "a copy from before the first byte", "\x00A\x01\x02", "\x19\x00\x4F\x01"),
		wrong("offset-0", "a copy of the second kind from 0 back", "\x00A\x01\x01", "\xFE\x00\x00", "\x19\x00\x0F\x01"),
		wrong("literal", "a literal of 4 GiB", "\xFC\xFF\xFF\xFF\xFF", "A"),
	}
}

func badLZ4() []vector {
	wrong := func(name, proves, payload string) vector {
		return decodes("lz4-"+name, "codec", proves, lz4, letters(600), []byte(payload))
	}
	return []vector{
		decodes("lz4-bomb", "codec", "an LZ4 block of 1 MiB", lz4, letters(8192), lz4Letters(4112)),
		wrong("offset-0", "a match from 0 back", "\x1FA\x00\x00\xFF\xFF\x41\x50AAAAA"),
		wrong("offset", "a match from before the first byte", "\x1FA\x02\x00\xFF\xFF\x41\x50AAAAA"),
		wrong("literals", "literals that are not there", "\xFF\xFF\xFFAAAAA"),
	}
}

func badXZ() []vector {
	wrong := func(name, proves string, change func([]byte) []byte) vector {
		return decodes("xz-"+name, "codec", proves, xz, text, change(bytes.Clone(coded[xz])))
	}
	return []vector{
		decodes("xz-bomb", "codec", "LZMA2 chunks of 3 MiB", xz, letters(8192), xzLetters),
		wrong("chunk", "a chunk that says it is longer than it is", func(b []byte) []byte { b[4]++; return b }),
		wrong("no-reset", "a first chunk that does not reset the dictionary", func(b []byte) []byte { b[0] &^= 0x20; return b }),
		wrong("control", "a chunk of unknown kind", func(b []byte) []byte { b[0] = 3; return b }),
		wrong("properties", "properties that cannot be", func(b []byte) []byte { b[5] = 0xFF; return b }),
		decodes("xz-container", "codec", "an .xz file", xz, text, xzFile),
	}
}

func badGzip() []vector {
	wrong := func(name, proves string, change func([]byte) []byte) vector {
		return decodes("gzip-"+name, "codec", proves, gzip, text, change(bytes.Clone(coded[gzip])))
	}
	two := slices.Concat(gzipLetters(3), gzipLetters(3))
	return []vector{
		decodes("gzip-bomb", "codec", "a gzip member of 1 MiB", gzip, letters(8192), gzipLetters(4064)),
		decodes("gzip-members", "codec", "two gzip members", gzip, letters(2*(1+258*3)), two),
		wrong("crc", "the CRC-32 of a gzip member", func(b []byte) []byte { b[len(b)-8] ^= 1; return b }),
		wrong("size", "the length of a gzip member", func(b []byte) []byte {
			binary.LittleEndian.PutUint32(b[len(b)-4:], 601)
			return b
		}),
		wrong("method", "a method of compression that is not deflate", func(b []byte) []byte { b[2] = 7; return b }),
		wrong("zlib", "a zlib stream", func(b []byte) []byte { return append([]byte{0x78, 0xDA}, b[10:]...) }),
	}
}
