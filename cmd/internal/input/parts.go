// What a stream is made of, and parts of its image, without reading all of it.

package input

import (
	"context"
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

// OpenPartsOfBases is [OpenBases] for who needs parts of an image: nothing is read
// of the bases but what they are made of.
func OpenPartsOfBases(ctx context.Context, c *tool.Call) (*Bases, error) {
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
