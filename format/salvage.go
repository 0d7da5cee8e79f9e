// What can be had of a damaged stream.

package format

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"hash"
	"io"
	"slices"
	"strings"

	"github.com/minio/sha256-simd"
)

// Sink takes the parts of an image, in whatever order they are found.
type Sink interface {
	io.WriterAt
	// Zero makes n bytes at off zeros, whatever is there.
	Zero(off, n int64) error
}

// Salvaged is what could be had of a damaged stream.
type Salvaged struct {
	// Info is what the first frame says; nil if that is lost.
	Info *Info
	// Size of the image in bytes; where Sized is false, neither the first
	// frame nor the end frame is there to tell, and it is where the last part
	// that was found ends.
	Size  int64
	Sized bool
	// Missing are the parts of the image that are lost, in ascending order.
	// Where Coarse is set there are too many to tell them all apart, and some of
	// what lies in these parts is there.
	Missing []Part
	Coarse  bool
	// Frames is how many were whole, and Skipped how many bytes of the stream
	// were in no such frame.
	Frames, Skipped int64
	// Damage says, in the order of the stream, what was wrong: the first
	// hundred places of as many as Damaged says.
	Damage  []*DamageError
	Damaged int64
	// Foreign are frames of other streams, Unknown are such as this version
	// does not know, and Unreadable are bytes that the disk did not give.
	Foreign, Unknown, Unreadable int64
	// Unsummed is how many frames there was no SHA-256 to compare with, in a
	// stream that has them: the checksum frame is lost.
	Unsummed int64
	// Failure is why the stream has no end, if it says so.
	Failure *Failure
}

// Whole reports whether nothing at all is wrong with the stream.
func (s *Salvaged) Whole() bool { return s.Damaged == 0 }

// Lost returns how many bytes of the image are missing.
func (s *Salvaged) Lost() (n int64) {
	for _, p := range s.Missing {
		n += p.Length
	}
	return n
}

// Salvage reads a stream of which any part may be missing or damaged, and
// writes every part of the image that is in a whole frame to w, at its place. It
// writes nothing for what is missing. If w is nil, it only looks what there is.
// What is stored as the difference to another image is missing without r.Base.
//
// Only frames of one stream count: that of the first whole frame. They may come
// in any order. Those that have a SHA-256 have to match it.
//
// The error is one of reading or writing, or of an input without any frame;
// what is wrong with the stream is in Salvaged. Nothing may have been read from
// r before.
func (r *Reader) Salvage(ctx context.Context, w Sink) (*Salvaged, error) {
	src, disk := patiently(r.raw)
	s := &salvage{r: r, sink: w, missing: newGaps(), sound: true, index: newIndexChecker(), root: sha256.New()}
	s.scan = newScanner(src, s.stumble)
	works := make([]func(*found) error, workers())
	for i := range works {
		decode := decode(r.Base)
		works[i] = func(f *found) error { return f.look(decode) }
	}
	if err := Pipe(ctx, make([]found, 2*len(works)+1), s.read, works, s.put); err != nil {
		return nil, err
	}
	s.got.Unreadable = disk.unreadable
	return s.result()
}

// salvage is one call of Salvage. There is one goroutine that scans, and one
// that puts together what was found, each with its own fields.
type salvage struct {
	r *Reader

	scan      *scanner
	stumbled  damageLog
	order     order
	index     *indexChecker
	sound     bool // no rule was broken so far
	over, end bool // the end frame was read, and in its place

	sink    Sink // or nil
	got     Salvaged
	broken  damageLog
	missing *gaps
	highest int64 // where the last part ends
	waiting []unsummed
	summed  bool // there was a checksum frame
	root    hash.Hash
	last    []byte       // the root that the end frame has, and
	wrong   *DamageError // what to say of it if it is not that
}

// damageLog keeps the first places of damage, and counts all.
type damageLog struct {
	first []*DamageError
	count int64
}

func (l *damageLog) add(err *DamageError) {
	if l.count++; len(l.first) < maxDamage {
		l.first = append(l.first, err)
	}
}

