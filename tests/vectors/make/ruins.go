// Damaged streams, of which something is left.

package main

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"slices"
	"strings"
)

// ruin is a damaged stream, of which something is left.
type ruin struct {
	vector
	lost []part // of the image
	size int    // of what is left, where that is not the image's
	none bool   // no frame is whole
}

// part is a part of the image.
type part struct{ offset, length int }

// left is the line of SALVAGED: what a reader that is asked for it makes of
// what is left.
func (r *ruin) left(s *stream) []string {
	if r.none {
		return []string{r.name, "-", "-", "-"}
	}
	image := bytes.Clone(s.image)
	if r.size > 0 {
		image = image[:r.size]
	}
	missing := "-"
	for i, p := range r.lost {
		clear(image[p.offset:][:p.length])
		if i == 0 {
			missing = ""
		}
		missing += fmt.Sprintf("%d+%d,", p.offset, p.length)
	}
	return []string{r.name, fmt.Sprint(len(image)), strings.TrimSuffix(missing, ","), fmt.Sprintf("%x", sha256.Sum256(image))}
}

// In the stream that most ruins are made of, frame 1 stands for the first 600
// bytes, 2 for 4096 zeros, 3 for 600 bytes again, and 4 for the last 8.
var (
	first  = part{0, 600}
	zeros  = part{600, 4096}
	second = part{4696, 600}
	last   = part{5296, 8}
)

func (s *stream) house() {
	s.begin(600 + 4096 + 600 + 8)
	s.stored(text)
	s.zero(4096)
	s.stored(text)
	s.stored([]byte("snappipe"))
	s.finish()
}

// frames cuts the stream, as it was before anything was changed.
func (s *stream) frames() (all [][]byte) {
	for i, begin := range s.begins {
		end := len(s.out)
		if i+1 < len(s.begins) {
			end = s.begins[i+1]
		}
		all = append(all, s.out[begin:end:end])
	}
	return all
}

