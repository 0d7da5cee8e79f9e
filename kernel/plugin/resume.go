// The second call: the image is gathered in a file without a name, and the
// program gets it when all of it has been verified.

package plugin

import (
	"context"
	"errors"
	"fmt"
	"os"

	"snappipe/kernel"
)

// resumption is an image that has not been given to the program yet.
type resumption struct {
	*os.File
	p    *program
	ctx  context.Context // of the whole resume
	told []byte
	size int64
	done bool
}

// ResumeSnapshot asks the program what it thinks of the facts.
func (p *program) ResumeSnapshot(ctx context.Context, facts kernel.Facts, size int64) (kernel.Resumption, error) {
	told := tell(facts, size)
	if _, err := p.run(ctx, step{verb: "check", told: told, alone: true}); err != nil {
		return nil, err
	}
	f, err := nameless()
	if err != nil {
		return nil, err
	}
	return &resumption{File: f, p: p, ctx: ctx, told: told, size: size}, nil
}

// Unordered says that parts may come in any order.
func (*resumption) Unordered() bool { return true }

// Commit gives the image to the program.
func (r *resumption) Commit() (kernel.Resumed, error) {
	if err := r.Truncate(r.size); err != nil {
		return nil, err
	}
	if r.p.opts.Check {
		return kernel.Rehearsed{}, r.Abort()
	}
	in, err := os.Open(fmt.Sprintf("/proc/self/fd/%d", r.Fd())) // for reading only
	if err != nil {
		return nil, err
	}
	a, err := r.p.run(r.ctx, step{verb: "resume", in: in, told: r.told})
	if err := errors.Join(err, in.Close()); err != nil {
		return nil, err
	}
	if a.resumed == "" {
		a.resumed = r.p.target
	}
	return resumed(a.resumed), r.Abort()
}

// Abort gives up the image.
func (r *resumption) Abort() error {
	if r.done {
		return nil
	}
	r.done = true
	return r.Close()
}

// resumed is what the program said that it resumed.
type resumed string

func (r resumed) String() string                    { return string(r) }
func (r resumed) Wait(context.Context) (int, error) { return 0, nil }
