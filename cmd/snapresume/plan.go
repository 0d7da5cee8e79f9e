// What an image would do to this machine, for whoever does not trust it: --list says
// that and nothing else is done, --check says it besides what it has tried.

package main

import (
	"context"

	"github.com/urfave/cli/v2"

	"snappipe/cmd/internal/about"
	"snappipe/cmd/internal/tool"
	"snappipe/format"
	"snappipe/kernel"
)

var listFlag = &cli.BoolFlag{Name: "list", Usage: "check the image, say what resuming it would open, bind, execute and become, and do nothing of that"}

// list reads all of the image, and tells what would be done with it.
func list(ctx context.Context, c *tool.Call, r *format.Reader, said *about.Stream) error {
	info, err := r.Info()
	if err != nil {
		return err
	}
	k, err := open(c.String("to"), info, options(c, new([]string)))
	if err != nil {
		return err
	}
	planner, ok := k.(kernel.Planner)
	if !ok {
		return kernel.Refuse("--list", "--check says what is known of it", "what an image of kernel %q would do is not known before it is tried", info.Fact(format.FactKernel))
	}
	plan, err := planner.Plan(kernel.Facts(info.Facts), info.Size)
	if err != nil {
		return err
	}
	c.Track(info.Size, r.Progress)
	if err := r.WriteRaw(ctx, plan, nil); err != nil {
		return err
	}
	if said.Plan, err = plan.Actions(); err != nil {
		return err
	}
	c.Close()
	return tell(c, said, append(undamaged(info, r), provenance(said)...))
}

// planned is a Resumption beside which the image is made a plan of.
type planned struct {
	kernel.Resumption
	plan kernel.Plan
}

func (p planned) WriteAt(b []byte, off int64) (int, error) {
	if n, err := p.plan.WriteAt(b, off); err != nil {
		return n, err
	}
	return p.Resumption.WriteAt(b, off)
}

// planFor has a plan made beside, if k can and the user wants to be told.
func planFor(c *tool.Call, k kernel.Kernel, info *format.Info, r kernel.Resumption) (kernel.Resumption, error) {
	planner, ok := k.(kernel.Planner)
	if !ok || !c.Bool("check") {
		return r, nil
	}
	plan, err := planner.Plan(kernel.Facts(info.Facts), info.Size)
	return planned{r, plan}, err
}

// actions are those of a resumption, if they are known.
func actions(r kernel.Resumption) ([]kernel.Action, error) {
	p, ok := r.(planned)
	if !ok {
		return nil, nil
	}
	return p.plan.Actions()
}

// checkList refuses what makes no sense with --list.
func checkList(c *tool.Call) error {
	if !c.Bool(listFlag.Name) {
		return nil
	}
	return meaningless(c, "--list does nothing with the image",
		"check", "raw", "salvage", "once", "detach", "force", "same-pid", lazyFlag.Name, rangeFlag.Name, stdioFlag.Name)
}
