// An image on its way through a stream and back.

package format_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"testing"

	"snappipe/format"
	"snappipe/format/codec"
)

var codecs = []string{"none", "zstd", "s2", "lz4", "xz", "gzip"}

// An image comes back the same through every codec, with and without
// checksums, in order and out of order, however it was read.
func TestRoundTrip(t *testing.T) {
	sizes := []int{0, 1, 4095, 4096, 4097, format.FrameSize, 3*format.FrameSize + 5, 9<<20 + 4096}
	if testing.Short() {
		sizes = []int{4097, format.FrameSize + 5}
	}
	for _, size := range sizes {
		b := imageOf(size, uint64(size))
		sparse := newMemory(b)
		sparse.holes = true
		for name, img := range map[string]format.Image{"read": newMemory(b), "mapped": mapped{newMemory(b)}, "sparse": sparse} {
			plain := streamOf(t, img)
			for _, c := range codecs {
				if testing.Short() && c == "xz" && size > 4097 {
					continue // is slow
				}
				t.Run(fmt.Sprintf("%d/%s/%s", size, name, c), func(t *testing.T) {
					coded := compressed(t, plain, c)
					for _, stream := range [][]byte{coded, summed(t, coded)} {
						for _, unordered := range []bool{false, true} {
							got, err := rawOf(format.NewReader(bytes.NewReader(stream)), unordered)
							check(t, err)
							if !bytes.Equal(got, b) {
								t.Fatal("another image came back")
							}
						}
					}
				})
			}
		}
	}
}

// Whatever a stream has been through, taking compression off gives the bytes
// that snapcat wrote.
func TestRecode(t *testing.T) {
	size := 5 << 20
	if testing.Short() {
		size = 1 << 18
	}
	plain := streamOf(t, newMemory(imageOf(size, 1)))
	stream := plain
	for _, c := range []string{"zstd", "xz", "s2", "gzip", "lz4", "none"} {
		stream = compressed(t, summed(t, stream), c)
	}
	if !bytes.Equal(stream, plain) {
		t.Fatal("a recoded stream differs when it is decompressed")
	}
}

// A stream that has checksums is copied byte for byte.
func TestSumTwice(t *testing.T) {
	once := summed(t, compressed(t, streamOf(t, newMemory(imageOf(5<<20, 2))), "s2"))
	if !bytes.Equal(summed(t, once), once) {
		t.Fatal("checksums of checksums differ")
	}
}

// The writer puts a checksum frame behind each 256 frames, and one behind the index.
// Streams of more
// than that have several, and each is checked.
func TestManySums(t *testing.T) {
	b := make([]byte, 3000*format.PageSize)
	for off := 0; off < len(b); off += 2 * format.PageSize {
		b[off] = 1
	}
	stream := summed(t, streamOf(t, newMemory(b)))
	var n int
	for _, f := range frames(t, stream) {
		if typeOf(f) == format.TypeSums {
			n++
		}
	}
	if want := 3001/256 + 1 + 1; n != want { // one is the index's own
		t.Errorf("%d checksum frames, want %d", n, want)
	}
	check(t, format.Verify(context.Background(), format.NewReader(bytes.NewReader(stream))))
}

// Zero pages are found wherever they are, and make no data.
func TestZeros(t *testing.T) {
	b := make([]byte, 4<<20+100)
	b[1<<20+5] = 1
	b[len(b)-1] = 1
	r := format.NewReader(bytes.NewReader(streamOf(t, newMemory(b))))
	check(t, format.Verify(context.Background(), r))
	want := format.Totals{DataFrames: 2, DataBytes: 4096 + 100, StoredBytes: 4096 + 100, ZeroFrames: 2, ZeroBytes: int64(len(b)) - 4096 - 100}
	if got := r.Totals(); got != want {
		t.Errorf("totals %+v, want %+v", got, want)
	}
}

