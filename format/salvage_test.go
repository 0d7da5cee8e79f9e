// Damaged streams, and what has to be had of them.

package format_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"snappipe/format"
)

// ruins is what is left of an image.
type ruins struct{ data []byte }

func (r *ruins) WriteAt(p []byte, off int64) (int, error) {
	if need := off + int64(len(p)); need > int64(len(r.data)) {
		r.data = append(r.data, make([]byte, need-int64(len(r.data)))...)
	}
	return copy(r.data[off:], p), nil
}

func (r *ruins) Zero(off, n int64) error {
	if off < int64(len(r.data)) {
		clear(r.data[off:min(off+n, int64(len(r.data)))])
	}
	return nil
}

// salvaged brings out what is left of stream, and fails the test if any byte of
// that is another than that of image, or missing and not said to be.
func salvaged(t *testing.T, what string, stream, image []byte) *format.Salvaged {
	t.Helper()
	return salvagedFrom(t, what, bytes.NewReader(stream), image)
}

func salvagedFrom(t *testing.T, what string, stream io.Reader, image []byte) *format.Salvaged {
	t.Helper()
	var out ruins
	got, err := format.NewReader(stream).Salvage(context.Background(), &out)
	if err != nil {
		t.Fatalf("%s: %v", what, err)
	}
	if got.Sized && got.Size != int64(len(image)) || got.Size > int64(len(image)) {
		t.Fatalf("%s: an image of %d bytes, not %d", what, got.Size, len(image))
	}
	out.data = append(out.data, make([]byte, max(0, int(got.Size)-len(out.data)))...)
	missing := make([]bool, got.Size)
	for _, p := range got.Missing {
		for i := p.Offset; i < p.Offset+p.Length; i++ {
			missing[i] = true
		}
	}
	for i, gone := range missing {
		if want := image[i]; !gone && out.data[i] != want || gone && out.data[i] != 0 {
			t.Fatalf("%s: byte %d is %#x, not %#x; missing: %v", what, i, out.data[i], want, got.Missing)
		}
	}
	return got
}

// partOf returns what part of the image a frame stands for.
func partOf(f []byte) format.Part {
	if typ := typeOf(f); typ != format.TypeData && typ != format.TypeZero {
		return format.Part{}
	}
	return format.Part{Offset: int64(le.Uint64(f[32:])), Length: int64(le.Uint64(f[40:]))}
}

// lostFrames demands that what is missing are those frames' parts, and no more.
func lostFrames(t *testing.T, what string, got *format.Salvaged, frames ...[]byte) {
	t.Helper()
	var want []format.Part
	for _, f := range frames {
		if p := partOf(f); p.Length > 0 {
			if last := len(want) - 1; last >= 0 && want[last].Offset+want[last].Length == p.Offset {
				want[last].Length += p.Length
			} else {
				want = append(want, p)
			}
		}
	}
	if !slices.Equal(got.Missing, want) {
		t.Errorf("%s: missing are %v, want %v", what, got.Missing, want)
	}
	if got.Whole() || len(got.Damage) == 0 {
		t.Errorf("%s: nothing is wrong with it", what)
	}
}

// salvageable is streams to be damaged, by name, and their image.
func salvageable(t *testing.T) (streams map[string][]byte, image []byte) {
	image = make([]byte, 11*format.PageSize+100)
	for i := 0; i < len(image); i += 2 * format.PageSize {
		copy(image[i:], bytes.Repeat([]byte(fmt.Sprintf("snapshot of page %d ", i/format.PageSize)), 30))
	}
	plain := streamOf(t, newMemory(image))
	return map[string][]byte{
		"plain": plain, "zstd": compressed(t, plain, "zstd"), "summed": summed(t, plain), "lz4, summed": summed(t, compressed(t, plain, "lz4")),
	}, image
}

