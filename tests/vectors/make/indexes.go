// Indexes: what they say of the frames before them.

package main

import "encoding/binary"

const typeIndex = 0x8002

// line is what an index says of a frame.
type line struct {
	Payload         uint32
	Type            uint16
	Codec, Reserved uint8
	Length          uint64
}

// list is what an index is made of.
type list struct {
	number, at, offset uint64
	lines              []line
	tail               uint64 // what is added to the length that it says
}

// listed is the list of frames from that number on.
func (s *stream) listed(first uint64) *list {
	l := &list{number: first}
	for i, begin := range append(s.begins[:s.count:s.count], len(s.out)) {
		switch {
		case uint64(i) == first:
			l.at = uint64(begin)
		case uint64(i) < first:
			continue
		}
		if begin == len(s.out) {
			break
		}
		h := s.out[begin:]
		l.lines = append(l.lines, line{
			binary.LittleEndian.Uint32(h[48:]), binary.LittleEndian.Uint16(h[12:]), h[10], 0, binary.LittleEndian.Uint64(h[40:]),
		})
	}
	for _, begin := range s.begins[:first] {
		switch h := s.out[begin:]; binary.LittleEndian.Uint16(h[12:]) {
		case typeData, typeZero, typePatch:
			l.offset += binary.LittleEndian.Uint64(h[40:])
		}
	}
	return l
}

func (l *list) payload() []byte {
	le := binary.LittleEndian
	b := le.AppendUint64(le.AppendUint64(le.AppendUint64(nil, l.number), l.at), l.offset)
	for _, line := range l.lines {
		b, _ = binary.Append(b, le, line) // all of it has a fixed size
	}
	return le.AppendUint64(b, uint64(64+len(b)+8)+l.tail)
}

// indexed is the usual stream with checksums, and with an index that change
// changes.
func (s *stream) indexed(change func(*list)) {
	s.summed = true
	s.begin(usualSize)
	s.middle()
	s.checksum()
	l := s.listed(0)
	change(l)
	s.other(typeIndex, l.payload())
	s.finish()
}

// indexes is streams with index frames.
func indexes() []vector {
	all := []vector{
		{"good-index", "", "an index", func(s *stream) { s.indexed(func(*list) {}) }},
		{"good-index-several", "", "an index that goes on from another", func(s *stream) {
			s.summed = true
			s.begin(usualSize)
			s.other(typeIndex, s.listed(0).payload())
			s.middle()
			s.checksum()
			s.other(typeIndex, s.listed(1).payload())
			s.finish()
		}},
		{"good-index-inside", "", "an index that is not at the end", func(s *stream) {
			s.summed = true
			s.begin(usualSize)
			s.other(typeIndex, s.listed(0).payload())
			s.middle()
			s.finish()
		}},
		{"good-index-without-checksums", "", "an index in a stream without checksums says nothing", func(s *stream) {
			s.begin(usualSize)
			s.middle()
			l := s.listed(0)
			l.lines[1].Length++
			s.other(typeIndex, l.payload())
			s.finish()
		}},
		{"good-index-resumed", "", "an index in the stream of a resumed system", func(s *stream) {
			s.summed = true
			s.resume()
			s.other(typeIndex, s.listed(0).payload())
			s.finish()
		}},
	}
	stale := func(name, proves string, change func(*list)) {
		all = append(all, vector{"good-index-" + name, "", proves, func(s *stream) { s.indexed(change) }})
	}
	stale("stale", "an index of another stream: its frames are longer", func(l *list) { l.lines[1].Payload++ })
	stale("stale-short", "an index of another stream: it has fewer frames", func(l *list) { l.lines = l.lines[:2] })
	stale("stale-number", "an index of another stream: its frames have other numbers", func(l *list) { l.number++ })
	bad := func(name, reason, proves string, change func(*list)) {
		all = append(all, vector{"bad-index-" + name, reason, proves, func(s *stream) { s.indexed(change) }})
	}
	bad("type", "index", "data called zeros", func(l *list) { l.lines[1].Type = typeZero })
	bad("codec", "index", "another codec", func(l *list) { l.lines[1].Codec = zstd })
	bad("length", "index", "another length", func(l *list) { l.lines[2].Length++ })
	bad("payload", "index", "two frames the boundary of which is elsewhere", func(l *list) { l.lines[1].Payload++; l.lines[3].Payload-- })
	bad("reserved", "index", "a byte that has no use", func(l *list) { l.lines[1].Reserved = 1 })
	bad("far", "index", "a length of 2^63", func(l *list) { l.lines[1].Length = 1 << 63 })
	bad("swapped", "index", "two frames swapped", func(l *list) { l.lines[1], l.lines[2] = l.lines[2], l.lines[1] })
	bad("offset", "index", "a list that begins elsewhere in the image", func(l *list) { l.offset++ })
	bad("late", "index", "a list that leaves out the first frames", func(l *list) {
		l.number, l.at, l.lines = 1, 64+uint64(l.lines[0].Payload), l.lines[1:]
	})
	bad("own-length", "index", "another length of the index than it has", func(l *list) { l.tail = 16 })
	bad("no-lines", "field", "an index of nothing", func(l *list) { l.lines = nil })
	all = append(all,
		vector{"bad-index-half", "field", "half a line", func(s *stream) {
			s.begin(usualSize)
			s.other(typeIndex, make([]byte, 24+8+8))
			s.middle()
			s.finish()
		}},
		vector{"bad-index-again", "index", "a second index that begins where the first one does", func(s *stream) {
			s.summed = true
			s.begin(usualSize)
			s.other(typeIndex, s.listed(0).payload())
			s.middle()
			s.other(typeIndex, s.listed(0).payload())
			s.finish()
		}})
	for _, f := range []struct {
		name string
		header
	}{
		{"flags", header{Flags: 1}}, {"codec-field", header{Codec: gzip}}, {"offset-field", header{Offset: 1}},
		{"length-field", header{Length: 1}}, {"image-crc", header{ImageCRC: 1}},
	} {
		all = append(all, vector{"bad-index-" + f.name, "field", "a field that has no use in an index frame", func(s *stream) {
			s.summed = true
			s.begin(usualSize)
			s.middle()
			h := f.header
			h.Type = typeIndex
			s.put(h, s.listed(0).payload())
			s.finish()
		}})
	}
	return all
}
