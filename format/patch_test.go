// Images that are stored as differences.

package format_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"slices"
	"testing"

	"snappipe/format"
	"snappipe/format/codec"
)

// later is what has become of the memory img: a word here and there is another,
// memory was added in the middle and at the end, a page was freed, and one has
// nothing in common with what it was.
func later(img []byte, seed uint64) []byte {
	const page = format.PageSize
	middle := len(img) / page / 2 * page
	now := slices.Concat(img[:middle], imageOf(3*page, seed), img[middle:], []byte("and the end is no whole page"))
	for at := 10 * page; at < len(img); at += 13 * page {
		binary.LittleEndian.PutUint64(now[at+80:], uint64(at)+seed)
	}
	clear(now[20*page : 21*page])
	copy(now[40*page:41*page], imageOf(page, seed+1))
	return now
}

// diff makes of the stream of a whole image, or of part of it, the difference to
// base.
func diff(t testing.TB, stream []byte, base *format.Base, name string) []byte {
	t.Helper()
	c, _ := codec.ByName(name)
	work, err := format.Patch(base, c, c.DefaultLevel)
	check(t, err)
	return edited(t, stream, work, base)
}

// edited passes stream through work; what comes of it is the difference to base,
// or whole if that is nil.
func edited(t testing.TB, stream []byte, work func() format.Work, base *format.Base) []byte {
	t.Helper()
	var out bytes.Buffer
	filter := format.Editor{Work: work, Sum: true, Info: func(info *format.Info) error {
		info.SetBase(base)
		return nil
	}}
	check(t, filter.Run(context.Background(), &out, format.NewReader(bytes.NewReader(stream))))
	return out.Bytes()
}

func openBase(t testing.TB, stream []byte, under ...*format.Base) *format.Base {
	t.Helper()
	b, err := format.OpenBase(context.Background(), bytes.NewReader(stream), int64(len(stream)), under, true)
	check(t, err)
	return b
}

func typesOf(t testing.TB, stream []byte) map[format.Type]int {
	t.Helper()
	types := map[format.Type]int{}
	check(t, format.NewReader(bytes.NewReader(stream)).Each(context.Background(), nil, func(f *format.Frame) error {
		types[f.Type]++
		return nil
	}))
	return types
}

// A chain of images, each stored as the difference to the one before it, by every
// codec: small, and whole again to the byte.
func TestPatch(t *testing.T) {
	for _, name := range append([]string{"none"}, names()...) {
		t.Run(name, func(t *testing.T) {
			size := 2 << 20
			if name == "xz" { // which is slow
				size = 1 << 18
			}
			img := imageOf(size, 1)
			whole := summed(t, compressed(t, streamOf(t, newMemory(img)), name))
			bases := []*format.Base{openBase(t, whole)}
			for n := range 2 {
				img = later(img, uint64(100*n))
				full := summed(t, compressed(t, streamOf(t, newMemory(img)), name))
				base := bases[len(bases)-1]
				patched := diff(t, full, base, name)
				if types := typesOf(t, patched); types[format.TypePatch] == 0 {
					t.Errorf("%d: frames %v: nearly all is alike", n, types)
				}
				if name != "none" && len(patched) > len(full)*2/3 {
					t.Errorf("%d: %d bytes as the difference, %d as a whole", n, len(patched), len(full))
				}
				wants(t, patched, base, img)
				wants(t, edited(t, patched, format.Whole(base), nil), nil, img)
				bases = append(bases, openBase(t, patched, bases...))
			}
			if got := bases[2].Under().Under(); got != bases[0] {
				t.Errorf("what is at the bottom of it is %v", got.Ref())
			}
		})
	}
}

func names() (all []string) {
	for _, c := range codec.All() {
		all = append(all, c.Name)
	}
	return all
}

// wants reads stream with a base, in both ways.
func wants(t *testing.T, stream []byte, base *format.Base, img []byte) {
	t.Helper()
	for _, unordered := range []bool{false, true} {
		r := format.NewReader(bytes.NewReader(stream))
		r.Base = base
		got, err := rawOf(r, unordered)
		if err != nil || !bytes.Equal(got, img) {
			t.Errorf("another image comes back: %v", err)
		}
	}
}