// What does not shrink is stored.
func TestIncompressible(t *testing.T) {
	b := imageOf(1<<20, 3)
	for i := range b {
		b[i] = byte(i*i*i>>7) ^ byte(uint32(i)*2654435761>>13)
	}
	plain := streamOf(t, newMemory(b))
	for _, c := range codecs {
		if n := len(compressed(t, plain, c)); n > len(plain) {
			t.Errorf("%s: %d bytes become %d", c, len(plain), n)
		}
	}
}

// The stream of a resumed system passes through every filter.
func TestResumed(t *testing.T) {
	var out bytes.Buffer
	info := testInfo(0)
	info.Resumed = true
	w, err := format.NewWriter(&out, info)
	check(t, err)
	check(t, w.Close())
	stream := summed(t, compressed(t, compressed(t, out.Bytes(), "zstd"), "none"))
	r := format.NewReader(bytes.NewReader(stream))
	got, err := r.Info()
	check(t, err)
	if !got.Resumed {
		t.Error("it no longer says that it is resumed")
	}
	check(t, format.Verify(context.Background(), r))
}

// A writer that is not given all of the image cannot end the stream.
func TestUnfinished(t *testing.T) {
	w, err := format.NewWriter(io.Discard, testInfo(100))
	check(t, err)
	if err := w.Close(); !errors.Is(err, format.ErrTiling) {
		t.Errorf("Close after 0 of 100 bytes: %v", err)
	}
}

// An image that is shorter than it said gives an error, not a stream.
func TestShortImage(t *testing.T) {
	img := newMemory(imageOf(3<<20, 4))
	img.Reader = bytes.NewReader(img.data[:2<<20])
	w, err := format.NewWriter(io.Discard, testInfo(len(img.data)))
	check(t, err)
	if err := w.WriteImage(context.Background(), img); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("WriteImage: %v", err)
	}
}

// A failing output stops everything with its own error.
func TestFailingOutput(t *testing.T) {
	stream := streamOf(t, newMemory(imageOf(20<<20, 5)))
	full := errors.New("no space left")
	for n := range 5 {
		err := format.Sum(context.Background(), &failAfter{n, full}, format.NewReader(bytes.NewReader(stream)))
		if !errors.Is(err, full) {
			t.Errorf("output fails after %d writes: %v", n, err)
		}
	}
}

type failAfter struct {
	n   int
	err error
}

func (f *failAfter) Write(p []byte) (int, error) {
	if f.n--; f.n < 0 {
		return 0, f.err
	}
	return len(p), nil
}

// Cancelling stops a filter whose input never comes.
func TestCancel(t *testing.T) {
	stream := streamOf(t, newMemory(imageOf(3<<20, 6)))
	in, feed := io.Pipe()
	defer feed.Close()
	go feed.Write(stream[:len(stream)/2])
	ctx, cancel := context.WithCancel(context.Background())
	r := format.NewReader(in)
	_, err := r.Info()
	check(t, err)
	cancel()
	if err := format.Verify(ctx, r); !errors.Is(err, context.Canceled) {
		t.Errorf("Verify: %v", err)
	}
}

// Every level of every codec works, and no other.
func TestLevels(t *testing.T) {
	plain := streamOf(t, newMemory(imageOf(1<<20, 7)))
	for _, c := range codec.All() {
		if testing.Short() && c.Name == "xz" {
			continue // is slow
		}
		for level := c.MinLevel; level <= c.MaxLevel; level++ {
			work, err := format.Compress(c, level, false)
			check(t, err)
			var out bytes.Buffer
			check(t, format.Filter(context.Background(), &out, format.NewReader(bytes.NewReader(plain)), work))
			if !bytes.Equal(compressed(t, out.Bytes(), "none"), plain) {
				t.Errorf("%s level %d changes the image", c.Name, level)
			}
		}
		for _, level := range []int{c.MinLevel - 1, c.MaxLevel + 1} {
			if _, err := format.Compress(c, level, false); err == nil {
				t.Errorf("%s takes level %d", c.Name, level)
			}
		}
	}
}
