// What snapcompress and snapverify would do behind this program, in it.

package main

import (
	"github.com/urfave/cli/v2"

	"snappipe/cmd/internal/coding"
	"snappipe/cmd/internal/tool"
	"snappipe/format"
)

var checksumsFlag = &cli.BoolFlag{Name: "checksums", Usage: "add SHA-256 checksums, as snapverify does"}

// chosenWork returns what is to be done with the frames of the stream, or nil.
func chosenWork(c *tool.Call) (func() format.Work, error) {
	for _, name := range []string{"codec", "level", checksumsFlag.Name} {
		if c.IsSet(name) && c.Bool("raw") {
			return nil, tool.Usage("", "--%s is for a stream, and means nothing with --raw", name)
		}
	}
	switch {
	case c.IsSet("codec"):
		return coding.Work(c)
	case c.IsSet("level"):
		return nil, tool.Usage("", "--level means nothing without --codec")
	}
	return nil, nil
}