// What has not changed takes next to nothing, wherever it has moved to.
func TestPatchMoved(t *testing.T) {
	img := imageOf(1<<20, 2)
	base := openBase(t, summed(t, streamOf(t, newMemory(img))))
	moved := append(imageOf(5*format.PageSize, 3), img...)
	stream := diff(t, streamOf(t, newMemory(moved)), base, "s2")
	if most := 5*format.PageSize + 16<<10; len(stream) > most {
		t.Errorf("%d bytes of an image that has moved by five pages", len(stream))
	}
	wants(t, stream, base, moved)
}

// A difference can be coded anew without its base, and stays one.
func TestPatchRecode(t *testing.T) {
	img := imageOf(1<<20, 4)
	base := openBase(t, summed(t, streamOf(t, newMemory(img))))
	now := later(img, 5)
	stream := diff(t, streamOf(t, newMemory(now)), base, "zstd")
	for _, name := range append(names(), "none") {
		stream = compressed(t, stream, name)
		if types := typesOf(t, stream); types[format.TypePatch] == 0 {
			t.Errorf("%s: %v", name, types)
		}
		wants(t, stream, base, now)
	}
}

// Without its base, or with another, an image is not to be had, and nothing is
// written.
func TestPatchWithoutBase(t *testing.T) {
	img := imageOf(2<<20, 6)
	whole := summed(t, streamOf(t, newMemory(img)))
	base := openBase(t, whole)
	stream := diff(t, streamOf(t, newMemory(later(img, 7))), base, "s2")
	other := openBase(t, summed(t, streamOf(t, newMemory(imageOf(2<<20, 8)))))
	for what, b := range map[string]*format.Base{"none": nil, "another image": other} {
		r := format.NewReader(bytes.NewReader(stream))
		info, err := r.Info()
		check(t, err)
		var missing *format.BaseError
		if err := info.Whole(b); !errors.As(err, &missing) || missing.Ref != base.Ref() {
			t.Errorf("%s: %v", what, err)
		}
	}
	r := format.NewReader(bytes.NewReader(stream))
	if got, err := rawOf(r, false); !errors.Is(err, format.ErrBase) {
		t.Errorf("without: %v, %d bytes", err, len(got))
	}
	if err := base.Info().Whole(base); err == nil {
		t.Error("what is whole takes a base")
	}
	if _, err := format.OpenBase(context.Background(), bytes.NewReader(stream), int64(len(stream)), []*format.Base{other}, false); !errors.As(err, new(*format.BaseError)) {
		t.Errorf("a chain with another link: %v", err)
	}
	recoded := compressed2(t, whole)
	unlearned, err := format.OpenBase(context.Background(), bytes.NewReader(recoded), int64(len(recoded)), nil, false)
	check(t, err)
	if _, err := format.OpenBase(context.Background(), bytes.NewReader(stream), int64(len(stream)), []*format.Base{other, unlearned}, false); err != nil {
		t.Errorf("a base that was coded anew: %v", err)
	}
	plain := streamOf(t, newMemory(img))
	if _, err := format.OpenBase(context.Background(), bytes.NewReader(plain), int64(len(plain)), nil, false); !errors.Is(err, format.ErrUnsummed) {
		t.Errorf("a base without checksums: %v", err)
	}
}

// compressed2 is the same image in another stream.
func compressed2(t testing.TB, stream []byte) []byte {
	return summed(t, compressed(t, stream, "s2"))
}

// A base that changes after it was checked is found out.
func TestBaseChanges(t *testing.T) {
	img := imageOf(2<<20, 8)
	whole := summed(t, streamOf(t, newMemory(img)))
	now := later(img, 9)
	for at := 0; at < len(whole)-200; at += len(whole) / 15 {
		changing := bytes.Clone(whole)
		base := openBase(t, changing)
		stream := diff(t, streamOf(t, newMemory(now)), base, "zstd")
		changing[at] ^= 4
		r := format.NewReader(bytes.NewReader(stream))
		r.Base = base
		got, err := rawOf(r, false)
		if err == nil && !bytes.Equal(got, now) {
			t.Errorf("byte %d: another image, and no error", at)
		}
		if err != nil && !errors.As(err, new(*format.DamageError)) {
			t.Errorf("byte %d: %v", at, err)
		}
	}
}

