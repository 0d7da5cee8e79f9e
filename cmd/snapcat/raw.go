// The flat image: --raw.

package main

import (
	"context"
	"errors"
	"io"
	"os"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"snappipe/cmd/internal/filter"
	"snappipe/cmd/internal/output"
	"snappipe/cmd/internal/pipe"
	"snappipe/cmd/internal/tool"
	"snappipe/kernel"
	"snappipe/kernel/file"
)

// flat writes an image without frames.
type flat struct {
	out   *os.File
	img   kernel.Image
	pipe  kernel.Piper // the image, if its pages can move into out
	zeros func(n int64) error
	buf   []byte
	done  atomic.Int64
}

// part is how much is written between two looks at the context.
const part = 1 << 20

func writeRaw(ctx context.Context, c *tool.Call, out *output.Output, s *snapshot) error {
	img := s.Image
	if err := file.Fits(out.File, img.Size()); err != nil {
		return err
	}
	start := time.Now()
	f := &flat{out: out.File, img: img, buf: make([]byte, part)}
	if p, ok := img.(kernel.Piper); ok && pipe.Is(out.File) {
		f.pipe = p
	}
	var err error
	if f.zeros, err = f.howToWriteZeros(out.Block); err != nil {
		return err
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

// howToWriteZeros returns what makes n bytes of the output zeros, and moves
// on behind them.
func (f *flat) howToWriteZeros(block bool) (func(n int64) error, error) {
	st, err := f.out.Stat()
	switch {
	case err != nil:
		return nil, err
	case block:
		return f.zeroDevice, nil
	case !st.Mode().IsRegular() || appends(f.out):
		return f.writeZeros, nil
	}
	at, err := f.out.Seek(0, io.SeekCurrent)
	if err != nil {
		return nil, err
	}
	if at < st.Size() { // there is something that a hole would not hide
		return f.writeZeros, nil
	}
	return f.leaveHole, nil
}

// appends reports whether writes go to the end of f, wherever its offset is.
func appends(f *os.File) bool {
	conn, err := f.SyscallConn()
	if err != nil {
		return true
	}
	flags := unix.O_APPEND
	err = conn.Control(func(fd uintptr) {
		if got, err := unix.FcntlInt(fd, unix.F_GETFL, 0); err == nil {
			flags = got
		}
	})
	return err != nil || flags&unix.O_APPEND != 0
}

func (f *flat) leaveHole(n int64) error {
	at, err := f.out.Seek(n, io.SeekCurrent)
	if err != nil {
		return err
	}
	return f.out.Truncate(at)
}

func (f *flat) zeroDevice(n int64) error {
	at, err := f.out.Seek(0, io.SeekCurrent)
	if err != nil {
		return err
	}
	if err := file.WriteZeros(f.out, at, n); err != nil {
		return err
	}
	_, err = f.out.Seek(n, io.SeekCurrent)
	return err
}

func (f *flat) writeZeros(n int64) error {
	clear(f.buf)
	_, err := f.out.Write(f.buf[:n])
	return err
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

func (f *flat) putZeros(_, n int64) error { return f.zeros(n) }

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
	_, err = f.out.Write(b)
	return err
}

func (f *flat) read(off, n int64) ([]byte, error) {
	if m, ok := f.img.(kernel.Mapped); ok {
		return m.Bytes()[off : off+n], nil
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
