// Package input opens the stream that a tool reads.
package input

import (
	"context"
	"os"

	"golang.org/x/term"

	"snappipe/cmd/internal/pipe"
	"snappipe/cmd/internal/tool"
	"snappipe/format"
)

// Open returns a reader of the file at path, or of standard input if path is
// "", and what closes that file. Standard input stays open, since it may be
// that of a program to resume as well.
func Open(path string) (r *format.Reader, closer func() error, err error) {
	f, closer := os.Stdin, func() error { return nil }
	if path != "" {
		if f, err = os.Open(path); err != nil {
			return nil, nil, err
		}
		closer = f.Close
	} else if term.IsTerminal(int(f.Fd())) {
		return nil, nil, tool.Usage("give it a stream, as with < img", "standard input is a terminal")
	}
	st, err := f.Stat()
	if err != nil {
		return nil, nil, err
	}
	r = format.NewReader(f)
	r.Device = st.Mode()&(os.ModeDevice|os.ModeCharDevice) == os.ModeDevice
	pipe.Widen(f)
	return r, closer, nil
}

// First returns what the first frame of r says. Unlike the Reader's own
// method it returns when ctx is done, though the read goes on.
func First(ctx context.Context, r *format.Reader) (*format.Info, error) {
	type result struct {
		info *format.Info
		err  error
	}
	read := make(chan result, 1)
	go func() {
		info, err := r.Info()
		read <- result{info, err}
	}()
	select {
	case got := <-read:
		return got.info, got.err
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}
