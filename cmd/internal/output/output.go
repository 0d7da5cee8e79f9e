// Package output is where a tool's result goes: standard output, or the file
// that --output names.
package output

import (
	"errors"
	"fmt"
	"os"

	"github.com/urfave/cli/v2"
	"golang.org/x/sys/unix"
	"golang.org/x/term"

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

// Choice is what the user chose: a path, or standard output if that is "".
type Choice struct {
	Path  string
	Force bool
}

// Chosen returns the choice that the options make, if nothing speaks against
// it. It changes nothing.
func Chosen(c *tool.Call) (Choice, error) {
	choice := Choice{c.String("output"), c.Bool("force")}
	if choice.Path != "" {
		return choice, file.Check(choice.Path, choice.Force)
	}
	if err := refuseClosed(os.Stdout); err != nil {
		return choice, err
	}
	return choice, refuseTerminal(os.Stdout)
}

const elsewhere = "send it into a pipe, or name a file: --output FILE"

// refuseClosed refuses a standard output that was closed (>&-), into which all
// would vanish with a status of 0. Go's runtime has put /dev/null there, open
// for reading and writing (checkfds in runtime/fds_unix.go); a shell's
// > /dev/null is open for writing alone. Who hands down the one that can be
// read, as Python's subprocess.DEVNULL, gets no snapshot thrown away either.
func refuseClosed(f *os.File) error {
	var st unix.Stat_t
	if err := unix.Fstat(int(f.Fd()), &st); err != nil {
		return err
	}
	null := st.Mode&unix.S_IFMT == unix.S_IFCHR && st.Rdev == unix.Mkdev(1, 3) // null(4)
	flags, err := unix.FcntlInt(f.Fd(), unix.F_GETFL, 0)
	if err == nil && null && flags&unix.O_ACCMODE == unix.O_RDWR {
		err = tool.Usage(elsewhere+"; > /dev/null is open for writing only, and throws it away", "standard output is closed, or /dev/null opened for reading and writing")
	}
	return err
}

func refuseTerminal(f *os.File) error {
	if term.IsTerminal(int(f.Fd())) {
		return tool.Usage(elsewhere, "the output is binary, and does not go to a terminal")
	}
	return nil
}

// Keeps reports whether the output goes to a file or a device, and not to
// another program. A stream without an image, from a resumed system, is for
// programs only: it must not take the place of the image that it was resumed
// from, and a device such as a virtio-serial port may never take it.
func (c Choice) Keeps() bool {
	if c.Path != "" {
		return true
	}
	st, err := os.Stdout.Stat()
	return err != nil || st.Mode()&(os.ModeNamedPipe|os.ModeSocket) == 0
}

// Fail tells the program that reads the output why there is none, and returns
// err. It is for what goes wrong before a stream has begun.
func (c Choice) Fail(err error) error {
	if c.Keeps() {
		return err
	}
	return format.Fail(os.Stdout, err)
}

func isBlock(st os.FileInfo) bool {
	return st.Mode()&(os.ModeDevice|os.ModeCharDevice) == os.ModeDevice
}

// Output is an open output.
type Output struct {
	*os.File
	// Block says that it is a block device.
	Block bool
	// Named is the file that --output names, nil for standard output.
	Named *file.Output
}

// Open begins the output.
func (c Choice) Open() (*Output, error) {
	o := &Output{File: os.Stdout}
	if c.Path != "" {
		var err error
		if o.Named, err = file.Create(c.Path, c.Force); err != nil {
			return nil, err
		}
		o.File = o.Named.File
	}
	st, err := o.Stat()
	if err == nil {
		o.Block = isBlock(st)
		err = refuseTerminal(o.File)
	}
	if err != nil {
		return nil, errors.Join(err, o.Abort())
	}
	pipe.Widen(o.File)
	return o, nil
}

// Commit ends the output: a named file appears, and what went to a block
// device has reached it.
func (o *Output) Commit() error {
	if o.Named != nil {
		return o.Named.Commit()
	}
	if o.Block {
		if err := o.Sync(); err != nil {
			return fmt.Errorf("flush the device: %w", err)
		}
	}
	return o.Close()
}

// Abort gives up a named file. What went elsewhere is there, but without its
// end.
func (o *Output) Abort() error {
	if o.Named != nil {
		return o.Named.Abort()
	}
	return nil
}
