// The image of live processes, whose memory lies in their frozen twins.

package process

import (
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"sort"

	"snappipe/kernel"
	"snappipe/kernel/process/agent"
	"snappipe/kernel/process/capture"
)

// live implements [kernel.Image], [kernel.Peeker] and [kernel.Sequential].
type live struct{ s *agent.Snapshot }

func (l *live) Size() int64         { return l.s.Size }
func (l *live) Facts() kernel.Facts { return l.s.Facts }
func (l *live) Close() error        { return l.s.Close() }

// still implements [kernel.Held]: its processes stand still until their image is stored.
type still struct{ live }

// Close leaves what there is to do to Stored.
func (*still) Close() error { return nil }

// Stored ends the processes if the image is stored, which the caller has seen to. Else, they
// go on.
func (s *still) Stored(ok bool) error {
	if !ok {
		return s.live.Close()
	}
	if err := s.s.Kill(); err != nil {
		return fmt.Errorf("the image is stored, but the program may go on: %w", err)
	}
	return nil
}

// Data implements [kernel.Image]. Extents that follow each other in the image
// are one, wherever their bytes are.
func (l *live) Data() iter.Seq2[int64, int64] {
	return func(yield func(int64, int64) bool) {
		var off, n int64
		for _, e := range l.s.Extents {
			if n > 0 && off+n == e.Offset {
				n += e.Length
				continue
			}
			if n > 0 && !yield(off, n) {
				return
			}
			off, n = e.Offset, e.Length
		}
		if n > 0 {
			yield(off, n)
		}
	}
}

// extents returns those from that on which holds off.
func (l *live) extents(off int64) []capture.Extent {
	all := l.s.Extents
	i := sort.Search(len(all), func(i int) bool { return all[i].Offset+all[i].Length > off })
	return all[i:]
}

// ReadAt implements [kernel.Image]. Between extents it reads zeros.
func (l *live) ReadAt(p []byte, off int64) (read int, err error) {
	if off < 0 {
		return 0, errors.New("a negative offset in an image")
	}
	short := off+int64(len(p)) > l.s.Size
	if short {
		p = p[:max(l.s.Size-off, 0)]
	}
	for _, e := range l.extents(off) {
		if read == len(p) {
			break
		}
		at := off + int64(read)
		if e.Offset > at {
			hole := p[read:min(int64(len(p)), e.Offset-off)]
			clear(hole)
			read += len(hole)
			at += int64(len(hole))
		}
		part := p[read:min(int64(len(p)), max(e.Offset+e.Length-off, int64(read)))]
		if err := l.readExtent(part, e, at-e.Offset); err != nil {
			return read, fmt.Errorf("reading the image at %#x: %w", at, err)
		}
		read += len(part)
	}
	clear(p[read:])
	if short {
		return len(p), io.EOF
	}
	return len(p), nil
}

func (l *live) readExtent(p []byte, e capture.Extent, skip int64) error {
	if len(p) == 0 {
		return nil
	}
	n, err := l.source(e).ReadAt(p, int64(e.At)+skip)
	if n == len(p) {
		return nil
	}
	return err
}

// Peek implements [kernel.Peeker]. What is short or in the store is read: see PipeTo.
func (l *live) Peek(p []byte, off int64) error { return l.each(p, off, l.s.Peek) }

// ReadNext implements [kernel.Sequential], likewise.
func (l *live) ReadNext(p []byte, off int64) error {
	return l.each(p, off, func(p []byte, _ int64, extents []capture.Extent, skip int64) error {
		return l.s.Read(p, extents, skip)
	})
}

// each fills p extent by extent: by draw, but for those that are copied.
func (l *live) each(p []byte, off int64, draw func(p []byte, off int64, extents []capture.Extent, skip int64) error) error {
	extents := l.extents(off)
	for i := 0; len(p) > 0; i++ {
		if i == len(extents) || extents[i].Offset > off {
			return errors.New("no extent of the image holds what is to be read")
		}
		e := extents[i]
		skip := off - e.Offset
		part := p[:min(e.Length-skip, int64(len(p)))]
		var err error
		if isCopied(e) {
			err = l.readExtent(part, e, skip)
		} else {
			err = draw(part, off, extents[i:], skip)
		}
		if err != nil {
			return err
		}
		p, off = p[len(part):], off+int64(len(part))
	}
	return nil
}

// PipeTo implements [kernel.Piper]: pages of the twin are moved, what is in the
// store is copied.
func (l *live) PipeTo(w *os.File, off, n int64) (moved int64, err error) {
	extents := l.extents(off)
	for i := 0; moved < n; {
		at := off + moved
		some, err := l.s.PipeKept(int(w.Fd()), at, n-moved)
		moved += some
		if err != nil {
			return moved, err
		}
		if some > 0 {
			continue
		}
		for i < len(extents) && extents[i].Offset+extents[i].Length <= at {
			i++
		}
		if i == len(extents) || extents[i].Offset > at {
			return moved, errors.New("no extent of the image holds what is to be piped")
		}
		some, err = l.pipeExtent(w, extents[i:], at-extents[i].Offset, n-moved)
		moved += some
		if err != nil {
			return moved, err
		}
	}
	return moved, nil
}

// pipeExtent moves up to n bytes of the first extent, from skip on in it.
func (l *live) pipeExtent(w *os.File, extents []capture.Extent, skip, n int64) (int64, error) {
	e := extents[0]
	n = min(e.Length-skip, n)
	if isCopied(e) {
		return io.Copy(w, io.NewSectionReader(l.source(e), int64(e.At)+skip, n))
	}
	return l.s.PipeTo(w, extents, skip, n)
}

// isCopied reports whether pages of an extent are not to be moved.
func isCopied(e capture.Extent) bool {
	return e.Twin == capture.InStore || e.Length < agent.Worthwhile
}

// source is what has the bytes of an extent.
func (l *live) source(e capture.Extent) *os.File {
	if e.Twin == capture.InStore {
		return l.s.Store
	}
	return l.s.Twins[e.Twin].Memory
}
