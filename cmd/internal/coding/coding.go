// Package coding is the choice of a codec, for the tools that compress.
package coding

import (
	"fmt"
	"strings"

	"github.com/urfave/cli/v2"

	"snappipe/cmd/internal/tool"
	"snappipe/format"
	"snappipe/format/codec"
)

// Flags are the options that name a codec, which is not used if none is named and
// preset is "".
func Flags(preset string) []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "codec", Value: preset, Usage: "compress with `CODEC`, or not at all with none"},
		&cli.IntFlag{Name: "level", Usage: "compress at level `N`; higher is smaller and slower"},
	}
}

// Names lists what --codec takes.
func Names() []string {
	names := []string{"none"}
	for _, c := range codec.All() {
		names = append(names, c.Name)
	}
	return names
}

// Work returns the work that the options ask for.
func Work(c *tool.Call) (func() format.Work, error) {
	cd, level, err := Chosen(c)
	if err != nil {
		return nil, err
	}
	work, err := format.Compress(cd, level, c.IsSet("level"))
	if err != nil {
		return nil, tool.Usage("", "%w", err)
	}
	return work, nil
}

// Chosen is the codec that the options name, and its level.
func Chosen(c *tool.Call) (cd codec.Codec, level int, err error) {
	name := c.String("codec")
	cd, ok := codec.ByName(name)
	switch {
	case !ok:
		return cd, 0, tool.Usage(advice(name), "there is no codec %q", name)
	case cd.MinLevel == cd.MaxLevel && c.IsSet("level"):
		return cd, 0, tool.Usage("", "codec %s has no levels", name)
	case c.IsSet("level"):
		return cd, c.Int("level"), nil
	}
	return cd, cd.DefaultLevel, nil
}

func advice(name string) string {
	advice := "there are " + strings.Join(Names(), ", ")
	if meant := tool.Nearest(name, Names()); meant != "" {
		advice = fmt.Sprintf("did you mean %s? %s", meant, advice)
	}
	return advice
}
