// The second call: an image becomes a file.

package file

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"snappipe/kernel"
)

// ResumeSnapshot begins to write an image to the target. A regular file
// appears when all of it has come. A device is written in place, so that an
// image that turns out to be damaged leaves its first part there: only what
// can be known from size is checked before. So it is with a pipe.
func (t *target) ResumeSnapshot(_ context.Context, _ kernel.Facts, size int64) (kernel.Resumption, error) {
	if t.opts.Check {
		return rehearsal{}, t.rehearse(size)
	}
	out, err := t.create(size)
	if err != nil {
		return nil, err
	}
	if out.Fresh {
		return &newFile{out, size}, nil
	}
	to, err := NewFlat(out.File)
	if err != nil {
		return nil, errors.Join(err, out.Abort())
	}
	return &inPlace{Output: out, to: to, size: size}, nil
}

func (t *target) create(size int64) (*Output, error) {
	out, err := Create(t.path, t.opts.Force)
	if err != nil {
		return nil, err
	}
	if err := Fits(out.File, size); err != nil {
		return nil, errors.Join(err, out.Abort())
	}
	return out, nil
}

// rehearse finds what speaks against writing to the target. It opens none that
// somebody at the other end would notice.
func (t *target) rehearse(size int64) error {
	if err := Check(t.path, t.opts.Force); err != nil {
		return err
	}
	if !talks(t.path) {
		out, err := t.create(size)
		if err == nil {
			err = out.Abort()
		}
		if err != nil {
			return err
		}
	}
	t.opts.Report(fmt.Sprintf("would write %d bytes to %s", size, t.path))
	return nil
}

// talks reports whether path is an open descriptor, a FIFO or a character
// device.
func talks(path string) bool {
	if _, ok := Handed(path, 1); ok {
		return true
	}
	st, err := os.Stat(path)
	return err == nil && st.Mode()&(fs.ModeNamedPipe|fs.ModeCharDevice) != 0
}

// newFile is a Resumption into a new file, where zeros are what is not
// written.
type newFile struct {
	*Output
	size int64
}

func (*newFile) Unordered() bool { return true }

func (n *newFile) Commit() (kernel.Resumed, error) {
	if err := n.Truncate(n.size); err != nil {
		return nil, errors.Join(err, n.Abort())
	}
	return resumed(n.path), n.Output.Commit()
}

// inPlace is a Resumption into what is there already, where all that is not
// written has to be made zeros. It takes the image in order, so as to see what
// is missing.
type inPlace struct {
	*Output
	to   *Flat
	size int64
	at   int64 // all before this has been written
}

func (i *inPlace) WriteAt(p []byte, off int64) (int, error) {
	if err := i.zeroTo(off); err != nil {
		return 0, err
	}
	n, err := i.to.Write(p)
	i.at += int64(n)
	return n, err
}

func (i *inPlace) zeroTo(off int64) error {
	err := i.to.Zeros(off - i.at)
	i.at = off
	return err
}

func (i *inPlace) Commit() (kernel.Resumed, error) {
	if err := i.zeroTo(i.size); err != nil {
		return nil, errors.Join(err, i.Abort())
	}
	return resumed(i.path), i.Output.Commit()
}

// Abort says what cannot be undone.
func (i *inPlace) Abort() error {
	if i.closed {
		return nil
	}
	err := i.Output.Abort()
	if i.at > 0 {
		err = errors.Join(err, fmt.Errorf("%s has been given a part of the image", i.path))
	}
	return err
}

// rehearsal is a Resumption that writes nothing.
type rehearsal struct{}

func (rehearsal) WriteAt(p []byte, _ int64) (int, error) { return len(p), nil }
func (rehearsal) Unordered() bool                        { return true }
func (rehearsal) Commit() (kernel.Resumed, error)        { return kernel.Rehearsed{}, nil }
func (rehearsal) Abort() error                           { return nil }

// resumed is the path of a file that was written.
type resumed string

func (r resumed) String() string                    { return string(r) }
func (r resumed) Wait(context.Context) (int, error) { return 0, nil }
