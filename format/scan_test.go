// How long it takes to look for frames.

package format

import (
	"bytes"
	"io"
	"testing"
)

// However a stream is made, looking for frames in it takes time in proportion
// to its length: here each 64 bytes are a sound header of a payload of 4 MiB
// that is none.
func TestScanIsLinear(t *testing.T) {
	var stream bytes.Buffer
	f := &Frame{Type: TypeData, Length: MaxPayload, carried: MaxPayload, crc: 1, rawCRC: 1}
	const count = 3 * MaxPayload / HeaderSize
	for f.seq = range uint64(count) {
		f.putHeader()
		stream.Write(f.wire)
	}
	size := int64(stream.Len())
	lost := 0
	s := newScanner(&stream, func(*DamageError) { lost++ })
	if err := s.next(f); err != io.EOF {
		t.Fatal(err)
	}
	if limit := (patience + 2) * size; s.vain > limit || lost == 0 {
		t.Errorf("%d bytes of payloads were looked at for a stream of %d, more than %d; %d frames lost", s.vain, size, limit, lost)
	}
}
