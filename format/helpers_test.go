// Images and streams that the tests share.

package format_test

import (
	"bytes"
	"context"
	"iter"
	"math/rand/v2"
	"testing"

	"snappipe/format"
	"snappipe/format/codec"
)

// memory is an Image in memory. It has no Bytes method, so that it is read
// with ReadAt, and holes where it is told.
type memory struct {
	*bytes.Reader
	holes bool // leave out the zero pages from Data
	data  []byte
}

func newMemory(b []byte) memory { return memory{Reader: bytes.NewReader(b), data: b} }

func (m memory) Size() int64 { return int64(len(m.data)) }

func (m memory) Data() iter.Seq2[int64, int64] {
	return func(yield func(int64, int64) bool) {
		if !m.holes {
			if len(m.data) > 0 {
				yield(0, m.Size())
			}
			return
		}
		for off := 0; off < len(m.data); off += format.PageSize {
			page := m.data[off:min(off+format.PageSize, len(m.data))]
			if len(bytes.Trim(page, "\x00")) > 0 && !yield(int64(off), int64(len(page))) {
				return
			}
		}
	}
}

// mapped is an Image that lies in memory and says so.
type mapped struct{ memory }

func (m mapped) Bytes() []byte { return m.data }

func testInfo(size int) *format.Info {
	return &format.Info{Size: int64(size), ID: 0x0123456789abcdef, Facts: []format.Fact{
		{Name: format.FactKernel, Value: "file"},
		{Name: format.FactArch, Value: "x86_64"},
		{Name: format.FactPageSize, Value: "4096"},
		{Name: format.FactHost, Value: "h"},
		{Name: format.FactTime, Value: "2007-04-26T12:00:00Z"},
	}}
}

// imageOf makes size bytes that look like memory: pages of zeros, of text, and
// of noise.
func imageOf(size int, seed uint64) []byte {
	rnd := rand.New(rand.NewPCG(seed, 0))
	b := make([]byte, size)
	for off := 0; off < size; {
		n := min(size-off, format.PageSize*(1+rnd.IntN(40)))
		part := b[off : off+n]
		switch rnd.IntN(3) {
		case 0: // zeros
		case 1:
			for i := range part {
				part[i] = "snapshot_system resume_snapshot "[(i+off)%32] ^ byte(rnd.IntN(8)>>2)
			}
		case 2:
			for i := range part {
				part[i] = byte(rnd.Uint32())
			}
		}
		off += n
	}
	return b
}

// streamOf writes img as a plain stream.
func streamOf(t testing.TB, img format.Image) []byte {
	t.Helper()
	var out bytes.Buffer
	w, err := format.NewWriter(&out, testInfo(int(img.Size())))
	check(t, err)
	check(t, w.WriteImage(context.Background(), img))
	check(t, w.Close())
	return out.Bytes()
}

// compressed passes stream through a codec; summed adds checksums.
func compressed(t testing.TB, stream []byte, name string) []byte {
	t.Helper()
	c, ok := codec.ByName(name)
	if !ok {
		t.Fatalf("no codec %q", name)
	}
	work, err := format.Compress(c, c.DefaultLevel, false)
	check(t, err)
	var out bytes.Buffer
	check(t, format.Filter(context.Background(), &out, format.NewReader(bytes.NewReader(stream)), work))
	return out.Bytes()
}

func summed(t testing.TB, stream []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	check(t, format.Sum(context.Background(), &out, format.NewReader(bytes.NewReader(stream))))
	return out.Bytes()
}

// rawOf decodes a whole stream.
func rawOf(r *format.Reader, unordered bool) ([]byte, error) {
	info, err := r.Info()
	if err != nil {
		return nil, err
	}
	b := make(writerAt, info.Size)
	return b, r.WriteRaw(context.Background(), b, func() bool { return unordered })
}

type writerAt []byte

func (w writerAt) WriteAt(p []byte, off int64) (int, error) { return copy(w[off:], p), nil }

// frames cuts a stream into its frames.
func frames(t testing.TB, stream []byte) [][]byte {
	t.Helper()
	var all [][]byte
	for len(stream) > 0 {
		n := format.HeaderSize + (int(stream[48]) | int(stream[49])<<8 | int(stream[50])<<16)
		all, stream = append(all, stream[:n]), stream[n:]
	}
	return all
}

func typeOf(frame []byte) format.Type { return format.Type(le.Uint16(frame[12:])) }

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
