// Package filter runs a tool that reads a stream and writes one.
package filter

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"sync/atomic"
	"time"

	"snappipe/cmd/internal/human"
	"snappipe/cmd/internal/input"
	"snappipe/cmd/internal/output"
	"snappipe/cmd/internal/tool"
	"snappipe/format"
	"snappipe/kernel/file"
)

// Run runs the filter that prepare makes of the options, from the stream to the
// output that the user chose.
//
// That is not opened before the first frame has come: a stream that says
// "resumed, no image here" leaves what is kept there alone.
//
// A stream that says why it has no image passes as well, where there is a
// program for it to be passed on to.
func Run(ctx context.Context, c *tool.Call, prepare func() (*format.Editor, error)) error {
	choice, err := output.Chosen(c)
	editor, badOption := prepare()
	if badOption == nil && c.IsSet("force") && !c.IsSet("output") {
		badOption = tool.Usage("", "--force means nothing without --output")
	}
	if err := cmp.Or(badOption, err); err != nil {
		return choice.Fail(err)
	}
	err = run(ctx, c, choice, editor)
	if errors.As(err, new(*format.Failure)) && !choice.Keeps() {
		err = &tool.PassedOn{Err: err}
	}
	return err
}

func run(ctx context.Context, c *tool.Call, choice output.Choice, editor *format.Editor) error {
	in, err := open(c, choice)
	if err != nil {
		return choice.Fail(err)
	}
	defer in.Close()
	defer choice.Reserve().Close() // the first frame may come from a machine that stands still
	info, err := in.First(ctx)
	if err != nil {
		return choice.Fail(err)
	}
	r := in.Reader
	if info.Resumed && choice.Keeps() {
		return Resumed(ctx, c, r)
	}
	out, err := choice.Open()
	if err != nil {
		return err
	}
	start, w := time.Now(), &counter{w: out.Stream()}
	c.Track(info.Size, func() (image, stream int64) {
		image, _ = r.Progress()
		return image, w.n.Load()
	})
	if err := editor.Run(ctx, w, r); err != nil {
		return errors.Join(err, out.Abort())
	}
	if err := out.Commit(); err != nil {
		return err
	}
	c.Report(Summary(info.Size, r.Totals().ZeroBytes, w.n.Load(), time.Since(start)))
	if root := editor.Root(); root != nil {
		c.Report(fmt.Sprintf("root %x", root))
	}
	return nil
}

// open opens the stream, if the output is not written over it.
func open(c *tool.Call, choice output.Choice) (*input.Stream, error) {
	in, err := input.Open(c.Args().First())
	if err != nil {
		return nil, err
	}
	if err := file.Overwrites(choice.Path, in.File); err != nil {
		return nil, errors.Join(err, in.Close())
	}
	return in, nil
}

// Resumed reads a stream without an image to its end and leaves it at that.
func Resumed(ctx context.Context, c *tool.Call, r *format.Reader) error {
	if err := format.Verify(ctx, r); err != nil {
		return err
	}
	c.Note("resumed: there is no image here, and nothing was written")
	return nil
}

// Summary is the line with which a tool says what it has done.
func Summary(image, zeros, stream int64, d time.Duration) string {
	return fmt.Sprintf("image of %s, %s of it zeros; stream of %s, ratio %s; %.2f s, %s",
		human.Bytes(image), human.Bytes(zeros), human.Bytes(stream), human.Ratio(image, stream),
		d.Seconds(), human.Rate(image, d))
}

// counter counts the bytes that go through it.
type counter struct {
	w io.Writer
	n atomic.Int64
}

func (c *counter) Write(p []byte) (int, error) {
	n, err := c.w.Write(p)
	c.n.Add(int64(n))
	return n, err
}
