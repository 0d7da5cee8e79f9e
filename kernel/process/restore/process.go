// This file is the process in the making: what is held for it, and how that
// is given up again.

package restore

import (
	"errors"

	"snappipe/kernel"
	"snappipe/kernel/process/object"
	"snappipe/kernel/process/ptrace"
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
	// standsLate says that it begins its session only when children of its have
	// been made in ours.
	standsLate bool
	ids        ids
	cwd        string    // where its working directory is now
	segments   []segment // where the bytes of the image go
	objects    *object.Maker
	// anonymous is shared memory without a name, by index in world.Files, and
	// where all of it is mapped until it is filled.
	anonymous map[int]span
	mapped    []mapping       // what to do with each mapping once its pages are there
	threads   []*thread       // by index in world.Threads
	screen    *world.Terminal // what the program had open of which it has our controlling terminal, or nil
}

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
		return errors.Join(append(all, p.objects.Undo())...)
	})
	p.tracer.Close()
	p.objects.Close()
	return err
}
