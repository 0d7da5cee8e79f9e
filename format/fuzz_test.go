// Any bytes, given to all that reads streams.

package format_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"strings"
	"sync"
	"testing"
	"unicode/utf8"

	"snappipe/format"
)

// FuzzReader gives any bytes to everything that reads streams.
func FuzzReader(f *testing.F) {
	for _, stream := range vectors(f) {
		f.Add(stream)
	}
	f.Fuzz(fuzzStream)
}

// FuzzRepaired gives any bytes to everything that reads streams, after some of
// what is wrong with them has been put right: the checksums would keep nearly
// all of them from what lies behind.
func FuzzRepaired(f *testing.F) {
	for _, stream := range vectors(f) {
		f.Add(stream, uint8(repairAll))
	}
	f.Fuzz(func(t *testing.T, stream []byte, what uint8) {
		fuzzStream(t, repair(stream, what))
	})
}

// FuzzSalvage brings out what is left of any bytes, some of what is wrong with
// which has been put right.
func FuzzSalvage(f *testing.F) {
	for _, stream := range vectors(f) {
		f.Add(stream, uint8(repairAll))
		f.Add(stream[min(len(stream), 100):], uint8(0))
	}
	f.Fuzz(func(t *testing.T, stream []byte, what uint8) {
		stream = repair(stream, what)
		img, strict := partsOf(t, stream, false)
		left := leftovers{}
		got, err := format.NewReader(bytes.NewReader(stream)).Salvage(context.Background(), left)
		damage(t, err)
		if (strict == nil) != (err == nil && got.Whole()) {
			t.Errorf("it is read with %v, and salvaged with %v, %+v", strict, err, got)
		}
		if strict == nil && !reflect.DeepEqual(map[int64][sha256.Size]byte(left), img) {
			t.Error("another image is salvaged")
		}
		if err == nil {
			checkMissing(t, got)
		}
	})
}

// FuzzContents gives any bytes, some of what is wrong with which has been put right,
// to who reads a stream from its end: what is whole is read the same, and all that
// comes out of the rest is right.
func FuzzContents(f *testing.F) {
	for _, stream := range vectors(f) {
		f.Add(stream, uint8(repairAll))
		f.Add(stream, uint8(0))
	}
	f.Fuzz(func(t *testing.T, stream []byte, what uint8) {
		stream = repair(stream, what)
		r := format.NewReader(bytes.NewReader(stream))
		if info, err := r.Info(); err != nil || info.Size > 8<<20 {
			return
		}
		want, err := rawOf(r, false)
		c, contentsErr := contentsOf(stream)
		if err == nil && contentsErr != nil {
			t.Fatalf("it can be read, but not from its end: %v", contentsErr)
		}
		if contentsErr != nil {
			damage(t, contentsErr)
			return
		}
		b, openErr := c.Open(context.Background(), nil)
		if openErr != nil {
			return // it is the difference to another image
		}
		var got bytes.Buffer
		partsErr := b.WriteParts(context.Background(), &got, 0, c.Info().Size)
		if err == nil && (partsErr != nil || !bytes.Equal(got.Bytes(), want)) {
			t.Errorf("it is read as a whole, and in parts %v", partsErr)
		}
		damage(t, partsErr)
	})
}

// FuzzFailure ends streams with any texts: they come through, as far as there is
// room for them, and never as anything but text.
func FuzzFailure(f *testing.F) {
	f.Add("fd 7", "it is a TCP socket", "--force closes it")
	f.Add("", "", "")
	f.Add("a\nb", "\xff\x00\x1b[2J", strings.Repeat("ü", 5000))
	f.Fuzz(func(t *testing.T, object, reason, advice string) {
		err := &refusal{object, reason, advice}
		for _, stream := range [][]byte{failed(err), failing(t, err)} {
			got := asFailure(t, stream)
			for _, text := range []string{got.Object, got.Reason, got.Advice} {
				if len(text) > 2048 || !utf8.ValidString(text) || strings.Contains(text, "\n") {
					t.Errorf("%d bytes of text: %.100q", len(text), text)
				}
			}
			if !got.Refused || got.Reason == "" || !strings.Contains(got.Error(), got.Reason) {
				t.Errorf("%+v", got)
			}
			if !bytes.Equal(through(t, stream, false), stream) {
				t.Error("a filter changes it")
			}
		}
	})
}

