// An image that is coded as it is written.

package format_test

import (
	"bytes"
	"context"
	"errors"
	"testing"

	"snappipe/format"
	"snappipe/format/codec"
)

// What is written coded and with checksums at once is, byte for byte, what filters
// make of a plain stream.
func TestWriteCoded(t *testing.T) {
	for _, size := range []int{0, 1, format.PageSize, 3*format.FrameSize + 5, 12345678} {
		b := imageOf(size, uint64(size))
		holes := newMemory(b)
		holes.holes = true
		for what, img := range map[string]format.Image{"read": newMemory(b), "mapped": mapped{newMemory(b)}, "with holes": holes} {
			for _, name := range []string{"zstd", "s2", "none"} {
				c, _ := codec.ByName(name)
				work, err := format.Compress(c, c.DefaultLevel, false)
				check(t, err)
				var out bytes.Buffer
				info := testInfo(size)
				info.Summed = true
				w, err := format.NewWriter(&out, info)
				check(t, err)
				check(t, w.WriteCoded(context.Background(), img, work))
				check(t, w.Close())
				if want := summed(t, compressed(t, streamOf(t, img), name)); !bytes.Equal(out.Bytes(), want) {
					t.Errorf("%d bytes, %s, %s: another stream than by filters: %d bytes, not %d", size, what, name, out.Len(), len(want))
				}
			}
		}
	}
}

// An error of the work ends it, and is what the stream says.
func TestWriteCodedFails(t *testing.T) {
	b := imageOf(5*format.FrameSize, 1)
	broken := errors.New("a fault in the codec")
	var out bytes.Buffer
	w, err := format.NewWriter(&out, testInfo(len(b)))
	check(t, err)
	err = w.WriteCoded(context.Background(), newMemory(b), func() format.Work {
		return func(f *format.Frame) error {
			if f.Offset > 2*format.FrameSize {
				return broken
			}
			return nil
		}
	})
	if !errors.Is(w.Fail(err), broken) {
		t.Errorf("%v, and not: %v", err, broken)
	}
	if _, err := rawOf(format.NewReader(&out), false); !errors.As(err, new(*format.Failure)) {
		t.Errorf("the stream says: %v", err)
	}
}
