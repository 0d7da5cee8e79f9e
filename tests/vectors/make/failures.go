// Streams that say why they have no image.

package main

import "strings"

// failures is streams that say why they have no image. Nothing is wrong with
// them but that; and those of bad-failure- are no such streams.
func failures() []vector {
	refused := facts(fact{"outcome", "refused"}, fact{"object", "fd 7"}, fact{"reason", "it is a TCP socket"})
	failed := facts(fact{"outcome", "failed"}, fact{"reason", "input/output error"})
	first := func(payload []byte) func(*stream) {
		return func(s *stream) { s.failure(payload) }
	}
	later := func(payload []byte) func(*stream) {
		return func(s *stream) { s.begin(usualSize); s.stored(text); s.failure(payload) }
	}
	return []vector{
		{"refused-first", "refused", "a stream of nothing but its refusal", first(refused)},
		{"refused-later", "refused", "a refusal when a part of the image has come", later(refused)},
		{"refused-checksums", "refused", "frames before it that no checksum frame covers", func(s *stream) { s.summed = true; later(refused)(s) }},
		{"refused-complete", "refused", "a refusal when all of the image has come", func(s *stream) { s.begin(usualSize); s.middle(); s.failure(refused) }},
		{"refused-resumed", "refused", "a refusal in the stream of a resumed system", func(s *stream) { s.resume(); s.failure(refused) }},
		{"refused-followed", "refused", "what follows is not looked at", func(s *stream) { later(refused)(s); s.out = append(s.out, text...) }},
		{"refused-identity-0", "refused", "any identity, where nothing came before", func(s *stream) { s.identity = 0; first(refused)(s) }},
		{"refused-facts", "refused", "all facts, and one that nobody knows", first(facts(
			fact{"a", ""}, fact{"said", "0123"}, fact{"host", "h"}, fact{"program", "snapcat"}, fact{"advice", "close it"},
			fact{"object", "fd 7"}, fact{"reason", "it is a TCP socket"}, fact{"outcome", "refused"}))},
		{"refused-terminal", "refused", "texts that could do something to a terminal", first(facts(
			fact{"outcome", "refused"}, fact{"reason", "\x1b]0;owned\a\x1b[2Jall is well\r\n\u202Eknab"}))},
		{"refused-longest", "refused", "as many bytes as there may be", first(failureOf(maxFailure))},
		{"failed-first", "failed", "a stream of nothing but its failure", first(failed)},
		{"failed-later", "failed", "a failure when a part of the image has come", later(failed)},
		{"failed-other", "failed", "an outcome that nobody knows is a failure", later(facts(fact{"outcome", "postponed"}, fact{"reason", "later"}))},

		{"bad-failure-none", "field", "a failure frame without facts", first(nil)},
		{"bad-failure-long", "field", "a failure frame of a byte too many", first(failureOf(maxFailure + 1))},
		{"bad-failure-reason", "field", "no reason", later(facts(fact{"outcome", "refused"}))},
		{"bad-failure-reason-empty", "field", "an empty reason", later(facts(fact{"outcome", "refused"}, fact{"reason", ""}))},
		{"bad-failure-outcome", "field", "no outcome", later(facts(fact{"reason", "because"}))},
		{"bad-failure-utf-8", "field", "a reason that is not UTF-8", later(facts(fact{"outcome", "refused"}, fact{"reason", "caf\xE9"}))},
		{"bad-failure-twice", "field", "two reasons", later(facts(fact{"outcome", "refused"}, fact{"reason", "a"}, fact{"reason", "b"}))},
		{"bad-failure-cut", "field", "facts that are cut off", later(refused[:len(refused)-1])},
		{"bad-payload-crc-failure", "payload", "the facts of a failure frame", func(s *stream) { later(refused)(s); s.out[len(s.out)-1] ^= 4 }},
		{"bad-truncated-failure", "truncated", "in a failure frame", func(s *stream) { later(refused)(s); s.out = s.out[:len(s.out)-1] }},
		{"bad-identity-failure", "foreign", "a failure frame of another stream", func(s *stream) {
			s.but(2, func(h *header) { h.Identity++ })
			later(refused)(s)
		}},
		{"bad-sequence-failure", "sequence", "a frame is missing before the failure frame", func(s *stream) {
			s.begin(usualSize)
			s.count++
			s.failure(refused)
		}},
	}
}

const maxFailure = 16 << 10

// failureOf is the payload of a failure frame of n bytes.
func failureOf(n int) []byte {
	begin := facts(fact{"outcome", "refused"}, fact{"reason", ""})
	return facts(fact{"outcome", "refused"}, fact{"reason", strings.Repeat("A", n-len(begin))})
}
