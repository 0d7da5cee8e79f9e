// Snapverify adds SHA-256 checksums to a stream, or checks those it has.
package main

import (
	"context"

	"github.com/urfave/cli/v2"

	"snappipe/cmd/internal/about"
	"snappipe/cmd/internal/docs"
	"snappipe/cmd/internal/filter"
	"snappipe/cmd/internal/input"
	"snappipe/cmd/internal/output"
	"snappipe/cmd/internal/tool"
	"snappipe/format"
)

func main() {
	t := tool.Tool{
		Name:    "snapverify",
		Summary: "add checksums to a snapshot stream, and check them",
		Args:    "[IMG]",
		MaxArgs: 1,
		About: []string{
			"Reads a stream from the file IMG or from standard input and writes it to standard output with SHA-256 checksums. A stream that has them is checked and passed on byte for byte. It is the last stage of a pipeline that makes an image: when any stage before it fails, snapverify sees that its stream has no end, and exits with status 3.",
			"With --check nothing is written but what the image is, in words, after every part of it has been decoded. Then the stream must have SHA-256 checksums. With --digests-only as well, it is these alone that are checked: that tells whether the stream is what was written, and not whether it can be decoded.",
			"Output to a block device is flushed before snapverify exits.",
		},
		Examples: []docs.Example{
			{Command: "snapcat file:core | snapcompress | snapverify > img", What: "Make a compressed image with checksums."},
			{Command: "snapverify --check < img", What: "Check an image, and say what it is."},
			{Command: "snapverify --check --json img | jq -r .stream.root", What: "Check an image, and print the root of its checksums."},
			{Command: "ssh host cat img | snapverify -o img", What: "Fetch an image. The file appears only if all of it has come undamaged."},
		},
		Flags: append([]cli.Flag{
			&cli.BoolFlag{Name: "check", Aliases: []string{"c"}, Usage: "only check, and say what the image is"},
			digestsOnly, listFlag, about.JSONFlag,
			input.BaseFlag("with --check: take `IMG` for what the image is stored as the difference to"),
		}, output.Flags("replace FILE if it is there already")...),
		Run: run,
	}
	t.Main()
}

func run(ctx context.Context, c *tool.Call) error {
	if c.Bool("check") || c.Bool(listFlag.Name) {
		return check(ctx, c)
	}
	if c.Bool(digestsOnly.Name) {
		return tool.Usage("", "--digests-only means nothing without --check")
	}
	if c.Bool(about.JSONFlag.Name) {
		return tool.Usage("", "--json means nothing without --check")
	}
	if c.IsSet("base") {
		return tool.Usage("", "--base means nothing without --check")
	}
	return filter.Run(ctx, c, func() (*format.Editor, error) { return &format.Editor{Sum: true}, nil })
}
