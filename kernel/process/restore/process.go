// This file is the process in the making: what is held for it, and how that
// is given up again.

package restore

import (
	"errors"
	"os"

	"snappipe/kernel"
	"snappipe/kernel/process/ptrace"
	"snappipe/kernel/process/sockopt"
	"snappipe/kernel/process/world"
)

// process is an image on its way to be a process. Its methods but WriteAt,
// commit and abort run on the tracing thread.
type process struct {
	img     *world.World
	task    *world.Task // the one that is made
	space   *world.Space
	table   *world.Table
	options kernel.Options
	tracer  *ptrace.Tracer

	stub     *stub
	pids     *namespace // that the stub is in, or nil
	borrowed bool       // the stub executes our own program, not the image's
	ids      ids
	cwd      string     // where its working directory is now
	segments []segment  // where the bytes of the image go
	contents []*os.File // of world.Contents, in memory
	// anonymous is shared memory without a name, by index in world.Files, and
	// where all of it is mapped until it is filled.
	anonymous map[int]span
	mapped    []mapping  // what to do with each mapping once its pages are there
	files     []openFile // by index in world.Open
	sockets   *sockopt.Reader
	threads   []*thread // by index in world.Threads
	standards standards
	screen    *world.Terminal // what the program had open of which it has our controlling terminal, or nil

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
		if p.pids != nil {
			all = append(all, p.pids.end())
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
