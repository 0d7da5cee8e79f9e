// Headers that no writer may write.

package main

import "fmt"

// badFields is headers that are undamaged and say what no writer may say.
func badFields() []vector {
	all := append(badZeroFields(), badLimits()...)
	return append(all, badParts()...)
}

// badZeroFields sets, in a frame of each type, each field that has to be 0.
func badZeroFields() []vector {
	fields := map[string]func(*header){
		"flags":     func(h *header) { h.Flags |= 2 },
		"codec":     func(h *header) { h.Codec = gzip },
		"offset":    func(h *header) { h.Offset = 1 },
		"length":    func(h *header) { h.Length = 1 },
		"image-crc": func(h *header) { h.ImageCRC = 1 },
	}
	types := []struct {
		name  string
		frame uint64 // of the usual stream with checksums
		zero  []string
	}{
		{"image", 0, []string{"flags", "codec", "offset", "image-crc"}},
		{"resumed", 0, []string{"flags", "codec", "offset", "length", "image-crc"}},
		{"data", 1, []string{"flags"}},
		{"zero", 2, []string{"flags", "codec", "image-crc"}},
		{"checksum", 4, []string{"flags", "codec", "offset", "length", "image-crc"}},
		{"end", 5, []string{"flags", "codec", "offset", "image-crc"}},
		{"failure", 0, []string{"flags", "codec", "offset", "length", "image-crc"}},
	}
	var all []vector
	for _, t := range types {
		for _, field := range t.zero {
			name := fmt.Sprintf("bad-%s-%s", field, t.name)
			proves := fmt.Sprintf("the field %s has no use in frames of type %s", field, t.name)
			if field == "flags" {
				proves = fmt.Sprintf("bit 1 of the flags has no use in frames of type %s", t.name)
			}
			all = append(all, vector{name, "field", proves, func(s *stream) {
				s.summed = true
				s.but(t.frame, fields[field])
				switch t.name {
				case "resumed":
					s.resume()
					s.finish()
				case "failure":
					s.failure(facts(fact{"outcome", "failed"}, fact{"reason", "because"}))
				default:
					s.usual()
				}
			}})
		}
	}
	return all
}

// badLimits is numbers that are too large for anyone.
func badLimits() []vector {
	// says has a second frame whose header says what edit makes of it; nothing
	// follows, since a reader has to stop there.
	says := func(name, proves string, h header, edit func(*header)) vector {
		return vector{"bad-limit-" + name, "field", proves, func(s *stream) {
			s.begin(1<<63 - 1)
			s.but(1, edit)
			s.put(h, nil)
		}}
	}
	// whole is whole but for an ancillary frame, which may use these fields, up
	// to the limit.
	whole := func(name, proves string, offset, length uint64) vector {
		return vector{"bad-limit-" + name, "field", proves, func(s *stream) {
			s.begin(600)
			s.put(header{Type: ancillary, Offset: offset, Length: length}, nil)
			s.stored(text)
			s.finish()
		}}
	}
	payload := func(n uint32) func(*header) { return func(h *header) { h.PayloadLength = n } }
	none := func(*header) {}
	data := header{Type: typeData, Codec: zstd, Length: maxPart}
	return []vector{
		says("payload", "a payload of 4 MiB and a byte, in a data frame of as many bytes", header{Type: typeData, Length: maxPart + 1}, payload(maxPart+1)),
		says("payload-4g", "a payload of 4 GiB less a byte", data, payload(1<<32-1)),
		says("payload-ancillary", "a payload of 4 MiB and a byte, in an ancillary frame", header{Type: ancillary}, payload(maxPart+1)),
		says("payload-checksum", "digests of 4 GiB", header{Type: typeChecksum}, payload(1<<32-32)),
		says("payload-end", "totals of 4 GiB", header{Type: typeEnd, Length: 1<<63 - 1}, payload(1<<32-1)),
		whole("offset", "an offset of 2^63", 1<<63, 0),
		whole("length", "a length of 2^63", 0, 1<<63),
		whole("sum", "an offset and a length that are 2^63 together", 1<<63-1, 1),
		says("sum-64", "an offset and a length that are 2^64 together", header{Type: typeZero, Offset: 1 << 63, Length: 1 << 63}, none),
		{"bad-limit-facts", "field", "facts of 4 GiB less a byte", func(s *stream) {
			s.but(0, payload(1<<32-1))
			s.begin(600)
		}},
		{"bad-limit-size", "field", "an image of 2^63 bytes", func(s *stream) { s.begin(1 << 63) }},
	}
}

// badParts is data and zero frames whose lengths cannot be.
func badParts() []vector {
	equal := []byte("AAAAA") // and an S2 block of it, of the same length
	return []vector{
		{"bad-data-empty", "field", "a data frame that stands for nothing", func(s *stream) { s.begin(600); s.stored(nil); s.stored(text); s.finish() }},
		{"bad-data-long", "field", "a data frame that stands for 4 MiB and a byte", func(s *stream) {
			s.begin(maxPart + 1)
			s.data(zstd, letters(maxPart+1), zstdLetters(zstdWindow(22), maxPart+1))
			s.finish()
		}},
		{"bad-coded-empty", "field", "a coded payload of no bytes", func(s *stream) { s.begin(600); s.data(lz4, text, nil); s.finish() }},
		{"bad-coded-equal", "field", "a coded payload that is as long as the part", func(s *stream) {
			s.begin(5)
			s.data(s2, equal, s2Block(5, "\x00A\x01\x01"))
			s.finish()
		}},
		{"bad-coded-longer", "field", "a coded payload that is longer than the part", func(s *stream) {
			s.begin(259)
			s.data(gzip, letters(1), gzipLetters(0))
			s.zero(258)
			s.finish()
		}},
		{"bad-stored-short", "field", "a stored payload that is shorter than the part", func(s *stream) {
			s.begin(600)
			s.data(none, text, text[:599])
			s.finish()
		}},
		{"bad-stored-long", "field", "a stored payload that is longer than the part", func(s *stream) {
			s.begin(599)
			s.data(none, text[:599], text)
			s.finish()
		}},
		{"bad-stored-crcs", "field", "a stored payload whose two CRCs differ", func(s *stream) {
			s.but(1, func(h *header) { h.ImageCRC ^= 1 })
			s.usual()
		}},
		{"bad-zero-empty", "field", "a zero frame that stands for nothing", func(s *stream) { s.begin(600); s.stored(text); s.zero(0); s.finish() }},
		{"bad-zero-payload", "field", "a zero frame with a payload", func(s *stream) {
			s.begin(4096)
			s.put(header{Type: typeZero, Length: 4096}, make([]byte, 8))
			s.at, s.totals[3], s.totals[4] = 4096, 1, 4096
			s.finish()
		}},
	}
}