// What is whole comes out whole, and is said to be.
func TestSalvageWhole(t *testing.T) {
	for name, stream := range smallStreams(t) {
		image, err := rawOf(format.NewReader(bytes.NewReader(stream)), false)
		check(t, err)
		if got := salvaged(t, name, stream, image); !got.Whole() || len(got.Missing) > 0 || got.Skipped != 0 {
			t.Errorf("%s: %+v", name, got)
		}
	}
	size := 20<<20 + 5
	if testing.Short() {
		size = 2<<20 + 5
	}
	large := imageOf(size, 3)
	for _, codec := range codecs {
		stream := summed(t, compressed(t, streamOf(t, newMemory(large)), codec))
		if got := salvaged(t, codec, stream, large); !got.Whole() {
			t.Errorf("%s: %v", codec, got.Damage)
		}
	}
}

// One byte that is changed, inserted or gone costs one frame.
func TestSalvageByte(t *testing.T) {
	streams, image := salvageable(t)
	for name, stream := range streams {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			at := 0
			for i, f := range frames(t, stream) {
				for byt := 0; byt < len(f); byt++ {
					if byt > format.HeaderSize+8 {
						byt = min(byt+13, len(f)-1) // one of a payload is as good as another
					}
					what := fmt.Sprintf("byte %d of frame %d ", byt, i)
					here := at + byt
					changed := bytes.Clone(stream)
					changed[here] ^= 1 << (byt % 8)
					lostFrames(t, what+"changed", salvaged(t, what+"changed", changed, image), f)
					gone := slices.Delete(bytes.Clone(stream), here, here+1)
					lostFrames(t, what+"gone", salvaged(t, what+"gone", gone, image), f)
					if byt > 0 {
						more := slices.Insert(bytes.Clone(stream), here, 'x')
						lostFrames(t, what+"preceded", salvaged(t, what+"preceded", more, image), f)
					}
				}
				at += len(f)
			}
		})
	}
}

// A stream that is cut off, at either end, keeps what is left.
func TestSalvageCut(t *testing.T) {
	streams, image := salvageable(t)
	stream := streams["lz4, summed"]
	fs := frames(t, stream)
	at := 0
	for i, f := range fs {
		for _, n := range []int{0, 1, 8, 63, 64, len(f) - 1} {
			if n >= len(f) || at+n < len(fs[0]) {
				continue
			}
			what := fmt.Sprintf("cut off at byte %d of frame %d", n, i)
			lostFrames(t, what, salvaged(t, what, stream[:at+n], image), fs[i:]...)
		}
		if i > 0 && i+1 < len(fs) {
			what := fmt.Sprintf("without all before byte 30 of frame %d", i)
			got := salvaged(t, what, stream[at+30:], image)
			lostFrames(t, what, got, fs[:i+1]...)
			if got.Info != nil || !got.Sized {
				t.Errorf("%s: %+v", what, got)
			}
		}
		at += len(f)
	}
	// In the middle alone, not even the size is known.
	middle := bytes.Join(fs[3:5], nil)
	got := salvaged(t, "two frames", middle, image)
	if got.Sized || got.Info != nil || got.Frames != 2 || got.Whole() {
		t.Errorf("two frames: %+v", got)
	}
}

