// Images that are looked at on their way into a pipe, or read in order.

package format_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"testing"

	"snappipe/format"
)

// passing is an Image whose bytes can be moved into a pipe and peeked at before, up to
// an offset.
type passing struct {
	memory
	until  int64
	peeked *int64 // up to where, so far
	moved  *int64 // how many
}

func (p passing) Peek(b []byte, off int64) error {
	return inOrder{p.memory, p.until, p.peeked}.ReadNext(b, off)
}

func (p passing) PipeTo(w *os.File, off, n int64) (int64, error) {
	if off >= p.until {
		return 0, errors.ErrUnsupported
	}
	if off+n > *p.peeked || off < *p.peeked-format.FrameSize {
		return 0, errors.New("what is moved was not peeked at before")
	}
	*p.moved += n
	written, err := w.Write(p.data[off : off+n])
	return int64(written), err
}

// The same image is the same stream, however much of it can be peeked at.
func TestPeeked(t *testing.T) {
	data := imageOf(5<<20+1000, 1)
	for _, holes := range []bool{false, true} {
		m := newMemory(data)
		m.holes = holes
		want := piped(t, m)
		for _, until := range []int64{0, 1, 300 << 10, 1 << 20, 3<<20 + 5000, 6 << 20} {
			var peeked, moved int64
			got := piped(t, passing{m, until, &peeked, &moved})
			if !bytes.Equal(got, want) {
				t.Errorf("holes %v, peeked at up to %d: another stream of %d bytes instead of %d", holes, until, len(got), len(want))
			}
			if !holes && until > 1<<20 && (peeked < min(until, m.Size())-format.FrameSize || moved == 0) {
				t.Errorf("holes %v, peeked at up to %d instead of %d, and moved %d", holes, peeked, until, moved)
			}
		}
	}
}

// inOrder is an Image that is read in order, up to an offset.
type inOrder struct {
	memory
	until int64
	at    *int64 // up to where, so far
}

func (i inOrder) ReadNext(b []byte, off int64) error {
	if off >= i.until {
		return errors.ErrUnsupported
	}
	if off < *i.at {
		return errors.New("it is not read in order")
	}
	_, err := i.ReadAt(b, off)
	*i.at = off + int64(len(b))
	return err
}

// The same image is the same stream, however much of it can be read in order.
func TestInOrder(t *testing.T) {
	m := newMemory(imageOf(5<<20+1000, 1))
	var want bytes.Buffer
	writeTo(t, &want, m)
	for _, until := range []int64{0, 1, 300 << 10, 1 << 20, 3<<20 + 5000, 6 << 20} {
		var got bytes.Buffer
		var at int64
		writeTo(t, &got, inOrder{m, until, &at})
		if !bytes.Equal(got.Bytes(), want.Bytes()) {
			t.Errorf("read in order up to %d: another stream of %d bytes instead of %d", until, got.Len(), want.Len())
		}
		if at < min(until, m.Size())-format.FrameSize {
			t.Errorf("read in order up to %d instead of %d", at, until)
		}
	}
}

func writeTo(t *testing.T, w io.Writer, img format.Image) {
	t.Helper()
	wr, err := format.NewWriter(w, testInfo(int(img.Size())))
	if err == nil {
		err = wr.WriteImage(context.Background(), img)
	}
	if err == nil {
		err = wr.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
}

// piped returns what is written of an image into a pipe.
func piped(t *testing.T, img format.Image) []byte {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	all := make(chan []byte)
	go func() {
		b, err := io.ReadAll(r)
		if err != nil {
			t.Error(err)
		}
		all <- b
	}()
	writeTo(t, w, img)
	w.Close()
	return <-all
}
