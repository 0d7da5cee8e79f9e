// What a stream is made of is known from its end, and parts of an image are had
// without the rest; and no index, whatever it says, makes other bytes of it.

package format_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"sync/atomic"
	"testing"

	"snappipe/format"
)

// counted counts what is read of a file.
type counted struct {
	*bytes.Reader
	bytes atomic.Int64
}

func (c *counted) ReadAt(p []byte, off int64) (int, error) {
	n, err := c.Reader.ReadAt(p, off)
	c.bytes.Add(int64(n))
	return n, err
}

func contentsOf(stream []byte) (*format.Contents, error) {
	return format.ReadContents(bytes.NewReader(stream), int64(len(stream)), false)
}

// partsByIndex reads n bytes at off without reading the whole stream.
func partsByIndex(stream []byte, off, n int64, bases ...*format.Base) ([]byte, error) {
	c, err := contentsOf(stream)
	if err != nil {
		return nil, err
	}
	b, err := c.Open(context.Background(), bases)
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	err = b.WriteParts(context.Background(), &out, off, n)
	return out.Bytes(), err
}

// The contents of a stream are the same from its index, from its headers, and from
// all that it has.
func TestContents(t *testing.T) {
	img := imageOf(3<<20+123, 1)
	plain := streamOf(t, newMemory(img))
	base := openBase(t, summed(t, plain))
	patched := diff(t, streamOf(t, newMemory(later(img, 1))), base, "zstd")
	var other bytes.Buffer
	e := format.Editor{Sum: true, End: func(w *format.Writer) error {
		f := format.Frame{Offset: 77, Length: 88}
		check(t, f.SetAncillary(0x9000, []byte("note")))
		return w.Write(&f)
	}}
	check(t, e.Run(context.Background(), &other, format.NewReader(bytes.NewReader(plain))))
	for name, s := range map[string]struct {
		stream  []byte
		indexed bool
	}{
		"plain":     {plain, false},
		"summed":    {summed(t, plain), true},
		"coded":     {summed(t, compressed(t, plain, "zstd")), true},
		"empty":     {summed(t, streamOf(t, newMemory(nil))), true},
		"patched":   {patched, true},
		"ancillary": {other.Bytes(), true},
	} {
		var want []format.FrameInfo
		r := format.NewReader(bytes.NewReader(s.stream))
		r.Trace = func(f format.FrameInfo) { want = append(want, f) }
		check(t, format.Verify(context.Background(), r))
		c, err := contentsOf(s.stream)
		check(t, err)
		if !slices.Equal(c.Frames, want) || c.Totals() != r.Totals() || !bytes.Equal(c.Root(), r.Root()) || c.Indexed != s.indexed {
			t.Errorf("%s: indexed: %v, frames\n%v, want\n%v", name, c.Indexed, c.Frames, want)
		}
	}
}

// Any part of an image is read without the rest, also through differences.
func TestParts(t *testing.T) {
	img := imageOf(6<<20+100, 3)
	now := later(img, 2)
	old := summed(t, compressed(t, streamOf(t, newMemory(img)), "zstd"))
	patched := diff(t, streamOf(t, newMemory(now)), openBase(t, old), "zstd")
	rnd := rand.New(rand.NewPCG(1, 1))
	for name, s := range map[string]struct {
		stream, under, img []byte
	}{
		"plain":   {streamOf(t, newMemory(img)), nil, img},
		"summed":  {summed(t, streamOf(t, newMemory(img))), nil, img},
		"coded":   {old, nil, img},
		"patched": {patched, old, now},
	} {
		file := &counted{Reader: bytes.NewReader(s.stream)}
		below := &counted{Reader: bytes.NewReader(s.under)}
		c, err := format.ReadContents(file, int64(len(s.stream)), false)
		check(t, err)
		var bases []*format.Base
		if s.under != nil {
			c, err := format.ReadContents(below, int64(len(s.under)), false)
			check(t, err)
			b, err := c.Open(context.Background(), nil)
			check(t, err)
			bases = append(bases, b)
		}
		b, err := c.Open(context.Background(), bases)
		check(t, err)
		check(t, b.WriteParts(context.Background(), io.Discard, 2<<20+5, 10))
		if got := file.bytes.Load() + below.bytes.Load(); got > 3<<20 {
			t.Errorf("%s: %d bytes were read for 10", name, got)
		}
		for range 40 {
			off := rnd.Int64N(int64(len(s.img)))
			n := rnd.Int64N(min(int64(len(s.img))-off, 3<<20) + 1)
			var out bytes.Buffer
			check(t, b.WriteParts(context.Background(), &out, off, n))
			if !bytes.Equal(out.Bytes(), s.img[off:off+n]) {
				t.Fatalf("%s: other bytes at %d", name, off)
			}
		}
		if b.WriteParts(context.Background(), io.Discard, int64(len(s.img)), 1) == nil {
			t.Errorf("%s: a byte behind the end was read", name)
		}
	}
}

