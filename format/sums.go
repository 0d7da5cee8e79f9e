// SHA-256 checksums: digests of frames, and the root over all of them.

package format

import (
	"hash"

	"github.com/minio/sha256-simd"
)

const (
	// sumsEvery is after how many frames a Writer puts a checksum frame:
	// some 256 MiB of an image, a quarter of a second for a reader that
	// acts on what it has checked.
	sumsEvery = 256
	// maxSums is how many frames one checksum frame can cover, and so how
	// many digests a reader has to keep.
	maxSums = 1024
)

// summer collects the digests of frames in the order of the stream: for the
// next checksum frame, and for the root over all of them.
type summer struct {
	pending []byte // digests since the last checksum frame
	root    hash.Hash
}

func newSummer() *summer { return &summer{root: sha256.New()} }

func (s *summer) add(digest []byte) {
	s.pending = append(s.pending, digest...)
	s.root.Write(digest)
}

func (s *summer) count() int { return len(s.pending) / sha256.Size }

// frame puts the pending digests into a checksum frame.
func (s *summer) frame() (*Frame, error) {
	f := &Frame{Type: TypeSums}
	err := f.setPayload(s.pending)
	s.pending = s.pending[:0]
	return f, err
}

// checksFrame reports whether f holds the pending digests.
func (s *summer) checksFrame(f *Frame) bool {
	ok := string(f.Payload()) == string(s.pending)
	s.pending = s.pending[:0]
	return ok
}

func (s *summer) sum() []byte { return s.root.Sum(nil) }

// summedSeq is the number that the frame of number seq has once a checksum
// frame stands behind each sumsEvery frames. Knowing it beforehand, workers
// can take digests before frames are in order again.
func summedSeq(seq uint64) uint64 { return seq + seq/sumsEvery }