// ruins is streams of which the most is still there. That they are damaged is
// not what they prove.
func ruins() []ruin {
	// changed is the house with other frames, or none, in the place of some.
	changed := func(change func(fs [][]byte) [][]byte) func(*stream) {
		return func(s *stream) { s.house(); s.out = slices.Concat(change(s.frames())...) }
	}
	flip := func(frame, at int) func(*stream) {
		return changed(func(fs [][]byte) [][]byte { fs[frame][at] ^= 0x10; return fs })
	}
	return []ruin{
		{vector: vector{"bad-left-payload", "payload", "a damaged payload is that part", flip(1, 64+300)}, lost: []part{first}},
		{vector: vector{"bad-left-payloads", "payload", "two damaged payloads, with a whole frame between them", changed(func(fs [][]byte) [][]byte {
			fs[1][64] ^= 1
			fs[3][64+599] ^= 1
			return fs
		})}, lost: []part{first, second}},
		{vector: vector{"bad-left-header", "header", "a damaged header is that part", flip(3, 41)}, lost: []part{second}},
		{vector: vector{"bad-left-magic", "magic", "a damaged magic is that part", flip(3, 2)}, lost: []part{second}},
		{vector: vector{"bad-left-zero", "header", "a damaged zero frame is zeros, but not known to be", flip(2, 20)}, lost: []part{zeros}},
		{vector: vector{"bad-left-side-by-side", "magic", "parts that are lost side by side are one", changed(func(fs [][]byte) [][]byte {
			return [][]byte{fs[0], bytes.Repeat([]byte{0xFF}, 900), fs[3], fs[4], fs[5]}
		})}, lost: []part{{0, 4696}}},
		{vector: vector{"bad-left-first", "header", "without the first frame, the end frame has the size", flip(0, 42)}},
		{vector: vector{"bad-left-facts", "field", "a first frame that must not be believed", func(s *stream) { s.facts = without("host"); s.house() }}},
		{vector: vector{"bad-left-ends", "sequence", "without the first frame and the end frame, the image ends where the last part that is there does", changed(func(fs [][]byte) [][]byte {
			return fs[1:4]
		})}, size: 5296},
		{vector: vector{"bad-left-middle", "magic", "cut off at both ends", func(s *stream) { s.house(); s.out = s.out[s.begins[1]+100 : s.begins[4]+70] }},
			lost: []part{first}, size: 5296},
		{vector: vector{"bad-left-hole", "truncated", "of a payload with a hole, the next frame is found within the length that it had", changed(func(fs [][]byte) [][]byte {
			fs[3] = slices.Delete(fs[3], 64+100, 64+400)
			return fs
		})}, lost: []part{second}},
		{vector: vector{"bad-left-more", "payload", "of a payload with more in it, the next frame is found behind it", changed(func(fs [][]byte) [][]byte {
			fs[3] = slices.Insert(fs[3], 64+100, text...)
			return fs
		})}, lost: []part{second}},
		{vector: vector{"bad-left-order", "sequence", "offsets say where parts belong, in whatever order they come", changed(func(fs [][]byte) [][]byte {
			return [][]byte{fs[0], fs[4], fs[2], fs[3], fs[1], fs[5]}
		})}},
		{vector: vector{"bad-left-twice", "header", "a frame that comes twice, the first time damaged", changed(func(fs [][]byte) [][]byte {
			bad := bytes.Clone(fs[1])
			bad[50] ^= 1
			return [][]byte{fs[0], bad, fs[1], fs[2], fs[3], fs[4], fs[5]}
		})}},
		{vector: vector{"bad-left-foreign", "foreign", "frames of another stream are none of this one's", func(s *stream) {
			s.but(3, func(h *header) { h.Identity++ })
			s.house()
		}}, lost: []part{second}},
		{vector: vector{"bad-left-beyond", "tiling", "a part that lies beyond the end of the image", func(s *stream) {
			s.but(4, func(h *header) { h.Offset += 4 })
			s.house()
		}}, lost: []part{last}},
		{vector: vector{"unsupported-left", "unsupported", "a frame of a type that nobody knows", func(s *stream) {
			s.but(2, func(h *header) { h.Type = 100 })
			s.house()
		}}, lost: []part{zeros}},
		{vector: vector{"bad-left-coded", "codec", "a payload that does not decode", func(s *stream) {
			s.begin(600 + 600)
			s.data(s2, text, text[:100])
			s.stored(text)
			s.finish()
		}}, lost: []part{first}},
		{vector: vector{"bad-left-raw", "raw", "a payload that decodes to something else", func(s *stream) {
			s.begin(600 + 600)
			s.but(1, func(h *header) { h.ImageCRC++ })
			s.data(lz4, text, coded[lz4])
			s.stored(text)
			s.finish()
		}}, lost: []part{first}},
		{vector: vector{"bad-left-digest", "sums", "a frame that is whole, but not the one that the checksum frame covers", func(s *stream) {
			s.summed = true
			s.house()
			other := newStream()
			other.summed = true
			other.begin(s.size)
			other.stored(bytes.ToUpper(text))
			fs := s.frames()
			fs[1] = other.frames()[1]
			s.out = slices.Concat(fs...)
		}}, lost: []part{first}},
		{vector: vector{"bad-left-digests", "header", "where the checksum frame is lost, CRCs are all there is", func(s *stream) { s.summed = true; s.house(); s.out[s.begins[5]+13] ^= 1 }}},
		{vector: vector{"bad-left-digest-gap", "sequence", "digests are known by the numbers of their frames, of which some are lost", func(s *stream) {
			s.summed = true
			s.house()
			s.out = slices.Delete(s.out, s.begins[1], s.begins[3])
		}}, lost: []part{{0, 4696}}},
		{vector: vector{"bad-left-inner", "payload", "frames of a stream that lies in a damaged part of the image", func(s *stream) {
			inner := newStream()
			inner.identity++
			inner.usual()
			s.begin(uint64(len(inner.out)) + 8)
			s.stored(inner.out)
			s.stored([]byte("snappipe"))
			s.finish()
			s.out[s.begins[2]-1] ^= 1
		}}, lost: []part{{0, innerSize}}},
		{vector: vector{"bad-left-nothing", "text-mode", "no header survives where line ends were changed", func(s *stream) {
			s.house()
			s.out = bytes.ReplaceAll(s.out, []byte("\r\n"), []byte("\n"))
		}}, none: true},
		{vector: vector{"refused-left", "refused", "the parts that came before a refusal", func(s *stream) {
			s.begin(600 + 4096)
			s.stored(text)
			s.failure(facts(fact{"outcome", "refused"}, fact{"reason", "it is a TCP socket"}))
			s.image = append(s.image, make([]byte, 4096)...)
		}}, lost: []part{zeros}},
	}
}

// innerSize is the length of the usual stream.
var innerSize = func() int { s := newStream(); s.usual(); return len(s.out) }()
