// What cannot be written.

package format_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"snappipe/format"
	"snappipe/format/codec"
)

// What no reader would take cannot be written: neither a first frame,
func TestFirstFrameRefused(t *testing.T) {
	with := func(name, value string) func(*format.Info) {
		return func(i *format.Info) { i.Facts.Set(name, value) }
	}
	for what, change := range map[string]func(*format.Info){
		"no facts":                 func(i *format.Info) { i.Facts = nil },
		"no host":                  func(i *format.Info) { i.Facts.Set(format.FactHost, "") },
		"a name twice":             func(i *format.Info) { i.Facts = append(i.Facts, format.Fact{Name: format.FactHost, Value: "i"}) },
		"an empty name":            with("", "x"),
		"a name of 65 letters":     with(strings.Repeat("a", 65), "x"),
		"a capital letter":         with("Host", "x"),
		"no UTF-8":                 with("a", "\xff"),
		"a page size of words":     with(format.FactPageSize, "4 KiB"),
		"a time in another zone":   with(format.FactTime, "2007-04-26T12:00:00+02:00"),
		"a leap second at noon":    with(format.FactTime, "2007-06-30T12:00:60Z"),
		"more facts than 1024":     func(i *format.Info) { i.Facts = append(i.Facts, numbered(1020)...) },
		"facts of more than 4 MiB": with("a", strings.Repeat("A", format.MaxPayload)),
		"a size below zero":        func(i *format.Info) { i.Size = -1 },
		"an image that is resumed": func(i *format.Info) { i.Resumed = true },
	} {
		var out bytes.Buffer
		info := testInfo(10)
		change(info)
		if _, err := format.NewWriter(&out, info); err == nil || out.Len() > 0 {
			t.Errorf("%s: %v, after %d bytes", what, err, out.Len())
		}
		edit := format.Editor{Info: func(i *format.Info) error { change(i); return nil }}
		err := edit.Run(context.Background(), &out, format.NewReader(example("some image")))
		_, said := format.NewReader(&out).Info()
		if failure := (*format.Failure)(nil); err == nil || !errors.As(said, &failure) {
			t.Errorf("%s, in a filter: %v, and in its stream: %v", what, err, said)
		}
	}
}

func numbered(n int) (all format.Facts) {
	for i := range n {
		all = append(all, format.Fact{Name: fmt.Sprint(i)})
	}
	return all
}