// A list that would be long goes on from another.
func TestLongIndex(t *testing.T) {
	const pages = 300_000
	var plain bytes.Buffer
	w, err := format.NewWriter(&plain, testInfo(pages))
	check(t, err)
	for i := range pages {
		f := format.Frame{Offset: int64(i)}
		check(t, f.SetRaw([]byte{byte(i >> 8)}))
		check(t, w.Write(&f))
	}
	check(t, w.Close())
	stream := summed(t, plain.Bytes())
	check(t, format.Verify(context.Background(), format.NewReader(bytes.NewReader(stream))))
	c, err := contentsOf(stream)
	check(t, err)
	indexes := 0
	for _, f := range c.Frames {
		if f.Type == format.TypeIndex {
			indexes++
		}
	}
	if !c.Indexed || indexes != 5 {
		t.Errorf("indexed: %v, by %d", c.Indexed, indexes)
	}
	for _, off := range []int64{0, 1000, 65_534, 131_070, 262_140, pages - 2} {
		got, err := partsByIndex(stream, off, 2)
		check(t, err)
		if want := []byte{byte(off >> 8), byte((off + 1) >> 8)}; !bytes.Equal(got, want) {
			t.Errorf("at %d: %v, want %v", off, got, want)
		}
	}
}

// Whatever is done to a stream, each part that comes out of it is right: what was
// damaged elsewhere is not looked at.
func TestPartsOfDamaged(t *testing.T) {
	img := alternating(8)
	stream := summed(t, compressed(t, streamOf(t, newMemory(img)), "lz4"))
	c, err := contentsOf(stream)
	check(t, err)
	try := func(what string, bad []byte) (good int) {
		t.Helper()
		for off := int64(0); off < int64(len(img)); off += 3 * format.PageSize {
			got, err := partsByIndex(bad, off, format.PageSize)
			var d *format.DamageError
			switch {
			case err == nil && !bytes.Equal(got, img[off:off+format.PageSize]):
				t.Errorf("%s: other bytes at %d", what, off)
			case err == nil:
				good++
			case !errors.As(err, &d):
				t.Errorf("%s: %v", what, err)
			}
		}
		return good
	}
	if try("nothing", stream) != 3 {
		t.Fatal("not all of a good stream can be read")
	}
	for bit := 0; bit < len(stream)*8; bit += 37 {
		bad := bytes.Clone(stream)
		bad[bit/8] ^= 1 << (bit % 8)
		try(fmt.Sprintf("bit %d", bit), bad)
	}
	for _, f := range c.Frames { // an index that is damaged is not needed
		bad := bytes.Clone(stream)
		bad[f.At+format.HeaderSize] ^= 1
		good := try(fmt.Sprintf("frame %d", f.Number), bad)
		if f.Type == format.TypeData && good == 0 {
			t.Errorf("no part can be read for damage to frame %d", f.Number)
		}
	}
	for n := 0; n < len(stream); n += 5 {
		if good := try(fmt.Sprintf("%d bytes", n), stream[:n]); good > 0 {
			t.Fatalf("a stream that was cut off after %d of %d bytes has parts", n, len(stream))
		}
	}
	for what, bad := range map[string][]byte{
		"a byte more": append(bytes.Clone(stream), 0),
		"twice":       append(bytes.Clone(stream), stream...),
		"zeros":       append(bytes.Clone(stream), make([]byte, 8192)...),
	} {
		if good := try(what, bad); good > 0 {
			t.Errorf("%s: it has parts", what)
		}
		c, err := format.ReadContents(bytes.NewReader(bad), int64(len(bad)), true)
		if check(t, err); c.Size() != int64(len(stream)) {
			t.Errorf("%s, on a device: a stream of %d bytes", what, c.Size())
		}
	}
}

// alternating is an image of n pages, of which every other one is zeros: in frames of
// a page each.
func alternating(n int) []byte {
	img := make([]byte, n*format.PageSize)
	for page := range slices.Chunk(img, 2*format.PageSize) {
		copy(page[format.PageSize:], bytes.Repeat([]byte{1, 2, 3}, format.PageSize/3))
	}
	return img
}

