// The standard descriptors, which are wanted by two: this tool has an image to
// read and messages to write, and what is resumed may get them from it.

package main

import (
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"
	"golang.org/x/sys/unix"

	"snappipe/cmd/internal/tool"
	"snappipe/kernel"
)

var stdios = []string{string(kernel.StdioSaved), string(kernel.StdioMine), string(kernel.StdioNull)}

var stdioFlag = &cli.StringFlag{Name: "stdio", Usage: "have the descriptors 0 to 2 of a program lead to `WHERE`: saved, mine or null"}

func checkStdio(c *tool.Call) error {
	name := c.String(stdioFlag.Name)
	if c.IsSet(stdioFlag.Name) && !slices.Contains(stdios, name) {
		return tool.Usage("", "--stdio %s: it is one of %s", name, strings.Join(stdios, ", "))
	}
	return nil
}

// source is the file that the image is read from. Messages and output must not
// go into it.
func source(image *os.File) (os.FileInfo, error) {
	in, err := image.Stat()
	if err != nil {
		return nil, err
	}
	if !in.Mode().IsRegular() {
		return in, nil
	}
	for _, out := range []*os.File{os.Stderr, os.Stdout} {
		st, err := out.Stat()
		if err != nil || !os.SameFile(in, st) {
			continue
		}
		if out == os.Stderr {
			os.Stderr = elsewhere() // not even this is to be written there
		}
		return nil, tool.Usage("send the output elsewhere", "%s is the image itself", strings.TrimPrefix(out.Name(), "/dev/"))
	}
	return in, nil
}

// elsewhere is where a message can still be seen, if anywhere.
func elsewhere() *os.File {
	f, err := os.OpenFile("/dev/tty", os.O_WRONLY, 0)
	if err != nil {
		f, _ = os.OpenFile(os.DevNull, os.O_WRONLY, 0)
	}
	return f
}

// letGo gives up standard input and output, so that for whoever is at their
// other ends they are closed when the program closes them.
func letGo() error {
	null, err := unix.Open(os.DevNull, unix.O_RDWR|unix.O_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("%s: %w", os.DevNull, err)
	}
	defer unix.Close(null)
	for n := range 2 {
		if err := unix.Dup3(null, n, 0); err != nil {
			return fmt.Errorf("closing descriptor %d: %w", n, err)
		}
	}
	return nil
}
