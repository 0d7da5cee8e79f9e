// Package process is the kernel "process": it snapshots any live program by
// its process ID, with all that descends from it, and resumes that.
//
// The work is in the packages below it: world is what is known of processes, and
// its bytes; capture and agent take it from live programs, restore gives it back,
// and object does both for what is open; ptrace and proc are the two ways in which
// Linux lets one process look at another. This package
// registers the kernel and makes the two calls out of them.
//
// A program that imports it must be prepared to be executed again as an agent:
// its init function then never returns. Nothing else of the program runs.
package process

import (
	"context"
	"strconv"

	"snappipe/kernel"
	"snappipe/kernel/process/agent"
	"snappipe/kernel/process/lazy"
	"snappipe/kernel/process/restore"
)

func init() {
	agent.Main()
	lazy.Main()
	kernel.Register("process", "process:PID", open)
}

// target is the kernel of one process, or of none: resuming needs no ID.
type target struct {
	pid     int
	options kernel.Options
}

func open(name string, o kernel.Options) (kernel.Kernel, error) {
	if name == "" {
		return &target{options: o}, nil
	}
	pid, err := strconv.Atoi(name)
	if err != nil || pid <= 0 {
		return nil, &kernel.TargetError{Target: "process:" + name, Reason: "a process ID is a positive number"}
	}
	return &target{pid, o}, nil
}

// SnapshotSystem implements [kernel.Kernel].
func (t *target) SnapshotSystem(ctx context.Context) (kernel.Image, error) {
	if t.pid == 0 {
		return nil, &kernel.TargetError{Target: "process:", Reason: "which process is to be snapshotted? process:PID"}
	}
	kill := t.options.Then == "kill"
	s, err := agent.Take(ctx, t.pid, agent.Options{
		Only: t.options.Only, Precopy: t.options.Precopy, Kill: kill, Force: t.options.Force, Drop: t.options.DropFDs, Report: t.options.Report, Warn: t.options.Warn,
	})
	if err != nil {
		return nil, err
	}
	if kill {
		return &still{live{s}}, nil
	}
	return &live{s}, nil
}

// ResumeSnapshot implements [kernel.Kernel]. Which process it was is in the
// image; the ID in the target says nothing.
func (t *target) ResumeSnapshot(ctx context.Context, facts kernel.Facts, size int64) (kernel.Resumption, error) {
	return restore.Begin(ctx, facts, size, t.options)
}

// Plan implements [kernel.Planner].
func (t *target) Plan(_ kernel.Facts, size int64) (kernel.Plan, error) {
	return restore.NewPlan(size), nil
}

// ResumeLazily implements [kernel.LazyResumer].
func (t *target) ResumeLazily(ctx context.Context, facts kernel.Facts, image kernel.Source) (kernel.Resumption, error) {
	return restore.BeginLazily(ctx, facts, image, t.options)
}
