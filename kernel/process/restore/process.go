// This file is the process in the making: what is held for it, and how that
// is given up again.

package restore

import (
	"errors"
	"os"

	"snappipe/kernel"
	"snappipe/kernel/process/image"
	"snappipe/kernel/process/ptrace"
	"snappipe/kernel/process/sockopt"
)

// process is an image on its way to be a process. Its methods but WriteAt,
// commit and abort run on the tracing thread.
type process struct {
	img     *image.Image
	options kernel.Options
	tracer  *ptrace.Tracer

	stub     *stub
	space    *namespace // that the stub is in, or nil
	borrowed bool       // the stub executes our own program, not the image's
	ids      ids
	cwd      string     // where its working directory is now
	segments []segment  // where the bytes of the image go
	contents []*os.File // of image.Contents, in memory
	// anonymous is shared memory without a name, by index in image.Files, and
	// where all of it is mapped until it is filled.
	anonymous map[int]span
	mapped    []mapping  // what to do with each mapping once its pages are there
	files     []openFile // by index in image.Open
	sockets   *sockopt.Reader
	threads   []*task // by index in image.Threads
	standards standards
	screen    *image.Terminal // what the program had open of which it has our controlling terminal, or nil

	// undo gives up, last first, what is not given up with the stub.
	undo []func() error
}

// onAbort adds something to undo.
func (p *process) onAbort(f func() error) { p.undo = append(p.undo, f) }

// abort leaves nothing. It may be called at any time before the release.
func (p *process) abort() error {
	err := p.tracer.Do(func() error {
		var all []error
		if p.stub != nil {
			all = append(all, p.stub.kill())
		}
		if p.space != nil {
			all = append(all, p.space.end())
		}
		for len(p.undo) > 0 {
			last := p.undo[len(p.undo)-1]
			p.undo = p.undo[:len(p.undo)-1]
			all = append(all, last())
		}
		return errors.Join(all...)
	})
	p.tracer.Close()
	p.closeFiles()
	return err
}

// closeFiles closes what was opened here for the process.
func (p *process) closeFiles() {
	for i := range p.files {
		p.files[i].close()
	}
	for _, f := range p.contents {
		f.Close()
	}
	p.files, p.contents = nil, nil
	p.standards.close()
}