// maxDamage is how many places are told.
const maxDamage = 100

// stumble is told of damage by the scanner.
func (s *salvage) stumble(err *DamageError) {
	if s.end && !errors.Is(err, ErrTrailing) {
		err.Err = fmt.Errorf("%w: %w", ErrTrailing, err.Err)
	}
	s.sound = false
	s.stumbled.add(err)
}

// found is a whole frame, and what a worker found out about it.
type found struct {
	Frame
	sums bool // it may have a SHA-256
	err  error
}

// read finds the next whole frame.
func (s *salvage) read(f *found) error {
	if s.over && s.r.Device {
		return io.EOF // what follows is older
	}
	err := s.scan.next(&f.Frame)
	s.r.taken.Store(s.scan.at)
	if err != nil {
		return err
	}
	f.sums = s.order.info == nil || s.order.info.Summed
	s.over = s.over || f.Type == TypeEnd
	if s.sound {
		s.follow(&f.Frame)
	}
	return nil
}

// follow goes by the rules for undamaged streams, as long as they are kept.
func (s *salvage) follow(f *Frame) {
	if s.end {
		s.stumble(&DamageError{f.seq, f.at, -1, ErrTrailing})
		return
	}
	err := s.order.expects(f)
	if err == nil {
		err = s.order.accept(f)
	}
	if err == nil && s.order.info.Summed {
		if f.Type == TypeIndex {
			err = s.index.check(f)
		}
		s.index.add(f.read)
	}
	var damage *DamageError
	switch {
	case err == io.EOF:
		s.end = true
	case errors.As(err, &damage):
		s.stumble(damage)
	case err != nil:
		s.stumble(&DamageError{f.seq, f.at, f.inImage(), err})
	}
}

// look takes the digest of a frame, and decodes it.
func (f *found) look(decode Work) error {
	f.err = nil
	if f.sums {
		f.sum()
	}
	f.err = decode(&f.Frame)
	return nil
}

// put makes what can be made of a frame.
func (s *salvage) put(f *found) error {
	s.got.Frames++
	if f.sums {
		s.await(f)
	}
	switch f.Type {
	case TypeImage, TypeResumed:
		s.describe(&f.Frame)
	case TypeData, TypeZero, TypePatch:
		return s.place(f)
	case TypeSums:
		return s.compare(f)
	case TypeEnd:
		s.sized(f.Length)
		s.last = slices.Clone(f.Payload()[totalsSize:])
		s.wrong = &DamageError{f.seq, f.at, -1, fmt.Errorf("%w: the root is another", ErrSums)}
	case TypeFailure:
		errors.As(failure(&f.Frame), &s.got.Failure)
	}
	return nil
}

// describe takes the first frame.
func (s *salvage) describe(f *Frame) {
	info, err := parseInfo(f)
	if err != nil || s.got.Info != nil {
		return // follow has told of it
	}
	s.got.Info = info
	s.sized(info.Size)
}

func (s *salvage) sized(size int64) {
	if !s.got.Sized {
		s.got.Sized, s.got.Size = true, size
	}
}

// place puts a part of the image in its place.
func (s *salvage) place(f *found) error {
	part := Part{f.Offset, f.Length}
	switch {
	case f.err != nil:
		return s.lose(f, f.err)
	case s.got.Sized && part.end() > s.got.Size:
		return s.lose(f, f.damage(ErrTiling))
	case !s.missing.misses(part):
		return nil
	}
	if s.sink != nil && f.Type == TypeZero {
		if err := s.sink.Zero(part.Offset, part.Length); err != nil {
			return err
		}
	} else if s.sink != nil {
		if _, err := s.sink.WriteAt(f.Payload(), part.Offset); err != nil {
			return err
		}
	}
	s.missing.fill(part)
	s.highest = max(s.highest, part.end())
	s.r.covered.Add(part.Length)
	return nil
}

// lose tells of a frame that turned out not to be whole.
func (s *salvage) lose(f *found, err error) error {
	var damage *DamageError
	if !errors.As(err, &damage) {
		return err
	}
	s.broken.add(damage)
	return nil
}

