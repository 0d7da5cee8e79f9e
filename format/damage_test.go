// Every damage to small streams, each found by every way of reading.

package format_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"testing"
	"unicode/utf16"

	"snappipe/format"
)

// smallStreams are complete streams of each kind, small enough to try every
// damage on.
func smallStreams(t testing.TB) map[string][]byte {
	b := make([]byte, 4*format.PageSize+100)
	copy(b, bytes.Repeat([]byte("snapshot"), 20))
	copy(b[3*format.PageSize:], "resume")
	b[len(b)-1] = 0xff
	plain := streamOf(t, newMemory(b))
	all := map[string][]byte{"plain": compressed(t, streamOf(t, newMemory(b[len(b)-100:])), "none")}
	for _, c := range codecs[1:] {
		all[c] = compressed(t, plain, c)
	}
	all["summed"] = summed(t, all["zstd"])
	all["empty"] = streamOf(t, newMemory(nil))
	return all
}

// refuses fails the test unless every way of reading stream finds it damaged,
// with an error that says where and is one of want.
func refuses(t *testing.T, what string, stream []byte, want ...error) {
	t.Helper()
	read := map[string]func() error{
		"Verify": func() error {
			r := format.NewReader(bytes.NewReader(stream))
			err := format.Verify(context.Background(), r)
			if err == nil { // only decoding can tell
				_, err = rawOf(format.NewReader(bytes.NewReader(stream)), false)
			}
			return err
		},
		"WriteRaw": func() error {
			_, err := rawOf(format.NewReader(bytes.NewReader(stream)), true)
			return err
		},
		"Sum": func() error {
			var out bytes.Buffer
			err := format.Sum(context.Background(), &out, format.NewReader(bytes.NewReader(stream)))
			if err == nil {
				_, err = rawOf(format.NewReader(&out), true)
			}
			return err
		},
	}
	for name, f := range read {
		err := f()
		var damage *format.DamageError
		switch {
		case err == nil:
			t.Errorf("%s: %s does not notice", what, name)
		case !errors.As(err, &damage):
			t.Errorf("%s: %s: %v, which is no DamageError", what, name, err)
		case len(want) > 0 && !isAny(err, want):
			t.Errorf("%s: %s: %v, want %v", what, name, err, want)
		}
	}
}

func isAny(err error, want []error) bool {
	for _, w := range want {
		if errors.Is(err, w) {
			return true
		}
	}
	return false
}

func TestEveryTruncation(t *testing.T) {
	for name, stream := range smallStreams(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			refuses(t, "nothing", nil, format.ErrEmpty)
			for n := 1; n < len(stream); n++ {
				refuses(t, fmt.Sprintf("the first %d bytes", n), stream[:n], format.ErrTruncated)
			}
		})
	}
}

func TestEveryBitFlip(t *testing.T) {
	for name, stream := range smallStreams(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			step := 1
			if testing.Short() {
				step = 7 // all bits of a byte have their turn
			}
			for bit := 0; bit < len(stream)*8; bit += step {
				bad := bytes.Clone(stream)
				bad[bit/8] ^= 1 << (bit % 8)
				refuses(t, fmt.Sprintf("bit %d of byte %d", bit%8, bit/8), bad)
			}
		})
	}
}

// A flipped bit is blamed on the frame it is in.
func TestDamageIsNamed(t *testing.T) {
	stream := summed(t, compressed(t, streamOf(t, newMemory(imageOf(6<<20, 8))), "s2"))
	at, off := 0, int64(0)
	for i, f := range frames(t, stream) {
		for _, byt := range []int{17, len(f) - 1} {
			bad := bytes.Clone(stream)
			bad[at+byt] ^= 4
			_, err := rawOf(format.NewReader(bytes.NewReader(bad)), true)
			var d *format.DamageError
			if !errors.As(err, &d) || d.Frame != uint64(i) || d.At != int64(at) {
				t.Errorf("byte %d of frame %d at %d: %v", byt, i, at, err)
			} else if typ := typeOf(f); (typ == format.TypeData || typ == format.TypeZero) && d.Offset != off {
				t.Errorf("frame %d at image offset %d: %v", i, off, err)
			}
		}
		at += len(f)
		if typ := typeOf(f); typ == format.TypeData || typ == format.TypeZero {
			off += int64(f[40]) | int64(f[41])<<8 | int64(f[42])<<16
		}
	}
}

