// A flat image has no first frame that says what it is of, so the user does.
// Only a kernel that takes it from where it lies is worth an option: for all
// others, snapcat file:IMG makes a stream of it.

package main

import (
	"context"
	"os"

	"snappipe/cmd/internal/about"
	"snappipe/cmd/internal/tool"
	"snappipe/kernel"
)

func resumeFlat(ctx context.Context, c *tool.Call) error {
	if c.String("to") == "" {
		return tool.Usage("name it with --to", "a flat image does not say what it is of")
	}
	if err := checkFlat(c); err != nil {
		return err
	}
	var would []string
	k, err := kernel.Open(c.String("to"), options(c, &would))
	if err != nil {
		return err
	}
	target, ok := k.(kernel.FlatResumer)
	if !ok {
		return tool.Usage("snapcat file:IMG makes a stream of a flat image", "--raw is for --to machine only")
	}
	f := os.Stdin
	if name := c.Args().First(); name != "" && name != "-" {
		if f, err = os.Open(name); err != nil {
			return err
		}
		defer f.Close()
	}
	resumption, err := target.ResumeFlat(ctx, f)
	if err != nil {
		return err
	}
	if c.Bool("check") {
		return rehearse(c, resumption, &about.Stream{}, &would)
	}
	return commit(c, resumption)
}
