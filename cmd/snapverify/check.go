// Checking without passing on: --check.

package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/urfave/cli/v2"

	"snappipe/cmd/internal/about"
	"snappipe/cmd/internal/input"
	"snappipe/cmd/internal/tool"
	"snappipe/cmd/internal/trust"
	"snappipe/format"
)

// check reads a stream to its end, decodes it, checks it, and says what it is.
func check(ctx context.Context, c *tool.Call) error {
	switch {
	case c.IsSet("output") || c.IsSet("force"):
		return tool.Usage("", "--check writes no stream, nor does --list: --output and --force mean nothing with them")
	case c.Bool(listFlag.Name) && c.Bool(about.JSONFlag.Name):
		return tool.Usage("", "--json lists the frames itself: --list means nothing with it")
	case c.IsSet("trust") && (!c.Bool("check") || c.Bool(digestsOnly.Name)):
		return tool.Usage("", "--trust needs --check, and that all of the image is decoded")
	}
	policy, err := trust.Chosen(c)
	if err != nil {
		return err
	}
	in, err := input.Open(c.Args().First())
	if err != nil {
		return err
	}
	defer in.Close()
	if !c.Bool("check") && in.Seeks() {
		contents, err := in.Contents()
		switch {
		case err == nil:
			return list(contents, c.Quiet)
		case !errors.As(err, new(*format.DamageError)): // else the list goes as far as all is right
			return err
		}
	}
	info, err := in.First(ctx)
	if err != nil {
		return err
	}
	r := in.Reader
	if !info.Summed && c.Bool("check") {
		return &tool.UntrustedError{
			Reason: "the stream has no SHA-256 checksums to check",
			Advice: "to add them: snapverify < img > new",
		}
	}
	bases, err := input.OpenBases(ctx, c, false)
	if err != nil {
		return err
	}
	defer bases.Close()
	base, err := baseOf(ctx, info, bases, policy.Asks())
	if err != nil {
		return err
	}
	said, err := read(ctx, c, r, base)
	if err != nil {
		return err
	}
	c.Close() // the line of progress makes way
	said.Whole = said.Decoded == allRight
	if said.By, err = policy.Check(said.Signatures()); err != nil {
		return err
	}
	switch {
	case c.Quiet:
		return nil
	case c.Bool(about.JSONFlag.Name):
		return said.JSON(os.Stdout, nil)
	}
	return said.Words(os.Stdout)
}

// read reads the stream to its end and checks it, and lists its frames as they
// come.
func read(ctx context.Context, c *tool.Call, r *format.Reader, base *format.Base) (*about.Stream, error) {
	info, err := r.Info()
	if err != nil {
		return nil, err
	}
	var work func() format.Work
	if c.Bool("check") && !c.Bool(digestsOnly.Name) {
		work, r.Digest = format.CheckWhole(base), true
	}
	said := about.Of(r, c.Bool(about.JSONFlag.Name))
	said.Decoded = decoded(info, base, work != nil)
	if !c.Bool(listFlag.Name) {
		c.Track(info.Size, r.Progress)
		return said, r.Each(ctx, work, nil)
	}
	list := bufio.NewWriter(os.Stdout)
	list.WriteString(about.Heading)
	gather := r.Trace
	r.Trace = func(f format.FrameInfo) {
		gather(f)
		list.WriteString(about.Line(f))
	}
	err = r.Each(ctx, work, nil)
	list.WriteString("\n")
	return said, errors.Join(err, list.Flush())
}

// baseOf is what the image is the difference to, if that is named or needed: else
// what it says is checked, and not what it stands for.
func baseOf(ctx context.Context, info *format.Info, bases *input.Bases, needed bool) (*format.Base, error) {
	if bases.Last() == nil && !needed {
		return nil, nil
	}
	return bases.For(ctx, info)
}

const allRight = "all right"

// decoded says how far the image was decoded.
func decoded(info *format.Info, base *format.Base, tried bool) string {
	ref, differs := info.Base()
	switch {
	case !tried:
		return "not tried"
	case differs && base == nil:
		return fmt.Sprintf("all right, but not compared with image %016x, to which it is the difference: see --base", ref.ID)
	}
	return allRight
}

// listFlag is for who wants to see what a stream is made of.
var listFlag = &cli.BoolFlag{Name: "list", Aliases: []string{"l"}, Usage: "list the frames, also of a stream that has no SHA-256 checksums, and write nothing else but what the image is; of a file, without --check, nothing else is read"}

// digestsOnly is for who trusts the writer, or checks what is not to be decoded
// here.
var digestsOnly = &cli.BoolFlag{Name: "digests-only", Usage: "with --check: compare the SHA-256 checksums, and decode nothing"}
