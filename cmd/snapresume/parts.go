// A part of an image, without the rest: --range.

package main

import (
	"context"
	"errors"
	"strconv"
	"strings"

	"github.com/urfave/cli/v2"

	"snappipe/cmd/internal/about"
	"snappipe/cmd/internal/input"
	"snappipe/cmd/internal/tool"
	"snappipe/kernel"
	"snappipe/kernel/file"
)

var rangeFlag = &cli.StringFlag{Name: "range", Usage: "write to the file that --to names only `OFF,LEN`: so many bytes of the image from there on, and read no more of IMG than that takes"}

// resumePart writes a part of the image to a file.
func resumePart(ctx context.Context, c *tool.Call) error {
	no := append([]string{"raw", "salvage", "once", "detach", "same-pid", "check", stdioFlag.Name, about.JSONFlag.Name}, aboutTrust()...)
	if err := meaningless(c, "--range resumes nothing", no...); err != nil {
		return err
	}
	off, n, ok := parseRange(c.String(rangeFlag.Name))
	if !ok {
		return tool.Usage("", "--range %s: it is OFF,LEN, two numbers of bytes", c.String(rangeFlag.Name))
	}
	path, isFile := strings.CutPrefix(c.String("to"), "file:")
	if !isFile || path == "" {
		return tool.Usage("name a file: --to file:PATH, or --to file:-", "--range writes to a file, and to nothing else")
	}
	in, err := input.Open(c.Args().First())
	if err != nil {
		return err
	}
	defer in.Close()
	if err := seekable(in, "store it in a file"); err != nil {
		return err
	}
	if err := file.Overwrites(path, in.File); err != nil {
		return err
	}
	contents, err := in.Contents()
	if err != nil {
		return err
	}
	if size := contents.Info().Size; off > size || n > size-off {
		return kernel.Refuse("--range "+c.String(rangeFlag.Name), "", "the image has %d bytes", size)
	}
	image, closeBases, err := input.OpenImage(ctx, c, contents)
	if err != nil {
		return err
	}
	defer closeBases()
	out, err := file.Create(path, c.Bool("force"))
	if err != nil {
		return err
	}
	if err := image.WriteParts(ctx, out, off, n); err != nil {
		return errors.Join(err, out.Abort())
	}
	return out.Commit()
}

// seekable refuses a stream of which parts cannot be read.
func seekable(in *input.Stream, advice string) error {
	if in.Seeks() {
		return nil
	}
	return kernel.Refuse("the image", advice, "it comes from a pipe, of which no part can be read without the rest")
}

// parseRange reads two numbers, decimal or with 0x before them.
func parseRange(text string) (off, n int64, ok bool) {
	first, second, ok := strings.Cut(text, ",")
	off, err := strconv.ParseInt(first, 0, 64)
	n, otherErr := strconv.ParseInt(second, 0, 64)
	return off, n, ok && err == nil && otherErr == nil && off >= 0 && n >= 0
}