// A wrong root is at the end frame, what is too much at its first byte, and
// what is too little where it is missing.
func TestWhereItEnds(t *testing.T) {
	stream := summed(t, streamOf(t, newMemory(imageOf(3<<20, 8))))
	fs := frames(t, stream)
	last := len(fs) - 1
	end := len(stream) - len(fs[last])
	root := bytes.Clone(stream)
	root[len(root)-1] ^= 1
	root = repair(root, repairCRCs)
	for _, c := range []struct {
		what   string
		stream []byte
		want   error
		frame  int
		at     int
	}{
		{"a wrong root", root, format.ErrSums, last, end},
		{"a byte too many", append(bytes.Clone(stream), 0), format.ErrTrailing, last + 1, len(stream)},
		{"a frame too many", append(bytes.Clone(stream), fs[1]...), format.ErrTrailing, last + 1, len(stream)},
		{"no end frame", stream[:end], format.ErrTruncated, last, end},
		{"half an end frame", stream[:end+30], format.ErrTruncated, last, end},
	} {
		verified := format.Verify(context.Background(), format.NewReader(bytes.NewReader(c.stream)))
		got, err := format.NewReader(bytes.NewReader(c.stream)).Salvage(context.Background(), nil)
		check(t, err)
		if got.Damaged != 1 {
			t.Errorf("%s: Salvage says too much: %v", c.what, got.Damage)
		}
		for who, err := range map[string]error{"Verify": verified, "Salvage": errors.Join(errorsOf(got)...)} {
			var d *format.DamageError
			if !errors.As(err, &d) || !errors.Is(err, c.want) || d.Frame != uint64(c.frame) || d.At != int64(c.at) {
				t.Errorf("%s: %s says %v; want %v at frame %d, byte %d", c.what, who, err, c.want, c.frame, c.at)
			}
		}
	}
}

// errorsOf returns what was wrong with a stream, in its order.
func errorsOf(got *format.Salvaged) (all []error) {
	for _, d := range got.Damage {
		all = append(all, d)
	}
	return all
}

// Frames of one stream, in any other order or number than they were written.
func TestShuffledFrames(t *testing.T) {
	size := 5 << 20
	if testing.Short() {
		size = 3 << 19
	}
	img := imageOf(size, 9)
	other := testInfo(len(img))
	other.ID++
	var foreign bytes.Buffer
	w, err := format.NewWriter(&foreign, other)
	check(t, err)
	check(t, w.WriteImage(context.Background(), newMemory(img)))
	check(t, w.Close())

	for _, sum := range []bool{false, true} {
		stream, alien := streamOf(t, newMemory(img)), foreign.Bytes()
		if sum {
			stream, alien = summed(t, stream), summed(t, alien)
		}
		fs, as := frames(t, stream), frames(t, alien)
		edit := func(i int, with ...[]byte) []byte {
			return bytes.Join(append(append(append([][]byte{}, fs[:i]...), with...), fs[i+1:]...), nil)
		}
		for i := range fs {
			what := fmt.Sprintf("frame %d of %d (checksums: %v) ", i, len(fs), sum)
			refuses(t, what+"dropped", edit(i), format.ErrSequence, format.ErrTruncated)
			refuses(t, what+"repeated", edit(i, fs[i], fs[i]), format.ErrSequence, format.ErrTrailing)
			refuses(t, what+"of another stream", edit(i, as[i]), format.ErrForeign)
			if i+1 < len(fs) {
				swapped := bytes.Join(append(append(append([][]byte{}, fs[:i]...), fs[i+1], fs[i]), fs[i+2:]...), nil)
				refuses(t, what+"swapped with the next", swapped, format.ErrSequence)
			}
		}
	}
}

