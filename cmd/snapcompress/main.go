// Snapcompress compresses a stream, or takes compression off.
package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/urfave/cli/v2"

	"snappipe/cmd/internal/docs"
	"snappipe/cmd/internal/filter"
	"snappipe/cmd/internal/output"
	"snappipe/cmd/internal/tool"
	"snappipe/format"
	"snappipe/format/codec"
)

func main() {
	t := tool.Tool{
		Name:    "snapcompress",
		Summary: "compress a snapshot stream",
		About: []string{
			"Reads a stream on standard input and writes it compressed to standard output, on all cores. A stream that is compressed already, by whatever codec, is recoded; what has that codec already passes as it is, unless --level is given. Parts that do not get smaller are stored.",
			"SHA-256 checksums are checked and dropped, since they are those of the stream as it was: snapverify comes after snapcompress.",
			"The codecs are: " + codecs(),
		},
		Examples: []docs.Example{
			{Command: "snapcat file:core | snapcompress | snapverify > img", What: "Make a compressed image with checksums."},
			{Command: "snapcompress --codec xz < img | snapverify > small", What: "Recode an image for keeping."},
			{Command: "snapcompress -d < img | snapverify > fast", What: "Take compression off."},
		},
		Flags: append([]cli.Flag{
			&cli.StringFlag{Name: "codec", Value: codec.All()[0].Name, Usage: "compress with `CODEC`, or not at all with none"},
			&cli.IntFlag{Name: "level", Usage: "compress at level `N`; higher is smaller and slower"},
			&cli.BoolFlag{Name: "decompress", Aliases: []string{"d"}, Usage: "take compression off"},
		}, output.Flags("replace FILE if it is there already")...),
		Words: map[string][]string{"CODEC": names()},
		Run:   run,
	}
	t.Main()
}

// names lists what --codec takes.
func names() []string {
	names := []string{"none"}
	for _, c := range codec.All() {
		names = append(names, c.Name)
	}
	return names
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
	return filter.Run(ctx, c, func() (*format.Editor, error) {
		work, err := chosen(c)
		return &format.Editor{Work: work}, err
	})
}

// chosen returns the work that the options ask for.
func chosen(c *tool.Call) (func() format.Work, error) {
	if c.Bool("decompress") {
		if c.IsSet("codec") || c.IsSet("level") {
			return nil, tool.Usage("", "--decompress goes with neither --codec nor --level")
		}
		return format.Decompress, nil
	}
	name := c.String("codec")
	cd, ok := codec.ByName(name)
	switch {
	case !ok:
		return nil, tool.Usage("there are "+strings.Join(names(), ", "), "there is no codec %q", name)
	case cd.MinLevel == cd.MaxLevel && c.IsSet("level"):
		return nil, tool.Usage("", "codec %s has no levels", name)
	case cd.ID == codec.None:
		return format.Decompress, nil
	}
	level := cd.DefaultLevel
	if c.IsSet("level") {
		level = c.Int("level")
	}
	work, err := format.Compress(cd, level, c.IsSet("level"))
	if err != nil {
		return nil, tool.Usage("", "%w", err)
	}
	return work, nil
}
