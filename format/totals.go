// The end frame: what was in the stream.

package format

import "encoding/binary"

// Totals are what a stream holds, as its end frame says.
type Totals struct {
	DataFrames, DataBytes int64 // bytes of the image that are in data and patch frames
	StoredBytes           int64 // payloads of those frames
	ZeroFrames, ZeroBytes int64
}

const totalsSize = 5 * 8

func (t *Totals) add(f *Frame) {
	switch f.Type {
	case TypeData, TypePatch:
		t.DataFrames++
		t.DataBytes += f.Length
		t.StoredBytes += int64(len(f.Payload()) + f.carried)
	case TypeZero:
		t.ZeroFrames++
		t.ZeroBytes += f.Length
	}
}

func (t *Totals) covered() int64 { return t.DataBytes + t.ZeroBytes }

// end makes the payload of an end frame; root is nil where there are no
// checksums.
func (t *Totals) end(root []byte) []byte {
	var b []byte
	for _, n := range []int64{t.DataFrames, t.DataBytes, t.StoredBytes, t.ZeroFrames, t.ZeroBytes} {
		b = binary.LittleEndian.AppendUint64(b, uint64(n))
	}
	return append(b, root...)
}

// fits reports whether f goes on where the frames before it stopped, within
// an image of the given size.
func (t *Totals) fits(f *Frame, size int64) bool {
	if !f.Type.holds() {
		return true
	}
	return f.Offset == t.covered() && f.Length <= size-f.Offset
}