// lying changes a line of the index of stream, and puts right whatever would show
// that but for the frames themselves.
func lying(t *testing.T, stream []byte, line int, change func(entry []byte)) []byte {
	t.Helper()
	bad := bytes.Clone(stream)
	for _, f := range frames(t, bad) {
		if typeOf(f) == format.TypeIndex {
			change(f[format.HeaderSize+24+16*line:][:16])
		}
	}
	return repair(bad, repairCRCs|repairSums)
}

// An index that says something else of frames than what they are is caught: by who
// reads all, and by who reads a part that it is about.
func TestLyingIndex(t *testing.T) {
	img := alternating(64)
	stream := summed(t, streamOf(t, newMemory(img)))
	c, err := contentsOf(stream)
	check(t, err)
	for what, change := range map[string]func(e []byte){
		"payload":  func(e []byte) { e[1] ^= 1 },
		"type":     func(e []byte) { e[4] ^= 1 },
		"codec":    func(e []byte) { e[6] ^= 1 },
		"reserved": func(e []byte) { e[7] ^= 1 },
		"length":   func(e []byte) { e[9] ^= 0x10 },
		"negative": func(e []byte) { e[15] ^= 0x80 },
	} {
		for line, f := range c.Frames[:5] {
			bad := lying(t, stream, line, change)
			_, strict := rawOf(format.NewReader(bytes.NewReader(bad)), false)
			stale := what == "payload" // such a one is not about this stream
			if !stale && !errors.Is(strict, format.ErrIndex) {
				t.Errorf("%s of frame %d: %v", what, line, strict)
			}
			if c, err := contentsOf(bad); stale && (err != nil || c.Indexed) {
				t.Errorf("%s of frame %d: it is used, or %v", what, line, err)
			}
			got, err := partsByIndex(bad, f.Offset, 10)
			if err == nil && !bytes.Equal(got, img[f.Offset:][:10]) {
				t.Errorf("%s of frame %d: other bytes", what, line)
			}
		}
	}
	// Two frames that would be each other's: data for zeros, which make the same sum.
	both := lying(t, lying(t, stream, 1, func(e []byte) { e[0], e[1], e[4] = 0, 0x10, 2 }), 2, func(e []byte) { e[0], e[1], e[4] = 0, 0, 3 })
	for _, off := range []int64{0, format.PageSize} {
		if _, err := partsByIndex(both, off, 10); !errors.Is(err, format.ErrIndex) && !errors.Is(err, format.ErrMagic) {
			t.Errorf("two frames the other way round, at %d: %v", off, err)
		}
	}
	if _, err := rawOf(format.NewReader(bytes.NewReader(both)), false); !errors.Is(err, format.ErrIndex) {
		t.Errorf("two frames the other way round: %v", err)
	}
	got, err := format.NewReader(bytes.NewReader(both)).Salvage(context.Background(), nil)
	if check(t, err); got.Whole() || got.Lost() > 0 || !errors.Is(got.Damage[0], format.ErrIndex) {
		t.Errorf("salvaged: %+v", got)
	}
}

// A filter makes an index anew or leaves it out, and one that knows none may pass it
// on, which does no harm.
func TestIndexInFilters(t *testing.T) {
	img := imageOf(1<<20, 5)
	plain := streamOf(t, newMemory(img))
	once := summed(t, plain)
	indexes := func(stream []byte) (n int) {
		for _, f := range frames(t, stream) {
			if typeOf(f) == format.TypeIndex {
				n++
			}
		}
		return n
	}
	coded := compressed(t, once, "zstd")
	if indexes(once) != 1 || indexes(coded) != 0 || indexes(summed(t, coded)) != 1 || indexes(summed(t, once)) != 1 {
		t.Error("there are more or fewer indexes than there should be")
	}
	if !bytes.Equal(compressed(t, once, "none"), plain) {
		t.Error("without checksums, there is something else than before")
	}
	// The index of a stream, in another: behind its parts, with and without checksums.
	var index []byte
	for _, f := range frames(t, once) {
		if typeOf(f) == format.TypeIndex {
			index = f
		}
	}
	all := frames(t, coded)
	stale := repair(bytes.Join(slices.Insert(all, len(all)-1, index), nil), repairCRCs|repairOrder)
	back, err := rawOf(format.NewReader(bytes.NewReader(stale)), false)
	if check(t, err); !bytes.Equal(back, img) {
		t.Error("another image")
	}
	if c, err := contentsOf(stale); err != nil || c.Indexed {
		t.Errorf("an index of another stream is used, or %v", err)
	}
	if again := summed(t, stale); !bytes.Equal(again, summed(t, coded)) {
		t.Error("an index of another stream is not replaced")
	}
}
