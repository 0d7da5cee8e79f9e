// Parts of an image, read without the rest.

package format

import (
	"context"
	"fmt"
	"io"
)

// Open makes what is known of a stream an image of which any part can be read.
// Where that is the difference to another, that has to be among bases, which may
// have been opened in this way too: then only what is needed of them is read.
//
// Each frame that is read has to be what was known of it, and to have the digest
// that the root vouches for, where there are checksums.
func (c *Contents) Open(ctx context.Context, bases []*Base) (*Base, error) {
	b := &Base{file: c.file, size: c.Size(), info: c.info, root: c.root, contents: c}
	var err error
	if b.under, err = c.info.Among(ctx, bases); err != nil {
		return nil, err
	}
	for _, f := range c.Frames {
		if f.Type.holds() {
			b.parts = append(b.parts, basePart{f, c.digest(f.Number)})
		}
	}
	return b, nil
}

// check compares f, which was read from the file, with what is known of it.
func (b *Base) check(f *Frame, known *basePart) error {
	switch {
	case (f.read != known.FrameInfo || f.id != b.info.ID) && b.contents.Indexed:
		return f.damage(fmt.Errorf("%w: another frame stands here", ErrIndex))
	case f.read != known.FrameInfo || f.id != b.info.ID:
		return f.damage(errChanged)
	}
	if err := f.Check(); err != nil {
		return err
	}
	if b.root != nil && f.digest != known.sum {
		return f.damage(ErrSums)
	}
	return nil
}

// WriteParts writes n bytes of the image from off on to w, and reads them on all
// cores.
func (b *Base) WriteParts(ctx context.Context, w io.Writer, off, n int64) error {
	if off < 0 || n < 0 || n > b.info.Size-off {
		return fmt.Errorf("%d bytes at %d are not within an image of %d", n, off, b.info.Size)
	}
	type piece struct {
		off   int64
		bytes []byte
	}
	works := make([]func(*piece) error, workers())
	for i := range works {
		v := newView(b)
		works[i] = func(p *piece) error { return v.readAt(p.bytes, p.off) }
	}
	end := off + n
	return Pipe(ctx, make([]piece, 2*len(works)+1), func(p *piece) error {
		if off == end {
			return io.EOF
		}
		size := min(FrameSize-off%FrameSize, end-off)
		p.off, p.bytes = off, grow(p.bytes, int(size))
		off += size
		return nil
	}, works, func(p *piece) error {
		_, err := w.Write(p.bytes)
		return err
	})
}

// Size is the length of the image in bytes.
func (b *Base) Size() int64 { return b.info.Size }

// Part returns which part of the image is in one frame with the byte at off: where
// it begins, and how many bytes it has.
func (b *Base) Part(off int64) (start, size int64) {
	if p := b.at(off); p != nil {
		return p.Offset, p.Length
	}
	return off, 0
}

// Parts returns a function, for one goroutine, that reads the frame of the part
// which begins at a byte of the image, checks it, and returns what it stands for: nil
// for zeros. What it returns is valid until it is called again.
func (b *Base) Parts() func(start int64) ([]byte, error) {
	v := newView(b)
	return func(start int64) ([]byte, error) {
		p := b.at(start)
		switch {
		case p == nil || p.Offset != start:
			return nil, fmt.Errorf("no part of the image begins at byte %d", start)
		case p.Type == TypeZero:
			return nil, v.isZero(p)
		}
		return v.load(p)
	}
}