// unsummed is a frame for which there was no checksum frame yet.
type unsummed struct {
	number uint64
	at     int64
	part   Part // none if it is empty
	digest [sha256.Size]byte
}

// await keeps the digest of a frame until its checksum frame comes.
func (s *salvage) await(f *found) {
	if f.Type == TypeSums || f.Type == TypeEnd || f.Type == TypeFailure {
		return
	}
	s.root.Write(f.digest[:])
	if len(s.waiting) == maxSums {
		s.got.Unsummed++
		s.waiting = slices.Delete(s.waiting, 0, 1)
	}
	w := unsummed{number: f.read.Number, at: f.at, digest: f.digest}
	if f.Type.holds() {
		w.part = Part{f.Offset, f.Length}
	}
	s.waiting = append(s.waiting, w)
}

// compare compares the digests that f has with those of the frames before it,
// as far as they are there.
func (s *salvage) compare(f *found) error {
	s.summed = true
	digests := f.Payload()
	first := f.read.Number - uint64(len(digests)/sha256.Size)
	var later []unsummed
	for _, w := range s.waiting {
		switch {
		case w.number > f.read.Number:
			later = append(later, w)
		case w.number < first || first > f.read.Number:
			s.got.Unsummed++
		case !bytes.Equal(digests[(w.number-first)*sha256.Size:][:sha256.Size], w.digest[:]):
			if err := s.reject(w); err != nil {
				return err
			}
		}
	}
	s.waiting = later
	return nil
}

// reject takes back a part whose SHA-256 is another.
func (s *salvage) reject(w unsummed) error {
	damage := &DamageError{w.number, w.at, -1, ErrSums}
	if w.part.Length > 0 {
		damage.Offset = w.part.Offset
		s.missing.open(w.part)
		if s.sink != nil {
			if err := s.sink.Zero(w.part.Offset, w.part.Length); err != nil {
				return err
			}
		}
	}
	s.broken.add(damage)
	return nil
}

// result puts together what was found.
func (s *salvage) result() (*Salvaged, error) {
	if s.got.Frames == 0 {
		return nil, s.nothing()
	}
	got := &s.got
	if !s.over && got.Failure == nil && !s.stumbled.endsIn(ErrTruncated) {
		s.stumbled.add(&DamageError{s.scan.before, s.scan.at, -1, fmt.Errorf("%w: there is no end frame", ErrTruncated)})
	}
	if s.sound && s.end && s.broken.count == 0 && s.order.info.Summed && !bytes.Equal(s.root.Sum(nil), s.last) {
		s.broken.add(s.wrong)
	}
	if got.Unsummed += int64(len(s.waiting)); !s.summed && (got.Info == nil || !got.Info.Summed) {
		got.Unsummed = 0
	}
	if !got.Sized {
		got.Size = s.highest
	}
	s.missing.limit(got.Size) // parts that came before the size may lie behind it
	got.Missing, got.Coarse = s.missing.parts, s.missing.coarse
	got.Skipped = s.scan.at - s.scan.framed
	got.Foreign, got.Unknown = s.scan.foreign, s.scan.unknown
	got.Damaged = s.stumbled.count + s.broken.count
	got.Damage = append(s.stumbled.first, s.broken.first...)
	slices.SortStableFunc(got.Damage, func(a, b *DamageError) int { return cmp.Compare(a.At, b.At) })
	got.Damage = got.Damage[:min(len(got.Damage), maxDamage)]
	return got, nil
}

func (l *damageLog) endsIn(err error) bool {
	return len(l.first) > 0 && errors.Is(l.first[len(l.first)-1], err)
}

// nothing says what an input is that has no whole frame.
func (s *salvage) nothing() error {
	head := s.scan.head
	switch {
	case len(head) == 0:
		return &DamageError{0, 0, -1, ErrEmpty}
	case !strings.HasPrefix(string(head), magic[:min(len(head), len(magic))]):
		return &DamageError{0, 0, -1, notStream(head)}
	}
	return s.stumbled.first[0]
}
