// This file is the process in the making: what is held for it.

package restore

import (
	"snappipe/kernel"
	"snappipe/kernel/process/object"
	"snappipe/kernel/process/proc"
	"snappipe/kernel/process/ptrace"
	"snappipe/kernel/process/world"
)

// process is one process of an image on its way to be one. Its methods run on the
// tracing thread.
type process struct {
	img     *world.World
	task    *world.Task // the one that is made
	space   *world.Space
	table   *world.Table
	sharers []*process // who has that space, in order, this one among them; shared by all of them
	options kernel.Options
	tracer  *ptrace.Tracer

	stub     *stub
	pids     *namespace // that the stub is in, or nil
	borrowed bool       // the stub executes our own program, not the image's
	// standsLate says that it begins its session only when children of its have
	// been made in ours.
	standsLate bool
	// ownTerminal says that the terminal of its session is one of the image.
	ownTerminal bool
	ids         ids
	cwd         string // where its working directory is now
	objects     *object.Maker
	// anonymous is shared memory without a name, by index in world.Files, and
	// where all of it is mapped until it is filled.
	anonymous map[int]proc.Run
	mapped    []mapping       // what to do with each mapping once its pages are there
	filler    *filler         // of those that it is good for, or nil
	stored    stored          // of a process alone: what has come of the image
	threads   []*thread       // by index in world.Threads
	screen    *world.Terminal // what the program had open of which it has our controlling terminal, or nil
}

// ownsMemory reports whether it is the first of those that have its memory: what there is
// to do to that, it does for all.
func (p *process) ownsMemory() bool { return p.sharers[0] == p }

// take has others seen to while the process makes calls.
func (p *process) take(turn *ptrace.Turn) {
	if p.stub != nil {
		p.stub.Turn = turn
	}
	for _, t := range p.threads {
		t.Turn = turn
	}
}

// tolerate reports, instead of failing, that the user may not set something
// that the program goes on without.
func (p *process) tolerate(what string, err error) error { return p.objects.Tolerate(what, err) }
