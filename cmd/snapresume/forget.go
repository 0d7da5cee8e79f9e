// Giving up an image, so that what is kept for it can be used again: the swap
// areas of a machine. The image is erased first. Should that be all that is done,
// the areas are still kept, for nothing, and can be put right one by one.

package main

import (
	"context"
	"errors"
	"strings"

	"github.com/urfave/cli/v2"

	"snappipe/cmd/internal/input"
	"snappipe/cmd/internal/tool"
	"snappipe/format"
	"snappipe/kernel"
)

var forgetFlag = &cli.BoolFlag{Name: "forget", Usage: "give up the image: erase the beginning of IMG, and let the swap areas that are kept for it be used again; IMG may be such an area, too"}

// checkForget: it is not combined with what is about resuming.
func checkForget(c *tool.Call) error {
	for _, name := range []string{"to", "check", "force", "raw", "salvage", "base", "once", "detach", "same-pid"} {
		if c.IsSet(name) {
			return tool.Usage("", "--forget resumes nothing, so --%s makes no sense with it", name)
		}
	}
	if err := meaningless(c, "--forget resumes nothing", aboutTrust()...); err != nil {
		return err
	}
	if path := c.Args().First(); path == "" || path == "-" {
		return tool.Usage("name the image, or the swap area, as an argument", "--forget needs to know what to give up")
	}
	return nil
}

func forget(ctx context.Context, c *tool.Call) error {
	path := c.Args().First()
	in, err := input.Open(path)
	if err != nil {
		return err
	}
	defer in.Close()
	info, err := in.First(ctx)
	if errors.As(err, new(*format.DamageError)) {
		return forgetArea(c, path)
	}
	if err != nil {
		return err
	}
	k, err := forgetter(info.Fact(format.FactKernel))
	if err != nil {
		return err
	}
	if _, err := spend(path); err != nil {
		return err
	}
	freed, err := k.Forget(kernel.Facts(info.Facts))
	for _, what := range freed {
		c.Note(what + " can be used again")
	}
	return err
}

func forgetArea(c *tool.Call, path string) error {
	k, err := forgetter("machine")
	if err != nil {
		return err
	}
	if err := k.ForgetAt(path); err != nil {
		return err
	}
	c.Note(path + " can be used again")
	return nil
}

func forgetter(name string) (kernel.Forgetter, error) {
	none := kernel.Refuse("image of kernel "+name, "delete it", "nothing is kept for it")
	if strings.Contains(name, ":") {
		return nil, none
	}
	k, err := kernel.Open(name, kernel.Options{})
	if err != nil {
		return nil, none
	}
	f, ok := k.(kernel.Forgetter)
	if !ok {
		return nil, none
	}
	return f, nil
}