// nor any other; and what was refused leaves the stream as it was.
func TestFrameRefused(t *testing.T) {
	const size = 600
	text := bytes.Repeat([]byte("snapshot"), size/8)
	raw := func(t *testing.T) *format.Frame {
		var f format.Frame
		check(t, f.SetRaw(text))
		return &f
	}
	coded := func(t *testing.T) *format.Frame {
		f := raw(t)
		lz4, _ := codec.ByName("lz4")
		enc, err := lz4.NewEncoder(1)
		check(t, err)
		check(t, f.Compress(enc))
		return f
	}
	zero := func(n int64) *format.Frame {
		var f format.Frame
		check(t, f.SetZero(n))
		return &f
	}
	ancillary := func(t *testing.T) *format.Frame {
		var f format.Frame
		check(t, f.SetAncillary(0x8001, text))
		return &f
	}
	for what, make := range map[string]func(*testing.T) *format.Frame{
		"an empty frame":                    func(*testing.T) *format.Frame { return &format.Frame{} },
		"a frame with nothing but a type":   func(*testing.T) *format.Frame { return &format.Frame{Type: format.TypeZero, Length: size} },
		"an end frame":                      func(*testing.T) *format.Frame { return &format.Frame{Type: format.TypeEnd} },
		"a frame of a type to come":         func(*testing.T) *format.Frame { return &format.Frame{Type: 8} },
		"data after a gap":                  func(t *testing.T) *format.Frame { f := raw(t); f.Offset = 8; return f },
		"data before the start":             func(t *testing.T) *format.Frame { f := raw(t); f.Offset = -8; return f },
		"zeros beyond the end":              func(*testing.T) *format.Frame { return zero(size + 1) },
		"zeros without end":                 func(*testing.T) *format.Frame { return zero(1<<63 - 1) },
		"data of another length":            func(t *testing.T) *format.Frame { f := raw(t); f.Length--; return f },
		"coded data of another length":      func(t *testing.T) *format.Frame { f := coded(t); f.Length--; return f },
		"data of another codec":             func(t *testing.T) *format.Frame { f := coded(t); f.Codec = codec.Zstd; return f },
		"data of no codec":                  func(t *testing.T) *format.Frame { f := coded(t); f.Codec = codec.None; return f },
		"zeros with a codec":                func(*testing.T) *format.Frame { f := zero(size); f.Codec = codec.Zstd; return f },
		"data that became zeros by hand":    func(t *testing.T) *format.Frame { f := raw(t); f.Type = format.TypeZero; return f },
		"data that became ancillary":        func(t *testing.T) *format.Frame { f := raw(t); f.Type = 0x8001; return f },
		"an ancillary frame that is none":   func(t *testing.T) *format.Frame { f := ancillary(t); f.Type = 9; return f },
		"an ancillary frame at -1":          func(t *testing.T) *format.Frame { f := ancillary(t); f.Offset = -1; return f },
		"an ancillary frame beyond numbers": func(t *testing.T) *format.Frame { f := ancillary(t); f.Offset, f.Length = 1<<62, 1<<62; return f },
	} {
		t.Run(what, func(t *testing.T) {
			var out bytes.Buffer
			w, err := format.NewWriter(&out, testInfo(size))
			check(t, err)
			before := out.Len()
			if err := w.Write(make(t)); err == nil || out.Len() != before {
				t.Fatalf("%v, after %d bytes", err, out.Len()-before)
			}
			check(t, w.Write(coded(t)))
			check(t, w.Close())
			got, err := rawOf(format.NewReader(&out), false)
			check(t, err)
			if !bytes.Equal(got, text) {
				t.Error("another image came back")
			}
		})
	}
}

// Frames cannot be made of what does not go into one.
func TestFrameLimits(t *testing.T) {
	long := make([]byte, format.MaxPayload+1)
	var f format.Frame
	for what, err := range map[string]error{
		"data of nothing":          f.SetRaw(nil),
		"data over the limit":      f.SetRaw(long),
		"zeros of nothing":         f.SetZero(0),
		"zeros of less":            f.SetZero(-1),
		"a critical type":          f.SetAncillary(format.TypeData, nil),
		"a critical type to come":  f.SetAncillary(0x7fff, nil),
		"a payload over the limit": f.SetAncillary(0x8000, long),
	} {
		if err == nil {
			t.Errorf("a frame was made of %s", what)
		}
	}
	check(t, f.SetRaw(long[1:]))
	check(t, f.SetAncillary(0xffff, long[1:]))
}

// After its end, or after an error in mid-frame, a stream is over.
func TestOver(t *testing.T) {
	w, err := format.NewWriter(new(bytes.Buffer), testInfo(0))
	check(t, err)
	check(t, w.Close())
	var f format.Frame
	check(t, f.SetAncillary(0x8000, nil))
	if w.Write(&f) == nil || w.Close() == nil {
		t.Error("it goes on after its end")
	}

	full := errors.New("no space left")
	out := &failAfter{1, full}
	w, err = format.NewWriter(out, testInfo(0))
	check(t, err)
	out.n = 0
	for _, err := range []error{w.Write(&f), w.Write(&f), w.Close(), w.Fail(full)} {
		if !errors.Is(err, full) {
			t.Errorf("after an error: %v", err)
		}
	}
	if out.n != -1 {
		t.Errorf("it was tried %d times to write on", -out.n)
	}
}