// On a device, a shorter image is written over a longer one and cut off at
// each frame boundary: what is left of the older one is never its end. Cut
// off after the end frame, it is whole, whatever follows.
func TestRemainsOnDevice(t *testing.T) {
	older := streamOf(t, newMemory(imageOf(12<<20, 10)))
	info := testInfo(5 << 20)
	info.ID = 7
	var out bytes.Buffer
	w, err := format.NewWriter(&out, info)
	check(t, err)
	img := imageOf(5<<20, 10) // the same memory, so that frames fit best
	check(t, w.WriteImage(context.Background(), newMemory(img)))
	check(t, w.Close())

	read := func(written []byte) ([]byte, error) {
		r := format.NewReader(bytes.NewReader(append(bytes.Clone(written), older[min(len(written), len(older)):]...)))
		r.Device = true
		return rawOf(r, true)
	}
	at := 0
	for i, f := range frames(t, out.Bytes()) {
		_, err := read(out.Bytes()[:at])
		var d *format.DamageError
		if i == 0 {
			check(t, err) // nothing of the newer image: the older one is whole
		} else if !errors.As(err, &d) {
			t.Errorf("cut off before frame %d: %v", i, err)
		}
		at += len(f)
	}
	got, err := read(out.Bytes())
	check(t, err)
	if !bytes.Equal(got, img) {
		t.Error("the newer image is not itself")
	}
}

// In a file or a pipe, nothing may follow the end frame.
func TestTrailingGarbage(t *testing.T) {
	for name, stream := range smallStreams(t) {
		for _, more := range [][]byte{{0}, {'\n'}, make([]byte, 4096), stream} {
			refuses(t, fmt.Sprintf("%s and %d bytes", name, len(more)), append(bytes.Clone(stream), more...), format.ErrTrailing)
		}
	}
}

// What a text-mode transfer does is called by its name.
func TestTextMode(t *testing.T) {
	stream := smallStreams(t)["plain"]
	for name, f := range map[string]func([]byte) []byte{
		"CR LF to LF":   func(b []byte) []byte { return bytes.ReplaceAll(b, []byte("\r\n"), []byte("\n")) },
		"LF to CR LF":   func(b []byte) []byte { return bytes.ReplaceAll(b, []byte("\n"), []byte("\r\n")) },
		"CR to LF":      func(b []byte) []byte { return bytes.ReplaceAll(b, []byte("\r"), []byte("\n")) },
		"LF to CR":      func(b []byte) []byte { return bytes.ReplaceAll(b, []byte("\n"), []byte("\r")) },
		"UTF-8, marked": func(b []byte) []byte { return append([]byte("\xef\xbb\xbf"), latin1(b)...) },
		"UTF-16":        func(b []byte) []byte { return utf16le(latin1(b)) },
		"7 bits":        func(b []byte) []byte { return bytes.Map(func(r rune) rune { return r & 0x7f }, latin1(b)) },
		"Latin-1":       latin1,
		"invalid UTF-8": func(b []byte) []byte { return bytes.ToValidUTF8(b, []byte("\ufffd")) },
	} {
		refuses(t, name, f(stream), format.ErrTextMode)
	}
	refuses(t, "not a stream at all", []byte("hello, world\n"+string(make([]byte, 100))), format.ErrMagic)
}

func utf16le(b []byte) []byte {
	out := []byte("\xff\xfe")
	for _, unit := range utf16.Encode([]rune(string(b))) {
		out = le.AppendUint16(out, unit)
	}
	return out
}

func latin1(b []byte) []byte {
	var out []rune
	for _, c := range b {
		out = append(out, rune(c))
	}
	return []byte(string(out))
}
