// Streams that try to make a reader use memory.

package memory_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
)

// hostile is a stream that tries to make its reader use memory.
type hostile struct {
	name    string
	outcome outcome
	summed  bool  // with checksums, which snapverify --check asks for
	peak    int64 // the most that a tool may take for it, in MiB
	frames  func(*stream)
}

// outcome is what becomes of a stream.
type outcome int

const (
	good        outcome = iota
	bad                 // every tool refuses it
	undecodable         // those that decode it do
)

// exit is the code that a tool has to exit with.
func (h *hostile) exit(tool []string) int {
	if slices.Contains(tool, "--salvage") && h.name == "lie-size" {
		return 1 // no file can be that long
	}
	needsSums := slices.Contains(tool, "--check")
	decodes := tool[0] != "snapverify" || needsSums && !slices.Contains(tool, "--digests-only")
	if h.outcome == bad || h.outcome == undecodable && decodes || needsSums && !h.summed {
		return 3
	}
	return 0
}

func (h *hostile) write(path string) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	s := newStream(f)
	s.summed = h.summed
	h.frames(s)
	return errors.Join(s.flush(), f.Close())
}

// What a tool may take, in MiB. Most of it is what a program in Go takes for
// nothing; the collector lets twice of all else gather.
const (
	little    = 24  // and no frame of more than some bytes
	oneFrame  = 48  // and one frame of 4 MiB, or its facts
	allFrames = 100 // and as many frames as are kept, decoders included
)

// streams is all of them: a length that is a lie in each place that has one,
// payloads that grow, and more of everything than anyone can keep.
func streams() []hostile {
	return slices.Concat(lies(), bombs(), floods())
}

// lies is headers that announce what does not come. The stream goes on after
// them, so that a reader that believes them has something to read.
func lies() []hostile {
	var all []hostile
	lie := func(name string, h header, payload uint32) {
		all = append(all, hostile{name: "lie-" + name, outcome: bad, peak: oneFrame, frames: func(s *stream) {
			s.begin(1 << 40)
			s.claim = payload
			s.put(h, nil)
			for range 16 {
				s.stored(letters[:1<<20])
			}
		}})
	}
	lie("data-4m", header{Type: typeData, Codec: zstdID, Length: maxPart}, maxPart-1) // as much as there may be
	lie("data-4g", header{Type: typeData, Codec: zstdID, Length: maxPart}, 1<<32-1)
	lie("data-length", header{Type: typeData, Codec: zstdID, Length: 1 << 62}, 100)
	lie("zeros", header{Type: typeZero, Length: 1 << 62}, 0)
	lie("ancillary-4m", header{Type: ancillary}, maxPart)
	lie("ancillary-4g", header{Type: ancillary}, 1<<32-1)
	lie("checksum-4g", header{Type: typeChecksum}, 1<<32-32)
	lie("end-4g", header{Type: typeEnd, Length: 1 << 40}, 1<<32-1)
	return append(all,
		hostile{name: "lie-facts-4g", outcome: bad, peak: oneFrame, frames: func(s *stream) { s.claim = 1<<32 - 1; s.begin(1) }},
		hostile{name: "lie-fact-4g", outcome: bad, peak: oneFrame, frames: func(s *stream) {
			s.facts = append(s.facts, "\x01\x00\xFF\xFF\xFF\xFFa"...)
			s.begin(0)
			s.end()
		}},
		hostile{name: "lie-size", outcome: bad, peak: oneFrame, frames: func(s *stream) { s.begin(1<<63 - 1); s.stored(letters); s.end() }},
	)
}

