// Package input opens the stream that a tool reads.
package input

import (
	"context"
	"errors"
	"os"

	"snappipe/cmd/internal/pipe"
	"snappipe/format"
	"snappipe/kernel/file"
)

// Stream is a stream that is being read.
type Stream struct {
	*format.Reader
	File   *os.File
	handed bool
	twice  *twice // nil unless it is to be read twice
}

// Open opens the stream in the file at path; "" and "-" are standard input.
func Open(path string) (*Stream, error) {
	s, err := open(path)
	if err != nil {
		return nil, err
	}
	st, err := s.File.Stat()
	if err != nil {
		return nil, errors.Join(err, s.Close())
	}
	s.Reader = format.NewReader(s.File)
	s.Device = st.Mode()&(os.ModeDevice|os.ModeCharDevice) == os.ModeDevice
	pipe.Widen(s.File)
	return s, nil
}

func open(path string) (*Stream, error) {
	if path == "" {
		path = "-"
	}
	if fd, ok := file.Handed(path, 0); ok {
		if err := file.FitInput(fd, path); err != nil {
			return nil, err
		}
		return &Stream{File: file.Take(fd, path), handed: true}, nil
	}
	f, err := os.Open(path)
	return &Stream{File: f}, err
}

// Close closes the file. One that was open when the program started stays so,
// since standard input may be that of a program to resume as well.
func (s *Stream) Close() error {
	if s.handed {
		return nil
	}
	return s.File.Close()
}

// First returns what the first frame says. Unlike the Reader's own
// method it returns when ctx is done, though the read goes on.
func (s *Stream) First(ctx context.Context) (*format.Info, error) {
	type result struct {
		info *format.Info
		err  error
	}
	read := make(chan result, 1)
	go func() {
		info, err := s.Info()
		read <- result{info, err}
	}()
	select {
	case got := <-read:
		return got.info, got.err
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}