// Frames may be gone, swapped, repeated, or mixed with those of other streams.
func TestSalvageShuffled(t *testing.T) {
	streams, image := salvageable(t)
	for name, stream := range streams {
		fs := frames(t, stream)
		for i := range fs {
			what := fmt.Sprintf("%s, frame %d ", name, i)
			join := func(parts ...[][]byte) []byte { return bytes.Join(slices.Concat(parts...), nil) }
			lostFrames(t, what+"dropped", salvaged(t, what, join(fs[:i], fs[i+1:]), image), fs[i])
			lostFrames(t, what+"repeated", salvaged(t, what, join(fs[:i+1], fs[i:]), image))
			if i+1 < len(fs) {
				lostFrames(t, what+"swapped", salvaged(t, what, join(fs[:i], fs[i+1:i+2], fs[i:i+1], fs[i+2:]), image))
			}
			garbage := [][]byte{[]byte("\x89SNP\r\n\x1a\n and not a frame\n" + strings.Repeat("\x89SNP\r\n", 100))}
			lostFrames(t, what+"after garbage", salvaged(t, what, join(fs[:i], garbage, fs[i:]), image))
			if i > 0 {
				alien := [][]byte{foreignFrame(t)}
				got := salvaged(t, what, join(fs[:i], alien, fs[i:]), image)
				lostFrames(t, what+"after one of another stream", got)
				if got.Foreign != 1 {
					t.Errorf("%s: %d foreign frames", what, got.Foreign)
				}
			}
		}
		shuffled := slices.Clone(fs)
		rand.New(rand.NewPCG(1, 1)).Shuffle(len(fs), func(i, j int) { shuffled[i], shuffled[j] = shuffled[j], shuffled[i] })
		lostFrames(t, name+" in any order", salvaged(t, name, bytes.Join(shuffled, nil), image))
	}
}

// foreignFrame is a data frame of another stream.
func foreignFrame(t *testing.T) []byte {
	info := testInfo(format.PageSize)
	info.ID++
	var out bytes.Buffer
	w, err := format.NewWriter(&out, info)
	check(t, err)
	check(t, w.WriteImage(context.Background(), newMemory(bytes.Repeat([]byte{0xff}, format.PageSize))))
	return frames(t, out.Bytes())[1]
}

// On a device, nothing behind the end frame counts; and what a newer image has
// not overwritten of an older one is not taken for its own.
func TestSalvageDevice(t *testing.T) {
	older := streamOf(t, newMemory(imageOf(12<<20, 10)))
	image := imageOf(5<<20, 11)
	info := testInfo(len(image))
	info.ID = 7
	var out bytes.Buffer
	w, err := format.NewWriter(&out, info)
	check(t, err)
	check(t, w.WriteImage(context.Background(), newMemory(image)))
	check(t, w.Close())
	newer := out.Bytes()
	fs := frames(t, newer)
	for _, n := range []int{len(newer), len(newer) - len(fs[len(fs)-1]), len(newer) / 2} {
		disk := append(bytes.Clone(newer[:n]), older[n:]...)
		r := format.NewReader(bytes.NewReader(disk))
		r.Device = true
		var left ruins
		got, err := r.Salvage(context.Background(), &left)
		check(t, err)
		if got.Info.ID != 7 || got.Whole() != (n == len(newer)) {
			t.Errorf("%d bytes: %+v", n, got)
		}
		for _, p := range got.Missing {
			clear(image[p.Offset : p.Offset+p.Length])
		}
		if !bytes.Equal(append(left.data, make([]byte, len(image)-len(left.data))...), image) {
			t.Errorf("%d bytes: another image", n)
		}
	}
}

// A frame that was changed, and its CRCs with it, has another SHA-256: it counts
// as lost. So does one that cannot be decoded.
func TestSalvageSums(t *testing.T) {
	streams, image := salvageable(t)
	for _, name := range []string{"summed", "lz4, summed"} {
		fs := frames(t, streams[name])
		for i, f := range fs {
			if typeOf(f) != format.TypeData {
				continue
			}
			bad := slices.Clone(fs)
			bad[i] = bytes.Clone(f)
			bad[i][len(f)-1] ^= 1
			seal(bad[i], format.TypeData)
			got := salvaged(t, name, bytes.Join(bad, nil), image)
			lostFrames(t, fmt.Sprintf("%s, frame %d changed", name, i), got, f)
			if d := got.Damage[0]; !errors.Is(d, format.ErrSums) && !errors.Is(d, format.ErrCodec) || d.Frame != uint64(i) {
				t.Errorf("%s, frame %d: %v", name, i, d)
			}
		}
		// Without the checksum frame there is nothing to compare with.
		sums := slices.IndexFunc(fs, func(f []byte) bool { return typeOf(f) == format.TypeSums })
		got := salvaged(t, name, bytes.Join(slices.Delete(slices.Clone(fs), sums, sums+1), nil), image)
		if got.Whole() || got.Unsummed != int64(sums) {
			t.Errorf("%s: %d of %d frames without a SHA-256", name, got.Unsummed, sums)
		}
	}
	root := bytes.Clone(streams["summed"])
	root[len(root)-1] ^= 1
	if got := salvaged(t, "a wrong root", repair(root, repairCRCs), image); got.Whole() || !errors.Is(got.Damage[0], format.ErrSums) {
		t.Errorf("a wrong root: %v", got.Damage)
	}
}

