// Checking without passing on: --check.

package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/urfave/cli/v2"

	"snappipe/cmd/internal/human"
	"snappipe/cmd/internal/input"
	"snappipe/cmd/internal/tool"
	"snappipe/format"
	"snappipe/format/codec"
)

// check reads a stream to its end, decodes it, checks it, and says what it is.
func check(ctx context.Context, c *tool.Call) error {
	if c.IsSet("output") || c.IsSet("force") {
		return tool.Usage("", "--check writes no stream: --output and --force mean nothing with it")
	}
	in, err := input.Open(c.Args().First())
	if err != nil {
		return err
	}
	defer in.Close()
	info, err := in.First(ctx)
	if err != nil {
		return err
	}
	r := in.Reader
	if !info.Summed {
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
	base, err := baseOf(info, bases)
	if err != nil {
		return err
	}
	c.Track(info.Size, r.Progress)
	work := format.CheckWhole(base)
	if c.Bool(digestsOnly.Name) {
		work = nil
	}
	frames := map[codec.ID]int64{}
	err = r.Each(ctx, work, func(f *format.Frame) error {
		if f.Type == format.TypeData || f.Type == format.TypePatch {
			frames[f.Codec]++
		}
		return nil
	})
	if err != nil {
		return err
	}
	c.Close() // the line of progress makes way
	if c.Quiet {
		return nil
	}
	return describe(os.Stdout, r, info, frames, decoded(info, base, work != nil))
}

// baseOf is what the image is the difference to, if that is named: else what it
// says is checked, and not what it stands for.
func baseOf(info *format.Info, bases *input.Bases) (*format.Base, error) {
	if bases.Last() == nil {
		return nil, nil
	}
	return bases.For(info)
}

// decoded says how far the image was decoded.
func decoded(info *format.Info, base *format.Base, tried bool) string {
	ref, differs := info.Base()
	switch {
	case !tried:
		return "not tried"
	case differs && base == nil:
		return fmt.Sprintf("all right, but not compared with image %016x, to which it is the difference: see --base", ref.ID)
	}
	return "all right"
}

// digestsOnly is for who trusts the writer, or checks what is not to be decoded
// here.
var digestsOnly = &cli.BoolFlag{Name: "digests-only", Usage: "with --check: compare the SHA-256 checksums, and decode nothing"}

// describe says what the undamaged stream is that r has read.
func describe(w io.Writer, r *format.Reader, info *format.Info, frames map[codec.ID]int64, decoded string) error {
	var b strings.Builder
	line := func(name, format string, a ...any) {
		fmt.Fprintf(&b, "%-12s %s\n", name+":", human.Printable(fmt.Sprintf(format, a...)))
	}
	_, stream := r.Progress()
	if info.Resumed {
		line("image", "none: the stream comes from a resumed system")
	} else {
		line("image", "%s (%d bytes)", human.Bytes(info.Size), info.Size)
	}
	line("stream", "%s (%d bytes), ratio %s", human.Bytes(stream), stream, human.Ratio(info.Size, stream))
	t := r.Totals()
	line("data", "%s in %s%s, stored as %s", human.Bytes(t.DataBytes), human.Count(t.DataFrames, "frame"), codecs(frames), human.Bytes(t.StoredBytes))
	line("zeros", "%s in %s", human.Bytes(t.ZeroBytes), human.Count(t.ZeroFrames, "frame"))
	line("checksums", "SHA-256, all right")
	line("decoding", "%s", decoded)
	line("identity", "%016x", info.ID)
	for _, f := range info.Facts {
		line(f.Name, "%s", f.Value)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// codecs says how many data frames each codec has: " (zstd 12, none 1)".
func codecs(frames map[codec.ID]int64) string {
	var each []string
	for id := range 256 {
		if n := frames[codec.ID(id)]; n > 0 {
			each = append(each, fmt.Sprintf("%v %d", codec.ID(id), n))
		}
	}
	if each == nil {
		return ""
	}
	return " (" + strings.Join(each, ", ") + ")"
}
