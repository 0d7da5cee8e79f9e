// What a stream is made of, and parts of its image, without reading all of it.

package input

import (
	"context"
	"errors"
	"io"
	"os"

	"snappipe/cmd/internal/tool"
	"snappipe/format"
)

// Seeks reports whether any part of the stream can be read.
func (s *Stream) Seeks() bool {
	st, err := s.File.Stat()
	if err != nil || !st.Mode().IsRegular() && !s.Device {
		return false
	}
	_, err = s.File.Seek(0, io.SeekCurrent)
	return err == nil
}

// Contents reads what the stream is made of, from its end or from its headers.
func (s *Stream) Contents() (*format.Contents, error) {
	at, err := s.File.Seek(0, io.SeekCurrent)
	if err != nil {
		return nil, err
	}
	end, err := s.File.Seek(0, io.SeekEnd)
	if err != nil {
		return nil, err
	}
	if _, err := s.File.Seek(at, io.SeekStart); err != nil {
		return nil, err
	}
	return format.ReadContents(io.NewSectionReader(s.File, at, end-at), end-at, s.Device)
}

// OpenImage opens the image of a stream with these contents, for parts of it to be read until
// closeBases is called.
func OpenImage(ctx context.Context, c *tool.Call, contents *format.Contents) (image *format.Base, closeBases func() error, err error) {
	bases, err := openPartsOfBases(ctx, c)
	if err != nil {
		return nil, nil, err
	}
	if image, err = bases.Open(ctx, contents); err != nil {
		return nil, nil, errors.Join(err, bases.Close())
	}
	return image, bases.Close, nil
}

// openPartsOfBases is [OpenBases] for who needs parts of an image: nothing is read
// of the bases but what they are made of.
func openPartsOfBases(ctx context.Context, c *tool.Call) (*Bases, error) {
	return openBases(ctx, c, func(f *os.File, size int64, bases []*format.Base, _ bool) (*format.Base, error) {
		contents, err := format.ReadContents(f, size, true)
		switch {
		case err != nil:
			return nil, err
		case !contents.Info().Summed:
			return nil, format.ErrUnsummed
		}
		return contents.Open(ctx, bases)
	}, false)
}
