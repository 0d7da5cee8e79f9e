// Looking for frames among anything.

package format

import (
	"bytes"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"strings"
)

// scanner finds the whole frames of one stream in bytes of which any part may
// be missing, damaged or foreign: it looks for a magic and a header whose
// checksum is right, and believes such a header only as far as its payload
// bears it out.
//
// Where that does not, the bytes behind the header are searched as all others:
// its length may be that of a payload of which a part is gone.
type scanner struct {
	src      io.Reader
	lost     func(*DamageError)
	buf      []byte
	from, to int    // what of buf is still to be looked at
	at       int64  // byte of the stream at from
	err      error  // why there is no more to come
	head     []byte // what it begins with

	known  bool   // the identity is: that of the first whole frame
	id     uint64 //
	before uint64 // number of the frame after the last one that was found
	framed int64  // bytes in whole frames
	vain   int64  // bytes of payloads that were found to be damaged

	foreign, unknown int64 // headers of other streams, and of frames to come
}

func newScanner(src io.Reader, lost func(*DamageError)) *scanner {
	return &scanner{src: src, lost: lost}
}

// firstWindow is how much is looked at as long as no frame is longer.
const firstWindow = 64 << 10

// next finds the next whole frame. It returns io.EOF when there is none, and
// else an error of the source.
func (s *scanner) next(f *Frame) error {
	start, told := s.at, false
	for s.fill(HeaderSize) {
		window := s.buf[s.from:s.to]
		switch i := bytes.Index(window, []byte(magic)); {
		case i < 0:
			s.skip(len(window) - len(magic) + 1)
			continue
		case i > 0:
			s.skip(i)
			continue
		}
		err := s.frame(f)
		if err == nil {
			s.gap(f, start, told)
			return nil
		}
		if !told || !errors.Is(err, ErrForeign) { // of which there may be a whole disk
			s.lost(&DamageError{f.seq, f.at, f.inImage(), err})
		}
		told = true
	}
	return s.end(start, told)
}

// end tells of what is behind the last whole frame.
func (s *scanner) end(start int64, told bool) error {
	rest := s.buf[s.from:s.to]
	s.skip(len(rest))
	switch {
	case s.err != io.EOF:
		return fmt.Errorf("read the stream at byte %d: %w", s.at, s.err)
	case told:
	case s.at == start+int64(len(rest)) && len(rest) > 0 && strings.HasPrefix(magic, string(rest[:min(len(rest), len(magic))])):
		s.lost(&DamageError{s.before, start, -1, fmt.Errorf("%w: it stops within this frame", ErrTruncated)})
	case s.at > start:
		s.lost(&DamageError{s.before, start, -1, fmt.Errorf("%w, for the last %d bytes", ErrMagic, s.at-start)})
	}
	return io.EOF
}

// gap tells of what is missing between the frame before and f, if nothing else
// has been said of it.
func (s *scanner) gap(f *Frame, start int64, told bool) {
	expected := s.before
	s.before = f.seq + 1
	switch {
	case told:
	case f.at > start:
		s.lost(&DamageError{expected, start, -1, fmt.Errorf("%w, for %d bytes", ErrMagic, f.at-start)})
	case f.seq != expected:
		s.lost(&DamageError{expected, start, -1, fmt.Errorf("%w: frame %d is here", ErrSequence, f.seq)})
	}
}

// frame takes the frame that begins here, if it is a whole one, and else as
// little of it as can be told not to belong to another.
func (s *scanner) frame(f *Frame) error {
	f.at, f.seq, f.Type = s.at, s.before, 0 // as long as nothing else is known
	f.wire = append(f.wire[:0], s.buf[s.from:][:HeaderSize]...)
	size, err := f.parseHeader()
	switch {
	case errors.Is(err, ErrHeader):
		s.skip(len(magic))
		return err
	case errors.Is(err, ErrUnsupported):
		s.unknown++
		fallthrough
	case err != nil:
		s.skip(HeaderSize)
		return err
	case s.known && f.id != s.id:
		s.foreign++
		s.skip(HeaderSize)
		return ErrForeign
	case !s.fill(HeaderSize + size):
		s.skip(HeaderSize)
		return fmt.Errorf("%w: it stops within this frame", ErrTruncated)
	}
	whole := s.buf[s.from:][:HeaderSize+size]
	if crc32.Checksum(whole[HeaderSize:], castagnoli) != f.crc {
		s.skipPayload(size)
		return ErrPayload
	}
	f.wire = append(f.wire[:0], whole...)
	s.id, s.known = f.id, true
	s.framed += int64(len(whole))
	s.skip(len(whole))
	return nil
}

// patience is how many times as much as there is to read may be spent on
// payloads that turn out to be damaged: a stream that is made for it could have
// a header in every 64 bytes, and a payload of 4 MiB behind each.
const patience = 8

// skipPayload goes on behind a header that has a damaged payload: right there,
// or behind the payload where that has been done too often.
func (s *scanner) skipPayload(size int) {
	s.vain += int64(size)
	if s.vain > MaxPayload+patience*s.at {
		s.skip(HeaderSize + size)
		return
	}
	s.skip(HeaderSize)
}

// skip goes on n bytes further on.
func (s *scanner) skip(n int) {
	s.from += n
	s.at += int64(n)
}

// fill reports whether n bytes can be looked at.
func (s *scanner) fill(n int) bool {
	if s.to-s.from >= n || s.err != nil {
		return s.to-s.from >= n
	}
	buf := s.buf
	if len(buf) < n { // with room for more, so that not each frame has to be moved to its front
		buf = make([]byte, max(2*n, firstWindow))
	}
	s.buf, s.from, s.to = buf, 0, copy(buf, s.buf[s.from:s.to])
	for s.to < n && s.err == nil {
		var got int
		got, s.err = s.src.Read(s.buf[s.to:])
		s.to += got
	}
	if s.head == nil {
		s.head = bytes.Clone(s.buf[:min(s.to, sniffed)])
	}
	return s.to >= n
}

// inImage returns where in the image f belongs, or -1 if that is not known.
func (f *Frame) inImage() int64 {
	if f.Type.holds() {
		return f.Offset
	}
	return -1
}