// Damage of a base is found before anything is made of it.
func TestDamagedBase(t *testing.T) {
	whole := summed(t, streamOf(t, newMemory(imageOf(1<<20, 10))))
	for at := 0; at < len(whole); at += len(whole)/100 + 1 {
		bad := bytes.Clone(whole)
		bad[at] ^= 1
		if _, err := format.OpenBase(context.Background(), bytes.NewReader(bad), int64(len(bad)), nil, false); !errors.As(err, new(*format.DamageError)) {
			t.Errorf("byte %d: %v", at, err)
		}
	}
	for _, n := range []int{0, 1, len(whole) / 2, len(whole) - 1} {
		if _, err := format.OpenBase(context.Background(), bytes.NewReader(whole), int64(n), nil, false); !errors.As(err, new(*format.DamageError)) {
			t.Errorf("%d bytes of it: %v", n, err)
		}
	}
}

// What of a damaged difference is whole can be had with its base.
func TestSalvagePatch(t *testing.T) {
	img := imageOf(2<<20, 11)
	base := openBase(t, summed(t, streamOf(t, newMemory(img))))
	now := later(img, 12)
	stream := diff(t, streamOf(t, newMemory(now)), base, "none")
	all := frames(t, stream)
	gone := slices.IndexFunc(all, func(f []byte) bool { return typeOf(f) == format.TypePatch })
	lost := binary.LittleEndian.Uint64(all[gone][40:])
	damaged := bytes.Join(slices.Delete(slices.Clone(all), gone, gone+1), nil)
	for what, b := range map[string]*format.Base{"with": base, "without": nil} {
		r := format.NewReader(bytes.NewReader(damaged))
		r.Base = b
		got, err := r.Salvage(context.Background(), nil)
		check(t, err)
		if whole := got.Lost() == int64(lost); whole != (b != nil) {
			t.Errorf("%s its base %d bytes are lost, of which %d are in the frame that is missing", what, got.Lost(), lost)
		}
	}
}

// Payloads of patch frames that no writer makes are refused.
func TestBadPatches(t *testing.T) {
	img := bytes.Repeat([]byte("snapshot"), 2*format.PageSize/4)
	base := openBase(t, summed(t, streamOf(t, newMemory(img))))
	stream := patchStream(t, base, img)
	table := func(n int, lines ...uint64) []byte {
		b := le.AppendUint32(nil, uint32(n))
		for i := 0; i < len(lines); i += 2 {
			b = le.AppendUint32(le.AppendUint64(b, lines[i]), uint32(lines[i+1]))
		}
		return b
	}
	none, size := ^uint64(0), uint64(len(img))
	for what, payload := range map[string][]byte{
		"half a count":          {1, 0},
		"no lines":              table(0),
		"fewer lines than said": table(2, 0, size),
		"a million lines":       table(1<<20, 0, size),
		"too short":             table(1, 0, size-1),
		"too long":              table(1, 0, size+1),
		"an empty line":         table(2, 0, size, 0, 0),
		"behind the end":        table(1, 1, size),
		"far behind it":         table(1, 1<<62, size),
		"over the edge":         table(1, 1<<63-1, size),
		"before the beginning":  table(1, none-1, size),
		"half a difference":     append(table(1, 0, size), make([]byte, size/2)...),
		"more than one":         append(table(1, 0, size), make([]byte, size+1)...),
		"another image":         table(1, none, size),
	} {
		if _, err := withPatch(t, stream, base, payload); !errors.As(err, new(*format.DamageError)) {
			t.Errorf("%s: %v", what, err)
		}
	}
	for what, payload := range map[string][]byte{
		"no difference":     table(1, 0, size),
		"one that is zeros": append(table(1, 0, size), make([]byte, size)...),
		"in two lines":      table(2, 0, size/2, size/2, size/2),
	} {
		if got, err := withPatch(t, stream, base, payload); err != nil || !bytes.Equal(got, img) {
			t.Errorf("%s: %v", what, err)
		}
	}
}