// A stream that says why it has no end is salvaged as one that was cut off.
func TestSalvageFailure(t *testing.T) {
	got := salvaged(t, "a failure", failing(t, socket), make([]byte, 1000))
	if got.Whole() || got.Failure == nil || got.Failure.Object != "fd 7" || got.Lost() != 900 {
		t.Errorf("%+v", got)
	}
}

// What is no stream is called by its name.
func TestSalvageForeign(t *testing.T) {
	for input, want := range map[string]error{
		"":        format.ErrEmpty,
		"hello\n": format.ErrMagic,
		"\x28\xb5\x2f\xfd" + string(make([]byte, 100)):  format.ErrMagic,
		"\x89SNP\r\n\x1a\n":                             format.ErrTruncated,
		"\x89SNP\r\n\x1a\n" + string(make([]byte, 100)): format.ErrHeader,
	} {
		_, err := format.NewReader(strings.NewReader(input)).Salvage(context.Background(), nil)
		if !errors.Is(err, want) || !errors.As(err, new(*format.DamageError)) {
			t.Errorf("%q: %v, want %v", input, err, want)
		}
	}
}

// badDisk is a file that cannot be read where its sectors are bad.
type badDisk struct {
	*bytes.Reader
	bad func(sector int64) bool
}

var errIO = errors.New("input/output error")

func (d badDisk) Read(p []byte) (int, error) {
	at, err := d.Seek(0, io.SeekCurrent)
	if err != nil {
		return 0, err
	}
	n := 0
	for n < len(p) && at+int64(n) < d.Size() && !d.bad((at+int64(n))/4096) {
		n += int(4096 - (at+int64(n))%4096)
	}
	if n = min(n, len(p)); n == 0 && at < d.Size() {
		return 0, errIO
	}
	return d.Reader.Read(p[:n])
}

// Bad sectors of a disk cost the frames that they lie in; without a seek, as in
// a pipe, the error is one.
func TestSalvageBadDisk(t *testing.T) {
	image := imageOf(9<<20, 12)
	stream := streamOf(t, newMemory(image))
	disk := badDisk{bytes.NewReader(stream), func(s int64) bool { return s%500 == 499 || s == 700 || s == 701 }}
	got := salvagedFrom(t, "a bad disk", disk, image)
	if got.Unreadable < 4*4096 || got.Lost() == 0 || got.Lost() > 8<<20 {
		t.Errorf("%d bytes unreadable, %d lost", got.Unreadable, got.Lost())
	}
	_, err := format.NewReader(struct{ io.Reader }{badDisk{bytes.NewReader(stream), disk.bad}}).Salvage(context.Background(), nil)
	if !errors.Is(err, errIO) {
		t.Errorf("a bad pipe: %v", err)
	}
}

// A failing output is an error of its own.
func TestSalvageFullDisk(t *testing.T) {
	stream := streamOf(t, newMemory(imageOf(9<<20, 12)))
	full := errors.New("no space left")
	if _, err := format.NewReader(bytes.NewReader(stream)).Salvage(context.Background(), fullSink{full}); !errors.Is(err, full) {
		t.Errorf("%v", err)
	}
}

type fullSink struct{ err error }

func (f fullSink) WriteAt([]byte, int64) (int, error) { return 0, f.err }
func (f fullSink) Zero(int64, int64) error            { return f.err }
