// This file is the Resumption: it collects the headers of the image, has the
// process built from them, passes pages on, and commits or aborts.

package restore

import (
	"context"
	"fmt"

	"snappipe/kernel"
	"snappipe/kernel/process/object"
	"snappipe/kernel/process/world"
)

// Begin starts to resume the image of a process, size bytes long, of which
// the facts are known. It refuses what cannot run here.
func Begin(_ context.Context, facts kernel.Facts, size int64, o kernel.Options) (kernel.Resumption, error) {
	if o.Report == nil {
		o.Report = func(string) {}
	}
	if o.Warn == nil {
		o.Warn = o.Report
	}
	if err := checkFacts(facts, o); err != nil {
		return nil, err
	}
	return &resumption{options: o, size: size}, nil
}

// resumption takes the image in order. Its bytes are headers first, and what
// comes behind them has nowhere to go before they are complete; where a page
// of theirs is all zeros, only the order tells that it is not still to come.
type resumption struct {
	options kernel.Options
	size    int64
	front   []byte // the headers so far
	tree    *tree
	over    bool // committed or aborted
}

func (r *resumption) WriteAt(p []byte, off int64) (int, error) {
	if off < 0 || off > r.size-int64(len(p)) {
		return 0, fmt.Errorf("bytes at %d of an image of %d", off, r.size)
	}
	if r.tree != nil {
		return r.tree.WriteAt(p, off)
	}
	rest, err := r.header(p, off)
	if err != nil || rest == len(p) {
		return rest, err
	}
	if err := r.load(); err != nil {
		return rest, err
	}
	n, err := r.tree.WriteAt(p[rest:], off+int64(rest))
	return rest + n, err
}

// header takes as much of p as belongs to the headers, and returns how much
// that was: less than all of it means that they are complete.
func (r *resumption) header(p []byte, off int64) (int, error) {
	taken := 0
	if len(r.front) < world.PrefixSize {
		taken = min(len(p), world.PrefixSize-len(r.front))
		if off != int64(len(r.front)) {
			return 0, fmt.Errorf("the first %d bytes of the image are not there", world.PrefixSize)
		}
		r.front = append(r.front, p[:taken]...)
		if len(r.front) < world.PrefixSize {
			return taken, nil
		}
	}
	size, err := world.HeaderSize(r.front)
	if err != nil {
		return taken, err
	}
	if size > r.size {
		return taken, fmt.Errorf("%w: it ends within its headers", world.ErrDamaged)
	}
	at := off + int64(taken)
	if at >= size {
		return taken, nil
	}
	end := min(size, off+int64(len(p)))
	r.front = append(r.front, make([]byte, int(at)-len(r.front))...)
	r.front = append(r.front, p[taken:end-off]...)
	return int(end - off), nil
}

// load decodes the headers, of which all that is missing is zeros, and builds
// the process up to where it takes pages.
func (r *resumption) load() error {
	size, err := world.HeaderSize(r.front)
	if err != nil {
		return err
	}
	r.front = append(r.front, make([]byte, int(size)-len(r.front))...)
	img, err := world.Decode(r.front, r.size)
	if err == nil {
		err = object.Check(img)
	}
	if err != nil {
		return err
	}
	r.front = nil
	r.tree = newTree(img, r.options)
	return r.tree.tracer.Do(r.tree.load)
}

// Commit resumes the process. With [kernel.Options.Check], it does all but
// that and leaves nothing.
func (r *resumption) Commit() (kernel.Resumed, error) {
	if r.tree == nil {
		if err := r.load(); err != nil {
			return nil, err
		}
	}
	resumed, err := r.tree.commit()
	if err == nil {
		r.over = true
	}
	return resumed, err
}

// Abort kills what was built.
func (r *resumption) Abort() error {
	if r.over || r.tree == nil {
		return nil
	}
	r.over = true
	return r.tree.abort()
}
