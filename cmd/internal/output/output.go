// Package output is where a tool's result goes: standard output, or the file
// that --output names.
package output

import (
	"fmt"
	"os"

	"github.com/urfave/cli/v2"

	"snappipe/cmd/internal/pipe"
	"snappipe/cmd/internal/tool"
	"snappipe/format"
	"snappipe/kernel/file"
)

// Flags are the options of all tools that write.
func Flags(force string) []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "output", Aliases: []string{"o"}, TakesFile: true,
			Usage: "write to `FILE`, which appears only when it is whole, for its owner alone; a block device that is not in use is written in place"},
		&cli.BoolFlag{Name: "force", Aliases: []string{"f"}, Usage: force},
	}
}

// Choice is what the user chose.
type Choice struct {
	Path  string // "-" for standard output
	Force bool
}

// Chosen returns the choice that the options make, if nothing speaks against
// it. It changes nothing.
func Chosen(c *tool.Call) (Choice, error) {
	choice := Choice{"-", c.Bool("force")}
	if c.IsSet("output") {
		choice.Path = c.String("output")
	}
	return choice, file.Check(choice.Path, choice.Force)
}

// Keeps reports whether the output goes to a file or a device, and not to
// another program. A stream without an image, from a resumed system, is for
// programs only: it must not take the place of the image that it was resumed
// from, and a device such as a virtio-serial port may never take it.
func (c Choice) Keeps() bool {
	path := c.Path
	if fd, ok := file.Handed(path, 1); ok {
		path = fmt.Sprintf("/proc/self/fd/%d", fd)
	}
	st, err := os.Stat(path)
	return err != nil || st.Mode()&(os.ModeNamedPipe|os.ModeSocket) == 0
}

// Fail tells the program that reads the output why there is none, and returns
// err. It is for what goes wrong before a stream has begun.
func (c Choice) Fail(err error) error {
	fd, ok := file.Handed(c.Path, 1)
	if !ok || c.Keeps() {
		return err
	}
	return format.Fail(file.Take(fd, c.Path), err)
}

// Reserve says to whoever looks that the output will be written, as
// [file.Reserve] does, until it is opened or this is closed: a machine that is
// about to freeze its file systems looks at what its pipeline writes to. The
// result may be nil, which can be closed too.
func (c Choice) Reserve() *os.File { return file.Reserve(c.Path) }

// Open begins the output.
func (c Choice) Open() (*file.Output, error) {
	o, err := file.Create(c.Path, c.Force)
	if err != nil {
		return nil, err
	}
	pipe.Widen(o.File)
	return o, nil
}
