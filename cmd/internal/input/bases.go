// The images that another one is stored as the difference to.

package input

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"

	"github.com/urfave/cli/v2"

	"snappipe/cmd/internal/tool"
	"snappipe/format"
	"snappipe/kernel"
)

// BaseFlag is the option for images that another one is stored as the difference
// to.
func BaseFlag(usage string) cli.Flag {
	return &cli.StringSliceFlag{Name: "base", Usage: usage}
}

// Bases are the images that --base names.
type Bases struct {
	names []string
	files []*os.File
	open  opener
	all   []*format.Base
}

// OpenBases reads all images that --base names and checks them, each of them
// with what it is a difference to itself, in whatever order they are named. If
// learn is set, the last one is learned for new differences to it.
func OpenBases(ctx context.Context, c *tool.Call, learn bool) (*Bases, error) {
	return openBases(ctx, c, func(f *os.File, size int64, bases []*format.Base, learn bool) (*format.Base, error) {
		return format.OpenBase(ctx, f, size, bases, learn)
	}, learn)
}

// opener opens one base, of so many bytes, those before it being known.
type opener func(f *os.File, size int64, bases []*format.Base, learn bool) (*format.Base, error)

func openBases(ctx context.Context, c *tool.Call, open opener, learn bool) (*Bases, error) {
	b := &Bases{names: c.StringSlice("base"), open: open}
	if err := b.openFiles(); err != nil {
		return nil, errors.Join(err, b.Close())
	}
	if err := b.read(learn); err != nil {
		return nil, errors.Join(err, b.Close())
	}
	return b, nil
}

func (b *Bases) openFiles() error {
	for _, name := range b.names {
		f, err := os.Open(name)
		if err != nil {
			return err
		}
		b.files = append(b.files, f)
		st, err := f.Stat()
		if err != nil {
			return err
		}
		if device := st.Mode()&(os.ModeDevice|os.ModeCharDevice) == os.ModeDevice; !st.Mode().IsRegular() && !device {
			return tool.Usage("store the stream in a file", "--base %s: it is no file or block device, and parts of it are needed in any order", name)
		}
	}
	b.all = make([]*format.Base, len(b.files))
	return nil
}

// read reads those first that others are the difference to.
func (b *Bases) read(learn bool) error {
	for left := len(b.files); left > 0; {
		before, missing := left, error(nil)
		for i := range b.files {
			if b.all[i] != nil {
				continue
			}
			var absent *format.BaseError
			switch err := b.readOne(i, learn && i == len(b.files)-1); {
			case errors.As(err, &absent):
				missing = errors.Join(missing, lacking(b.names[i], absent))
			case err != nil:
				return err
			default:
				left--
			}
		}
		if left == before {
			return missing
		}
	}
	return nil
}

func (b *Bases) readOne(i int, learn bool) error {
	size, err := b.files[i].Seek(0, io.SeekEnd)
	if err != nil {
		return err
	}
	base, err := b.open(b.files[i], size, b.known(), learn)
	switch {
	case errors.Is(err, format.ErrUnsummed):
		return &tool.UntrustedError{
			Reason: fmt.Sprintf("--base %s: %v", b.names[i], err),
			Advice: "to add them: snapverify < img > new",
		}
	case errors.As(err, new(*format.BaseError)):
		return err
	case err != nil:
		return fmt.Errorf("--base %s: %w", b.names[i], err)
	}
	b.all[i] = base
	return nil
}

func (b *Bases) known() (known []*format.Base) {
	for _, base := range b.all {
		if base != nil {
			known = append(known, base)
		}
	}
	return known
}

// For finds what the image is stored as the difference to: nil for a whole one.
func (b *Bases) For(ctx context.Context, info *format.Info) (*format.Base, error) {
	base, err := info.Among(ctx, b.all)
	if absent := (*format.BaseError)(nil); errors.As(err, &absent) {
		err = lacking("the image", absent)
	}
	return base, err
}

// Open opens the image of which contents is known, with what it is stored as the
// difference to.
func (b *Bases) Open(ctx context.Context, contents *format.Contents) (*format.Base, error) {
	image, err := contents.Open(ctx, b.all)
	if absent := (*format.BaseError)(nil); errors.As(err, &absent) {
		err = lacking("the image", absent)
	}
	return image, err
}

// Last is the one that was named last, or nil.
func (b *Bases) Last() *format.Base {
	if len(b.all) == 0 {
		return nil
	}
	return b.all[len(b.all)-1]
}

// Top is the one that none of the others is the difference to, or nil: what an
// image needs of which the first frame may be lost.
func (b *Bases) Top() *format.Base {
	for _, base := range slices.Backward(b.all) {
		if !slices.ContainsFunc(b.all, func(other *format.Base) bool { return other.Under() == base }) {
			return base
		}
	}
	return nil
}

// Close closes the files.
func (b *Bases) Close() error {
	var errs []error
	for _, f := range b.files {
		errs = append(errs, f.Close())
	}
	return errors.Join(errs...)
}

func lacking(what string, absent *format.BaseError) error {
	return kernel.Refuse(what, "name that one too: --base IMG", "%v", absent)
}
