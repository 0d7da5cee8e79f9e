// Streams of a later version.

package main

import "fmt"

// unsupported is streams that a reader of this version cannot take, though
// nothing is damaged: a later one may.
func unsupported() []vector {
	var all []vector
	add := func(name, proves string, build func(*stream)) {
		all = append(all, vector{"unsupported-" + name, "unsupported", proves, build})
	}
	for _, v := range []uint8{0, 2, 255} {
		add(fmt.Sprintf("version-%d", v), "another version from the first frame on", func(s *stream) {
			for i := range uint64(5) {
				s.but(i, func(h *header) { h.Version = v })
			}
			s.usual()
		})
	}
	add("version-2-other-fields", "of another version, nothing but magic, version and header CRC is known", func(s *stream) {
		s.put(header{}, nil)
		s.out = nil
		s.but(1, func(h *header) { *h = header{h.Magic, 2, 255, 255, 255, 0xFFFF, 0xFFFF, 1, 2, 3, 4, 1 << 31, 5, 6} })
		s.put(header{}, nil)
	})
	add("version-2-later", "another version in mid-stream", func(s *stream) { s.but(2, func(h *header) { h.Version = 2 }); s.usual() })
	add("reserved-11", "byte 11 in use", func(s *stream) { s.but(1, func(h *header) { h.Reserved1 = 1 }); s.usual() })
	add("reserved-14", "byte 14 in use", func(s *stream) { s.but(1, func(h *header) { h.Reserved2 = 1 }); s.usual() })
	add("reserved-15", "byte 15 in use", func(s *stream) { s.but(0, func(h *header) { h.Reserved2 = 1 << 8 }); s.usual() })
	for _, typ := range []uint16{0, 9, 0x7FFF} {
		add(fmt.Sprintf("type-%d", typ), "a critical frame of unknown type", func(s *stream) {
			s.begin(usualSize)
			s.other(typ, text)
			s.middle()
			s.finish()
		})
	}
	for _, codec := range []uint8{6, 255} {
		add(fmt.Sprintf("codec-%d", codec), "an unknown codec", func(s *stream) {
			s.begin(600)
			s.data(codec, text, text[:100])
			s.finish()
		})
	}
	return all
}