// patchStream is a stream of the image that base is, in one patch frame.
func patchStream(t testing.TB, base *format.Base, img []byte) []byte {
	t.Helper()
	var plain bytes.Buffer
	w, err := format.NewWriter(&plain, testInfo(len(img)))
	check(t, err)
	var f format.Frame
	check(t, f.SetRaw(img))
	check(t, w.Write(&f))
	check(t, w.Close())
	return diff(t, plain.Bytes(), base, "none")
}

// withPatch reads a stream after its second frame was given another payload.
func withPatch(t testing.TB, stream []byte, base *format.Base, payload []byte) ([]byte, error) {
	t.Helper()
	all := frames(t, stream)
	all[1] = append(bytes.Clone(all[1][:format.HeaderSize]), payload...)
	le.PutUint32(all[1][48:], uint32(len(payload)))
	r := format.NewReader(bytes.NewReader(repair(bytes.Join(all, nil), repairAll)))
	r.Base = base
	return rawOf(r, false)
}

// A patch frame in a stream that names no base is refused, and a Writer does not
// write one.
func TestPatchUnannounced(t *testing.T) {
	img := imageOf(2<<20, 15)
	base := openBase(t, summed(t, streamOf(t, newMemory(img))))
	stream := diff(t, streamOf(t, newMemory(img)), base, "zstd")
	var out bytes.Buffer
	forget := format.Editor{Info: func(info *format.Info) error {
		info.SetBase(nil)
		return nil
	}}
	if err := forget.Run(context.Background(), &out, format.NewReader(bytes.NewReader(stream))); err == nil {
		t.Error("a Writer takes a patch frame for a stream that names no base")
	}
	for _, facts := range [][]format.Fact{
		{{Name: format.FactBaseIdentity, Value: "0123456789abcdef"}},
		{{Name: format.FactBaseRoot, Value: "00"}},
		{{Name: format.FactBaseIdentity, Value: "123"}, {Name: format.FactBaseRoot, Value: base.Ref().Root}},
	} {
		info := testInfo(0)
		info.Facts = append(info.Facts, facts...)
		if _, err := format.NewWriter(&out, info); !errors.Is(err, format.ErrField) {
			t.Errorf("%v: %v", facts, err)
		}
	}
}

// FuzzPatch applies any payload to a base.
func FuzzPatch(f *testing.F) {
	img := bytes.Repeat([]byte("snapshot"), 2*format.PageSize/4)
	base := openBase(f, summed(f, streamOf(f, newMemory(img))))
	stream := patchStream(f, base, img)
	f.Add([]byte{})
	f.Add(frames(f, stream)[1][format.HeaderSize:])
	f.Fuzz(func(t *testing.T, payload []byte) {
		if len(payload) > 1<<16 {
			return
		}
		got, err := withPatch(t, stream, base, payload)
		if err == nil && !bytes.Equal(got, img) {
			t.Fatal("another image, whose checksum is right")
		}
		if err != nil && !errors.As(err, new(*format.DamageError)) {
			t.Fatal(err)
		}
	})
}

// A base is the one that was checked whenever a part of it is read, though somebody
// changes it meanwhile who knows how to put all CRCs right.
func TestPatchBaseChanges(t *testing.T) {
	img := imageOf(1<<20, 6)
	whole := summed(t, streamOf(t, newMemory(img)))
	base := openBase(t, whole)
	r := format.NewReader(bytes.NewReader(diff(t, streamOf(t, newMemory(img)), base, "s2")))
	r.Base = base
	changed := bytes.Clone(whole)
	for _, f := range cut(changed)[1:] {
		if format.Type(le.Uint16(f[12:])) == format.TypeData {
			f[format.HeaderSize] ^= 1
		}
	}
	copy(whole, repair(changed, repairCRCs))
	if _, err := rawOf(r, false); !errors.Is(err, format.ErrForeign) {
		t.Error(err)
	}
}
