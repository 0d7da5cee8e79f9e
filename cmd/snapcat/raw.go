// The flat image: --raw.

package main

import (
	"context"
	"errors"
	"io"
	"os"
	"sync/atomic"
	"time"

	"snappipe/cmd/internal/filter"
	"snappipe/cmd/internal/pipe"
	"snappipe/cmd/internal/tool"
	"snappipe/kernel"
	"snappipe/kernel/file"
)

// flat writes an image without frames.
type flat struct {
	out  *os.File
	img  kernel.Image
	pipe kernel.Piper      // the image, if its pages can move into out
	next kernel.Sequential // the image, if else it is faster read in order
	to   *file.Flat
	buf  []byte
	done atomic.Int64
}

// part is how much is written between two looks at the context.
const part = 1 << 20

func writeRaw(ctx context.Context, c *tool.Call, out *file.Output, s *snapshot) error {
	img := s.Image
	if err := file.Fits(out.File, img.Size()); err != nil {
		return err
	}
	start := time.Now()
	to, err := file.NewFlat(out.File)
	if err != nil {
		return err
	}
	f := &flat{out: out.File, img: img, to: to, buf: make([]byte, part)}
	if p, ok := img.(kernel.Piper); ok && pipe.Is(out.File) {
		f.pipe = p
	} else {
		f.next, _ = img.(kernel.Sequential)
	}
	c.Track(img.Size(), func() (image, stream int64) { return f.done.Load(), f.done.Load() })
	zeros, err := f.write(ctx)
	if err != nil {
		return err
	}
	if err := s.close(); err != nil {
		return err
	}
	c.Report(filter.Summary(img.Size(), zeros, img.Size(), time.Since(start)))
	return nil
}

// write writes the whole image, and returns how much of it are zeros.
func (f *flat) write(ctx context.Context) (zeros int64, err error) {
	at := int64(0)
	for off, n := range f.img.Data() {
		zeros += off - at
		if err := f.inParts(ctx, at, off, f.putZeros); err != nil {
			return 0, err
		}
		if err := f.inParts(ctx, off, off+n, f.putData); err != nil {
			return 0, err
		}
		at = off + n
	}
	zeros += f.img.Size() - at
	return zeros, f.inParts(ctx, at, f.img.Size(), f.putZeros)
}

// inParts calls put for each part of the image from off to end.
func (f *flat) inParts(ctx context.Context, off, end int64, put func(off, n int64) error) error {
	for off < end {
		if err := ctx.Err(); err != nil {
			return context.Cause(ctx)
		}
		n := min(part, end-off)
		if err := put(off, n); err != nil {
			return err
		}
		off += n
		f.done.Store(off)
	}
	return nil
}

func (f *flat) putZeros(_, n int64) error { return f.to.Zeros(n) }

func (f *flat) putData(off, n int64) error {
	if f.pipe != nil {
		moved, err := f.pipe.PipeTo(f.out, off, n)
		if !errors.Is(err, errors.ErrUnsupported) {
			return err
		}
		f.pipe = nil
		off, n = off+moved, n-moved
	}
	b, err := f.read(off, n)
	if err != nil {
		return err
	}
	_, err = f.to.Write(b)
	return err
}

func (f *flat) read(off, n int64) ([]byte, error) {
	if m, ok := f.img.(kernel.Mapped); ok {
		return m.Bytes()[off : off+n], nil
	}
	if f.next != nil {
		err := f.next.ReadNext(f.buf[:n], off)
		if !errors.Is(err, errors.ErrUnsupported) {
			return f.buf[:n], err
		}
		f.next = nil
	}
	got, err := f.img.ReadAt(f.buf[:n], off)
	if int64(got) == n {
		return f.buf[:n], nil
	}
	if err == nil || err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	return nil, err
}