// leftovers is what was salvaged, as digests of what was written where. What a
// hostile stream has twice, and not the same, may come twice.
type leftovers map[int64][sha256.Size]byte

func (l leftovers) WriteAt(b []byte, off int64) (int, error) {
	l[off] = sha256.Sum256(b)
	return len(b), nil
}

func (l leftovers) Zero(off, _ int64) error {
	delete(l, off)
	return nil
}

// checkMissing checks that what is missing is a list of parts of the image.
func checkMissing(t *testing.T, got *format.Salvaged) {
	t.Helper()
	at := int64(-1)
	for _, p := range got.Missing {
		if p.Length < 1 || p.Offset <= at || p.Length > got.Size-p.Offset {
			t.Errorf("missing of %d bytes: %v", got.Size, got.Missing)
		}
		at = p.Offset + p.Length
	}
	if got.Whole() && got.Lost() > 0 {
		t.Errorf("it is whole, but for %v", got.Missing)
	}
}

// vectors returns the golden vectors.
func vectors(t testing.TB) [][]byte {
	t.Helper()
	names, err := filepath.Glob("../tests/vectors/streams/*.snap")
	check(t, err)
	if len(names) == 0 {
		t.Fatal("there are no golden vectors")
	}
	var all [][]byte
	for _, name := range names {
		stream, err := os.ReadFile(name)
		check(t, err)
		all = append(all, stream)
	}
	return all
}

// maxMemory is more than all that the frames in flight can need on many cores,
// and much less than a hostile length can ask for.
const maxMemory = 512 << 20

// fuzzStream checks that all who read stream come to the same conclusion, in
// bounded memory.
func fuzzStream(t *testing.T, stream []byte) {
	ctx := context.Background()
	reader := func() *format.Reader { return format.NewReader(bytes.NewReader(stream)) }
	img, err := partsOf(t, stream, false)
	again, unordered := partsOf(t, stream, true)
	agree(t, err, unordered)
	if err == nil && !reflect.DeepEqual(img, again) {
		t.Error("out of order, another image comes out")
	}

	verify := damage(t, format.Verify(ctx, reader()))
	if err == nil && verify != nil {
		t.Errorf("it can be decoded, but: %v", verify)
	}
	var plain, summed bytes.Buffer
	agree(t, err, damage(t, format.Filter(ctx, &plain, reader(), format.Decompress)))
	agree(t, verify, damage(t, format.Sum(ctx, &summed, reader())))
	if err == nil {
		for _, filtered := range []*bytes.Buffer{&plain, &summed} {
			got, err := partsOf(t, filtered.Bytes(), false)
			if err != nil || !reflect.DeepEqual(got, img) {
				t.Errorf("a filter makes another image of it: %v", err)
			}
		}
	}

	var m runtime.MemStats
	if runtime.ReadMemStats(&m); m.Sys > maxMemory {
		t.Errorf("%d MiB of memory for a stream of %d bytes", m.Sys>>20, len(stream))
	}
}

func agree(t *testing.T, a, b error) {
	t.Helper()
	if (a == nil) != (b == nil) {
		t.Errorf("two readers disagree: %v; %v", a, b)
	}
}

// damage checks that err says where the damage is, or whose failure it is that
// there is no image.
func damage(t *testing.T, err error) error {
	t.Helper()
	var d *format.DamageError
	var f *format.Failure
	if err != nil && !errors.As(err, &d) && !errors.As(err, &f) {
		t.Errorf("%v does not say where", err)
	}
	return err
}

// parts is an image of any size, as digests of what was written where.
type parts struct {
	mu   sync.Mutex
	size int64
	at   map[int64][sha256.Size]byte
}

func partsOf(t *testing.T, stream []byte, unordered bool) (map[int64][sha256.Size]byte, error) {
	t.Helper()
	r := format.NewReader(bytes.NewReader(stream))
	info, err := r.Info()
	if err != nil {
		return nil, damage(t, err)
	}
	p := &parts{size: info.Size, at: map[int64][sha256.Size]byte{}}
	err = r.WriteRaw(context.Background(), p, func() bool { return unordered })
	return p.at, damage(t, err)
}

func (p *parts) WriteAt(b []byte, off int64) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if _, twice := p.at[off]; twice || off < 0 || int64(len(b)) > p.size-off {
		return 0, fmt.Errorf("%d bytes at %d of %d, or for the second time", len(b), off, p.size)
	}
	p.at[off] = sha256.Sum256(b)
	return len(b), nil
}
