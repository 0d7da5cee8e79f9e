// A program that runs before all of its image has been read: --lazy.

package main

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/urfave/cli/v2"
	"golang.org/x/sys/unix"

	"snappipe/cmd/internal/about"
	"snappipe/cmd/internal/input"
	"snappipe/cmd/internal/tool"
	"snappipe/format"
	"snappipe/kernel"
)

var lazyFlag = &cli.BoolFlag{Name: "lazy", Usage: "let a program run at once, and load its memory from IMG as it is touched, and all the rest behind that"}

func checkLazy(c *tool.Call) error {
	for other, why := range map[string]string{
		"raw": "a flat image has no checksums", "check": "which reads all of the image", listFlag.Name: "which resumes nothing",
		"once": "the image is still needed when the program runs", about.JSONFlag.Name: "it is for --check alone",
	} {
		if c.IsSet(other) {
			return tool.Usage("", "--lazy means nothing with --%s: %s", other, why)
		}
	}
	p, err := policy(c)
	if err != nil || !p.Asks() {
		return err
	}
	return kernel.Refuse("--lazy", "leave it out", "signatures are asked for, and what is signed is all of the image: it has to be read before the program runs")
}

func resumeLazily(ctx context.Context, c *tool.Call) error {
	if err := checkLazy(c); err != nil {
		return err
	}
	in, err := openToStay(c.Args().First())
	if err != nil {
		return err
	}
	defer in.Close()
	switch {
	case staysBehind():
		if err := beBehind(); err != nil {
			return err
		}
	case c.Bool("detach"):
		return begunBehind(ctx)
	}
	from, err := source(in.File)
	if err != nil {
		return err
	}
	contents, err := in.Contents()
	if err != nil {
		return err
	}
	info := contents.Info()
	if info.Resumed {
		c.Note("the stream comes from a resumed system: there is nothing to resume")
		return nil
	}
	if !info.Summed {
		return &tool.UntrustedError{Reason: "--lazy: " + format.ErrUnsummed.Error(), Advice: "to add them: snapverify < img > new"}
	}
	image, closeBases, err := input.OpenImage(ctx, c, contents)
	if err != nil {
		return err
	}
	defer closeBases()
	o := options(c, nil)
	o.Source = from
	k, err := open(c.String("to"), info, o)
	if err != nil {
		return err
	}
	target, ok := k.(kernel.LazyResumer)
	if !ok {
		return kernel.Refuse("--lazy", "leave it out", "only a program can run before all of its image is there, and this is an image of kernel %q", info.Fact(format.FactKernel))
	}
	resumption, err := target.ResumeLazily(ctx, kernel.Facts(info.Facts), image)
	if err != nil {
		return err
	}
	c.Report(fmt.Sprintf("root %x", contents.Root()))
	return commit(c, resumption)
}

// openToStay opens a stream of which parts are read as long as the program may need
// them: on a descriptor of its own, since standard input is given up before.
func openToStay(path string) (*input.Stream, error) {
	in, err := input.Open(path)
	if err != nil {
		return nil, err
	}
	if err := seekable(in, "store it in a file, or leave out --lazy"); err != nil {
		return nil, errors.Join(err, in.Close())
	}
	fd, err := unix.FcntlInt(in.File.Fd(), unix.F_DUPFD_CLOEXEC, 3)
	if err != nil {
		return nil, errors.Join(err, in.Close())
	}
	in.File = os.NewFile(uintptr(fd), in.File.Name())
	return in, nil
}
