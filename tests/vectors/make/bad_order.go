// Frames that do not belong together.

package main

// badOrder is streams of sound frames that do not belong together.
func badOrder() []vector {
	first := func(name string, put func(*stream)) vector {
		return vector{"bad-first-" + name, "sequence", "the first frame is of type " + name, func(s *stream) { s.size = 600; put(s); s.finish() }}
	}
	return []vector{
		first("data", func(s *stream) { s.stored(text) }),
		first("zero", func(s *stream) { s.zero(600) }),
		first("checksum", func(s *stream) { s.pending = make([]byte, 32); s.checksum(); s.stored(text) }),
		first("end", func(s *stream) {}),
		first("ancillary", func(s *stream) {
			s.but(0, func(h *header) { h.Length = 600 })
			s.other(ancillary, s.facts)
			s.stored(text)
		}),
		{"bad-second-image", "sequence", "a second image frame", func(s *stream) { s.begin(600); s.begin(600); s.stored(text); s.finish() }},
		{"bad-second-resumed", "sequence", "a resumed frame in the stream of an image", func(s *stream) { s.begin(600); s.resume(); s.stored(text); s.finish() }},
		{"bad-resumed-image", "sequence", "an image frame in the stream of a resumed system", func(s *stream) { s.resume(); s.begin(0); s.finish() }},
		{"bad-resumed-twice", "sequence", "a second resumed frame", func(s *stream) { s.resume(); s.resume(); s.finish() }},

		{"bad-sequence-first", "sequence", "the first frame has number 1", func(s *stream) { s.count = 1; s.usual() }},
		{"bad-sequence-dropped", "sequence", "a number is missing", func(s *stream) { s.begin(600); s.count++; s.stored(text); s.finish() }},
		{"bad-sequence-repeated", "sequence", "a number comes twice", func(s *stream) { s.begin(600); s.count--; s.stored(text); s.finish() }},
		{"bad-sequence-end", "sequence", "the end frame has another number", func(s *stream) { s.begin(600); s.stored(text); s.count = 1 << 32; s.end() }},
		{"bad-frame-dropped", "sequence", "an ancillary frame is gone", func(s *stream) {
			s.begin(600)
			at := len(s.out)
			s.other(ancillary, nil)
			s.out = s.out[:at]
			s.stored(text)
			s.finish()
		}},
		{"bad-frame-repeated", "sequence", "an ancillary frame comes twice", func(s *stream) {
			s.begin(600)
			at := len(s.out)
			s.other(ancillary, nil)
			s.out = append(s.out, s.out[at:]...)
			s.stored(text)
			s.finish()
		}},

		{"bad-identity", "foreign", "a frame of another stream", func(s *stream) { s.but(2, func(h *header) { h.Identity++ }); s.usual() }},
		{"bad-identity-ancillary", "foreign", "an ancillary frame of another stream", func(s *stream) {
			s.begin(600)
			s.but(1, func(h *header) { h.Identity ^= 1 << 63 })
			s.other(ancillary, nil)
			s.stored(text)
			s.finish()
		}},
		{"bad-identity-end", "foreign", "the end of another stream: an older one on the same disk", func(s *stream) { s.but(4, func(h *header) { h.Identity = 0 }); s.usual() }},
	}
}