// bombs is payloads that grow, to as much as they may or to more. There are
// many of each, so that it shows what is kept from one to the next.
func bombs() []hostile {
	const count = 25
	var all []hostile
	bomb := func(name string, result outcome, codec uint8, payload []byte) {
		all = append(all, hostile{name: name, outcome: result, summed: true, peak: allFrames, frames: func(s *stream) {
			s.begin(count * maxPart)
			for range count {
				s.data(codec, letters, payload)
			}
			s.checksum()
			s.end()
		}})
	}
	const large = 256 << 20
	bomb("largest-stored", good, 0, letters)
	bomb("largest-zstd", good, zstdID, zstdOf(17, maxPart))
	bomb("largest-zstd-window", good, zstdID, zstdOf(23, maxPart))
	bomb("largest-s2", good, s2ID, s2Of(maxPart, maxPart))
	bomb("largest-lz4", good, lz4ID, lz4Of(maxPart))
	bomb("largest-xz", good, xzID, xzOf(maxPart))
	bomb("largest-gzip", good, gzipID, gzipOf(maxPart))
	bomb("bomb-zstd", undecodable, zstdID, zstdOf(17, large))
	bomb("bomb-zstd-window", undecodable, zstdID, zstdOf(41, maxPart))
	bomb("bomb-s2", undecodable, s2ID, s2Of(1<<32-1, 1<<32-1))
	bomb("bomb-s2-hidden", undecodable, s2ID, s2Of(maxPart, large))
	bomb("bomb-lz4", undecodable, lz4ID, lz4Of(large))
	bomb("bomb-xz", undecodable, xzID, xzOf(large))
	bomb("bomb-gzip", undecodable, gzipID, gzipOf(large))
	return all
}

// floods is more frames, digests or facts than anyone can keep.
func floods() []hostile {
	const million = 1_000_000
	return []hostile{
		{"flood-data", good, false, little, func(s *stream) {
			s.begin(million)
			for range million {
				s.stored(letters[:1])
			}
			s.end()
		}},
		{"flood-zeros", good, true, little, func(s *stream) {
			s.begin(million)
			for i := range million {
				s.zero(1)
				if i%1000 == 0 {
					s.checksum()
				}
			}
			s.checksum()
			s.end()
		}},
		{"flood-checksums", good, true, little, func(s *stream) {
			s.begin(million / 2)
			for range million / 2 {
				s.zero(1)
				s.checksum()
			}
			s.end()
		}},
		{"flood-uncovered", bad, true, little, func(s *stream) {
			s.begin(million)
			for range million {
				s.zero(1)
			}
			s.checksum()
			s.end()
		}},
		{"flood-digests", bad, true, oneFrame, func(s *stream) {
			s.begin(0)
			s.put(header{Type: typeChecksum}, make([]byte, maxPart))
			s.end()
		}},
		{"flood-ancillary", good, false, little, func(s *stream) {
			s.begin(0)
			for range million {
				s.put(header{Type: ancillary}, nil)
			}
			s.end()
		}},
		{"flood-ancillary-4m", good, false, allFrames, func(s *stream) {
			s.begin(0)
			for range 25 {
				s.put(header{Type: ancillary}, letters)
			}
			s.end()
		}},
		{"flood-payload", bad, false, oneFrame, func(s *stream) {
			s.begin(0)
			s.put(header{Type: ancillary}, make([]byte, maxPart+1)) // all of it comes
			s.end()
		}},
		{"flood-facts", bad, false, oneFrame, func(s *stream) {
			var facts bytes.Buffer
			for i := 0; facts.Len() < maxPart-len(s.facts)-16; i++ {
				facts.Write(fact(fmt.Sprint(i), ""))
			}
			s.facts = append(s.facts, facts.Bytes()...)
			s.begin(0)
			s.end()
		}},
		{"largest-fact", good, false, oneFrame, func(s *stream) {
			s.facts = append(s.facts, fact("a", strings.Repeat("A", maxPart-len(s.facts)-7))...)
			s.begin(0)
			s.end()
		}},
	}
}

// pointers is no hostile stream but an image like a heap, in frames as long as
// this project's: of each eight bytes, three are noise.
var pointers = hostile{name: "pointers", outcome: good, peak: allFrames, frames: func(s *stream) {
	const count = 12
	part := make([]byte, 1<<20)
	noise := rand.NewChaCha8([32]byte{3})
	s.begin(count * uint64(len(part)))
	for range count {
		for i := 0; i < len(part); i += 8 {
			binary.LittleEndian.PutUint64(part[i:], 0x00007f0000000000|noise.Uint64()&0xffffff)
		}
		s.stored(part)
	}
	s.end()
}}
