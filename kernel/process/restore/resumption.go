// This file is the Resumption: it has the process built from the headers of the
// image, passes pages on, and commits or aborts.

package restore

import (
	"context"
	"fmt"
	"sync/atomic"

	"snappipe/kernel"
	"snappipe/kernel/process/lazy"
	"snappipe/kernel/process/sys"
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
	return &resumption{options: o, headers: headers{size: size}}, nil
}

// resumption takes the image in order. Its bytes are headers first, and what
// comes behind them has nowhere to go before they are complete.
type resumption struct {
	options kernel.Options
	headers
	tree   *tree
	loaded atomic.Bool   // all of the headers have come
	over   bool          // committed or aborted
	server *lazy.Server  // nil unless some of the image comes later,
	image  kernel.Source // from here
}

func (r *resumption) WriteAt(p []byte, off int64) (int, error) {
	if off < 0 || off > r.size-int64(len(p)) {
		return 0, fmt.Errorf("bytes at %d of an image of %d", off, r.size)
	}
	if r.tree != nil {
		return r.tree.WriteAt(p, off)
	}
	rest, err := r.take(p, off)
	if err != nil || rest == len(p) {
		return rest, err
	}
	if err := r.load(); err != nil {
		return rest, err
	}
	n, err := r.tree.WriteAt(p[rest:], off+int64(rest))
	return rest + n, err
}

// load builds the process up to where it takes pages.
func (r *resumption) load() error {
	img, err := r.decode()
	if err != nil {
		return err
	}
	defer makeRoom(img)()
	r.tree = newTree(img, r.options)
	r.tree.server, r.tree.image = r.server, r.image
	err = r.tree.tracer.Do(r.tree.load)
	r.loaded.Store(err == nil)
	return err
}

// makeRoom begins to, for memories and channels of the processes and all that they had
// open, beside what else there is to do first. It returns how to wait for it: until then
// it has a descriptor itself.
func makeRoom(img *world.World) (wait func()) {
	const atLeast, perProcess = 64, 4
	done := make(chan struct{})
	go func() {
		defer close(done)
		sys.MakeRoom(atLeast + len(img.Tasks)*perProcess + len(img.Open))
	}()
	return func() { <-done }
}

// Unordered reports whether the pages may come now.
func (r *resumption) Unordered() bool { return r.loaded.Load() }

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
