// Checksums that do not match.

package main

import (
	"bytes"
	"fmt"
	"slices"
)

// badSums is checksum frames and end frames that do not match what comes
// before them.
func badSums() []vector {
	return slices.Concat(badDigests(), badRoots(), badTotals())
}

// badDigests is checksum frames; the root is right each time.
func badDigests() []vector {
	change := func(name, reason, proves string, change func(digests []byte) []byte) vector {
		return vector{"bad-digest-" + name, reason, proves, func(s *stream) {
			s.summed = true
			s.begin(usualSize)
			s.middle()
			s.pending = change(s.pending)
			s.finish()
		}}
	}
	return []vector{
		change("wrong", "sums", "a digest of a data frame is wrong", func(d []byte) []byte { d[32] ^= 1; return d }),
		change("first", "sums", "the digest of the first frame is wrong", func(d []byte) []byte { d[0] ^= 1; return d }),
		change("last", "sums", "the last digest is wrong", func(d []byte) []byte { d[len(d)-1] ^= 1; return d }),
		change("swapped", "sums", "two digests are swapped", func(d []byte) []byte { return slices.Concat(d[32:64], d[:32], d[64:]) }),
		change("few", "sums", "a digest is missing", func(d []byte) []byte { return d[:len(d)-32] }),
		change("many", "sums", "a digest too many", func(d []byte) []byte { return append(d, make([]byte, 32)...) }),
		change("cut", "field", "half a digest", func(d []byte) []byte { return d[:len(d)-16] }),
		change("none", "field", "a checksum frame without digests", func([]byte) []byte { return nil }),
		{"bad-digest-frame-changed", "sums", "a frame was changed, and its CRCs with it", func(s *stream) {
			s.summed = true
			s.begin(600)
			s.stored(text)
			other := newStream()
			other.summed = true
			other.begin(600)
			changed := bytes.Clone(text)
			changed[0] ^= 1
			other.stored(changed)
			s.out = other.out
			s.finish()
		}},
		{"bad-digest-second", "sums", "a digest in the second checksum frame", func(s *stream) {
			s.summed = true
			s.begin(600)
			s.checksum()
			s.stored(text)
			s.pending[0] ^= 1
			s.finish()
		}},
		{"bad-digest-of-checksum", "sums", "checksum frames have no digest themselves", func(s *stream) {
			s.summed = true
			s.begin(600)
			s.checksum()
			s.stored(text)
			s.pending = append(make([]byte, 32), s.pending...)
			s.finish()
		}},
		{"bad-digest-none-due", "field", "a checksum frame right after another, when there is no digest to hold", func(s *stream) {
			s.summed = true
			s.begin(600)
			s.stored(text)
			s.checksum()
			s.finish()
		}},
		{"bad-digest-1025", "sums", "more than 1024 frames without a checksum frame", func(s *stream) {
			s.summed = true
			s.begin(1024)
			for range 1024 {
				s.zero(1)
			}
			s.finish()
		}},
	}
}

func badRoots() []vector {
	return []vector{
		{"bad-root-wrong", "sums", "the root is wrong", func(s *stream) {
			s.summed = true
			s.begin(usualSize)
			s.middle()
			s.checksum()
			s.digests[0] ^= 1
			s.end()
		}},
		{"bad-root-missing", "sums", "the root is missing", func(s *stream) {
			s.summed = true
			s.begin(usualSize)
			s.middle()
			s.checksum()
			s.endWith(nil)
		}},
		{"bad-root-unannounced", "sums", "a root without checksum frames, not announced", func(s *stream) {
			s.begin(usualSize)
			s.middle()
			s.endWith(make([]byte, 32))
		}},
		{"bad-checksums-unannounced", "sums", "a checksum frame that is not announced", func(s *stream) {
			s.begin(usualSize)
			s.middle()
			s.checksum()
			s.end()
		}},
		{"bad-checksums-taken-out", "sums", "the checksum frames are gone, the root is there", func(s *stream) {
			s.summed = true
			s.begin(usualSize)
			s.middle()
			s.end()
		}},
		{"bad-checksums-unmarked", "sums", "bit 0 of the first frame is clear, the checksums are there", func(s *stream) {
			s.summed = true
			s.but(0, func(h *header) { h.Flags = 0 })
			s.usual()
		}},
		{"bad-checksums-uncovered", "sums", "a data frame after the last checksum frame", func(s *stream) {
			s.summed = true
			s.begin(1200)
			s.stored(text)
			s.checksum()
			s.stored(text)
			s.end()
		}},
		{"bad-checksums-uncovered-root", "sums", "a data frame after the last checksum frame, and a root without it", func(s *stream) {
			s.summed = true
			s.begin(1200)
			s.stored(text)
			s.checksum()
			covered := bytes.Clone(s.digests)
			s.stored(text)
			s.digests = covered
			s.end()
		}},
		{"bad-checksums-uncovered-ancillary", "sums", "an ancillary frame after the last checksum frame", func(s *stream) {
			s.summed = true
			s.begin(600)
			s.stored(text)
			s.checksum()
			s.other(ancillary, text)
			s.end()
		}},
	}
}

func badTotals() []vector {
	var all []vector
	for i, name := range []string{"data-frames", "data-bytes", "data-payload", "zero-frames", "zero-bytes"} {
		all = append(all, vector{"bad-totals-" + name, "totals", "the end frame's number of " + name, func(s *stream) {
			s.begin(usualSize)
			s.middle()
			s.totals[i]++
			s.end()
		}})
	}
	for _, n := range []int{0, 39, 41, 71, 73} {
		all = append(all, vector{fmt.Sprintf("bad-end-%d", n), "field", fmt.Sprintf("an end frame of %d bytes", n), func(s *stream) {
			s.summed = n > 41
			s.begin(usualSize)
			s.middle()
			if s.summed {
				s.checksum()
			}
			s.put(header{Type: typeEnd, Length: usualSize}, make([]byte, n))
		}})
	}
	return all
}
