// What a stream is made of, without reading it: --list of a file.

package main

import (
	"bufio"
	"os"

	"snappipe/cmd/internal/about"
	"snappipe/format"
)

// list lists the frames of a stream, and says what it is.
func list(contents *format.Contents, quiet bool) error {
	out := bufio.NewWriter(os.Stdout)
	out.WriteString(about.Heading)
	for _, f := range contents.Frames {
		out.WriteString(about.Line(f))
	}
	out.WriteString("\n")
	if err := out.Flush(); err != nil || quiet {
		return err
	}
	return about.Listed(contents).Words(os.Stdout)
}
