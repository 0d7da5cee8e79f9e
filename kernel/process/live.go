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

// live implements [kernel.Image] and [kernel.Piper].
type live struct{ s *agent.Snapshot }

func (l *live) Size() int64         { return l.s.Size }
func (l *live) Facts() kernel.Facts { return l.s.Facts }
func (l *live) Close() error        { return l.s.Close() }

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
	from := l.s.Store
	if e.Twin != capture.InStore {
		from = l.s.Twins[e.Twin].Memory
	}
	n, err := from.ReadAt(p, int64(e.At)+skip)
	if n == len(p) {
		return nil
	}
	return err
}

// PipeTo implements [kernel.Piper]: pages of the twin are moved, what is in the
// store is copied.
func (l *live) PipeTo(w *os.File, off, n int64) (moved int64, err error) {
	extents := l.extents(off)
	for i, e := range extents {
		if moved == n {
			break
		}
		skip := off + moved - e.Offset
		if skip < 0 {
			return moved, errors.New("no extent of the image holds what is to be piped")
		}
		part := min(e.Length-skip, n-moved)
		var some int64
		if e.Twin == capture.InStore {
			some, err = io.Copy(w, io.NewSectionReader(l.s.Store, int64(e.At)+skip, part))
		} else {
			some, err = l.s.PipeTo(w, extents[i:], skip, part)
		}
		moved += some
		if err != nil {
			return moved, err
		}
	}
	return moved, nil
}
