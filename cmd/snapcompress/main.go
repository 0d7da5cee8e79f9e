// Snapcompress compresses a stream, or takes compression off.
package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"snappipe/cmd/internal/coding"
	"snappipe/cmd/internal/docs"
	"snappipe/cmd/internal/filter"
	"snappipe/cmd/internal/input"
	"snappipe/cmd/internal/output"
	"snappipe/cmd/internal/tool"
	"snappipe/format"
	"snappipe/format/codec"
	"snappipe/kernel"
)

func main() {
	t := tool.Tool{
		Name:    "snapcompress",
		Summary: "compress a snapshot stream",
		Args:    "[IMG]",
		MaxArgs: 1,
		About: []string{
			"Reads a stream from the file IMG or from standard input and writes it compressed to standard output, on all cores. A stream that is compressed already, by whatever codec, is recoded; what has that codec already passes as it is, unless --level is given. Parts that do not get smaller are stored.",
			"SHA-256 checksums are checked and dropped, since they are those of the stream as it was: snapverify comes after snapcompress.",
			"With --base, what is stored is the difference to another image, IMG, of the same program or machine for example: parts that are the same are left out, wherever they have moved to, and of others only what has changed is coded. IMG has to have checksums. It is needed whole and unchanged for as long as the difference is, and named wherever that is resumed. It may be a difference itself; then what that was made with is named before it.",
			"The codecs are: " + codecs(),
		},
		Examples: []docs.Example{
			{Command: "snapcat file:core | snapcompress | snapverify > img", What: "Make a compressed image with checksums."},
			{Command: "snapcompress --codec xz < img | snapverify > small", What: "Recode an image for keeping."},
			{Command: "snapcompress -d < img | snapverify > fast", What: "Take compression off."},
			{Command: "snapcat process:1234 | snapcompress --base monday | snapverify > tuesday", What: "Store what is different from the image monday."},
			{Command: "snapcompress -d --base monday < tuesday | snapverify > whole", What: "Make a whole image of it again."},
		},
		Flags: slices.Concat(coding.Flags(codec.All()[0].Name), []cli.Flag{
			&cli.BoolFlag{Name: "decompress", Aliases: []string{"d"}, Usage: "take compression off"},
			input.BaseFlag("store the difference to `IMG`, or with -d make a whole image of it again"),
		}, output.Flags("replace FILE if it is there already")),
		Words: map[string][]string{"CODEC": coding.Names()},
		Run:   run,
	}
	t.Main()
}

// codecs describes the codecs for the manual page.
func codecs() string {
	var all []string
	for _, c := range codec.All() {
		levels := ""
		if c.MinLevel < c.MaxLevel {
			levels = fmt.Sprintf(", levels %d to %d, else %d", c.MinLevel, c.MaxLevel, c.DefaultLevel)
		}
		all = append(all, fmt.Sprintf("%s (%s%s)", c.Name, c.Summary, levels))
	}
	return strings.Join(all, ", ") + "."
}

func run(ctx context.Context, c *tool.Call) error {
	var bases *input.Bases
	err := filter.Run(ctx, c, func() (*format.Editor, error) {
		work, err := chosen(c)
		if err != nil || !c.IsSet("base") {
			return &format.Editor{Work: work}, err
		}
		if bases, err = input.OpenBases(ctx, c, !c.Bool("decompress")); err != nil {
			return nil, err
		}
		return difference(ctx, c, bases)
	})
	if bases != nil {
		err = errors.Join(err, bases.Close())
	}
	return err
}

// difference is the filter that --base asks for.
func difference(ctx context.Context, c *tool.Call, bases *input.Bases) (*format.Editor, error) {
	if c.Bool("decompress") {
		return whole(ctx, bases), nil
	}
	cd, level, err := coding.Chosen(c)
	if err != nil {
		return nil, err
	}
	work, err := format.Patch(bases.Last(), cd, level)
	if err != nil {
		return nil, tool.Usage("", "%w", err)
	}
	return &format.Editor{Work: work, Info: func(info *format.Info) error {
		if ref, ok := info.Base(); ok {
			return kernel.Refuse("the image", "snapcompress -d --base makes a whole one of it first", "it is a difference already, to image %v", ref)
		}
		info.SetBase(bases.Last())
		return nil
	}}, nil
}

// whole is the filter that makes whole images of differences.
func whole(ctx context.Context, bases *input.Bases) *format.Editor {
	var base *format.Base
	return &format.Editor{
		Info: func(info *format.Info) (err error) {
			base, err = bases.For(ctx, info)
			info.SetBase(nil)
			return err
		},
		Work: func() format.Work { return format.Whole(base)() },
	}
}

// chosen returns the work that the options ask for.
func chosen(c *tool.Call) (func() format.Work, error) {
	if c.Bool("decompress") {
		if c.IsSet("codec") || c.IsSet("level") {
			return nil, tool.Usage("", "--decompress goes with neither --codec nor --level")
		}
		none, _ := codec.ByName("none")
		return format.Compress(none, 0, false)
	}
	return coding.Work(c)
}
