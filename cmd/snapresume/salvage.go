// What is whole of a damaged image: --salvage.

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"snappipe/cmd/internal/human"
	"snappipe/cmd/internal/input"
	"snappipe/cmd/internal/tool"
	"snappipe/format"
	"snappipe/kernel/file"
)

// salvage brings out what is whole of a damaged image. Nothing is resumed from
// that: it goes to a file, or with --check nowhere.
func salvage(ctx context.Context, c *tool.Call) error {
	no := append([]string{"raw", "once", "detach", "same-pid"}, aboutTrust()...)
	if err := meaningless(c, "--salvage resumes nothing", no...); err != nil {
		return err
	}
	path, isFile := strings.CutPrefix(c.String("to"), "file:")
	if (!isFile || path == "") && !(c.Bool("check") && !c.IsSet("to")) {
		return tool.Usage("name a file: --to file:PATH", "--salvage brings out what is whole to a file, and to nothing else")
	}
	in, err := input.Open(c.Args().First())
	if err != nil {
		return err
	}
	defer in.Close()
	bases, err := input.OpenBases(ctx, c, false)
	if err != nil {
		return err
	}
	defer bases.Close()
	in.Base = bases.Top()
	if c.Bool("check") {
		got, err := in.Salvage(ctx, nil)
		if err != nil {
			return err
		}
		return report(c, got)
	}
	out, err := file.Scatter(path, c.Bool("force"))
	if err != nil {
		return err
	}
	got, err := in.Salvage(ctx, out)
	if err == nil {
		err = finish(out, got)
	}
	if err = errors.Join(err, out.Abort()); err != nil { // after a commit, there is nothing to abort
		return err
	}
	return report(c, got)
}

// finish makes an image with holes of what was written, if there is any.
func finish(out *file.Scattered, got *format.Salvaged) error {
	if got.Lost() == got.Size && !got.Whole() {
		return nil
	}
	for _, p := range got.Missing {
		if err := out.Zero(p.Offset, p.Length); err != nil {
			return err
		}
	}
	return out.Commit(got.Size)
}

// report says what is there, and what is missing: in words, and each missing
// part in a line of its own for programs to read. What is not whole is an error.
func report(c *tool.Call, got *format.Salvaged) error {
	c.Close()
	var b strings.Builder
	lost := got.Lost()
	if !c.Quiet {
		fmt.Fprintf(&b, "salvaged %d of %s", got.Size-lost, human.Count(got.Size, "byte"))
		if got.Size >= 1<<10 {
			fmt.Fprintf(&b, " (%s of %s)", human.Bytes(got.Size-lost), human.Bytes(got.Size))
		}
		fmt.Fprintf(&b, ", from %s\n", human.Count(got.Frames, "whole frame"))
		for _, p := range got.Missing {
			fmt.Fprintf(&b, "missing %d %d\n", p.Offset, p.Length)
		}
	}
	if _, err := os.Stdout.WriteString(b.String()); err != nil {
		return err
	}
	if got.Whole() {
		return nil
	}
	for _, note := range notes(got) {
		c.Note(note)
	}
	return &tool.UntrustedError{Reason: verdict(got)}
}

// notes is what has to be known to make use of what was salvaged.
func notes(got *format.Salvaged) []string {
	var all []string
	add := func(n int64, text string, a ...any) {
		if n > 0 {
			all = append(all, fmt.Sprintf(text, a...))
		}
	}
	for _, d := range got.Damage {
		all = append(all, d.Error())
	}
	more := got.Damaged - int64(len(got.Damage))
	add(more, "and %s more", human.Count(more, "place"))
	add(got.Unreadable, "%s of the stream could not be read from the disk", human.Bytes(got.Unreadable))
	add(got.Foreign, "%s of another stream passed over", human.Count(got.Foreign, "frame"))
	add(got.Unknown, "%s of kinds that are not known passed over", human.Count(got.Unknown, "frame"))
	add(got.Unsummed, "%s without a SHA-256 to compare with: the checksum frame is lost", human.Count(got.Unsummed, "whole frame"))
	if got.Info == nil {
		all = append(all, "what the image is of is lost with the first frame")
	}
	if !got.Sized {
		all = append(all, "the size of the image is lost: it is as long as what was found")
	}
	if got.Coarse {
		all = append(all, "there are too many missing parts to tell them apart: some of what is called missing is there")
	}
	return all
}

func verdict(got *format.Salvaged) string {
	if lost := got.Lost(); lost > 0 {
		return fmt.Sprintf("%s of the image in %s missing", human.Bytes(lost), human.Count(int64(len(got.Missing)), "part"))
	}
	return "all of the image is there, but the stream is damaged"
}
