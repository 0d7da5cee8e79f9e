// Which image a stream is the difference to.

package format

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"slices"
	"sort"
	"strconv"

	"snappipe/format/codec"
)

// The facts of a stream that has patch frames: which image they are the
// difference to.
const (
	FactBaseIdentity = "base-identity" // of the base, 16 hexadecimal digits
	FactBaseRoot     = "base-root"     // its SHA-256 root, 64 of them
	FactBaseDigest   = "base-digest"   // the digest of its image, as many; may be missing
)

// BaseRef names the image that a stream is the difference to.
type BaseRef struct {
	ID     uint64
	Root   string // 32 bytes
	Digest string // as many; "" if it is not known
}

func (b BaseRef) String() string { return fmt.Sprintf("%016x, root %x", b.ID, b.Root) }

// Base returns which image this one is stored as the difference to. ok is false
// where it is stored as a whole.
func (i *Info) Base() (ref BaseRef, ok bool) {
	id, root := i.Fact(FactBaseIdentity), i.Fact(FactBaseRoot)
	if id == "" && root == "" {
		return ref, false
	}
	ref.ID, _ = strconv.ParseUint(id, 16, 64) // check has parsed both before
	ref.Root, ref.Digest = unhex(root), unhex(i.Fact(FactBaseDigest))
	return ref, true
}

func unhex(digits string) string {
	b, _ := hex.DecodeString(digits)
	return string(b)
}

// SetBase says what the image is to be stored as the difference to, or with nil
// that it is to be stored as a whole.
func (i *Info) SetBase(base *Base) {
	i.Facts = slices.DeleteFunc(slices.Clone(i.Facts), func(f Fact) bool {
		return f.Name == FactBaseIdentity || f.Name == FactBaseRoot || f.Name == FactBaseDigest
	})
	if base != nil {
		i.Facts.Set(FactBaseIdentity, fmt.Sprintf("%016x", base.info.ID))
		i.Facts.Set(FactBaseRoot, hex.EncodeToString(base.root))
		if base.digest != nil {
			i.Facts.Set(FactBaseDigest, hex.EncodeToString(base.digest))
		}
	}
}

// checkBase returns an error unless the facts name a base, or none.
func (i *Info) checkBase() error {
	ref, ok := i.Base()
	digest := i.Fact(FactBaseDigest)
	if digest != "" && (!ok || len(ref.Digest) != 32 || fmt.Sprintf("%x", ref.Digest) != digest) {
		return fmt.Errorf("%w: fact %q does not name a base", ErrField, FactBaseDigest)
	}
	if !ok {
		return nil
	}
	if fmt.Sprintf("%016x", ref.ID) != i.Fact(FactBaseIdentity) || fmt.Sprintf("%x", ref.Root) != i.Fact(FactBaseRoot) || len(ref.Root) != 32 {
		return fmt.Errorf("%w: facts %q and %q do not name a base", ErrField, FactBaseIdentity, FactBaseRoot)
	}
	return nil
}

// Base is a whole image in a file, or one that is a difference itself, of which
// any part can be read: what patch frames need. It may be used by several
// goroutines at once.
type Base struct {
	file   io.ReaderAt
	size   int64
	info   *Info
	root   []byte
	parts  []basePart // what it is made up of, in order
	under  *Base      // what it is the difference to, or nil
	pages  *pageIndex // nil unless it was learned
	digest []byte     // of the image; nil where that was not asked for
	// contents is what was read of the stream, where that is not all.
	contents *Contents
}

// basePart is where a part of the image is, and what the frame has to be still
// when it is read again.
type basePart struct {
	FrameInfo
	sum sum
}

// OpenBase reads the stream that lies in file, size bytes, checks all of it
// against its SHA-256 checksums, which it has to have, and keeps where its parts
// are. Where it is a difference itself, what it is the difference to has to be
// among bases. If learn is set, it decodes all of it too, and keeps some 16
// bytes about each page, which [Patch] finds it again by.
//
// The file stays the caller's, and must stay as it is.
func OpenBase(ctx context.Context, file io.ReaderAt, size int64, bases []*Base, learn bool) (*Base, error) {
	b := &Base{file: file, size: size}
	r := b.reader()
	info, err := r.Info()
	if err != nil {
		return nil, err
	}
	b.info = info
	if err := b.stack(ctx, bases); err != nil {
		return nil, err
	}
	if learn {
		b.pages, r.Digest = newPageIndex(), true
	}
	err = r.Each(ctx, b.learning(), func(f *Frame) error {
		if f.read.Type.holds() {
			b.parts = append(b.parts, basePart{f.read, f.digest})
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	b.root = r.Root()
	if learn {
		b.pages.build(b.parts)
		b.digest = ImageDigest(r.Statement())
	}
	return b, nil
}

// reader reads the stream once more.
func (b *Base) reader() *Reader {
	r := NewReader(io.NewSectionReader(b.file, 0, b.size))
	r.Device = true // what follows on a device does no harm, and in a file is no reason to refuse
	return r
}

// takeDigest takes the digest of the image, for which all of it is decoded.
func (b *Base) takeDigest(ctx context.Context) error {
	r := b.reader()
	r.Digest = true
	if err := r.Each(ctx, CheckWhole(b.under), nil); err != nil {
		return err
	}
	if string(r.Root()) != string(b.root) {
		return r.last.damage(errChanged)
	}
	b.digest = ImageDigest(r.Statement())
	return nil
}

var errChanged = fmt.Errorf("%w: it has changed since it was checked", ErrForeign)

// learning returns the work of decoding the base and learning its pages, if
// that is asked for.
func (b *Base) learning() func() Work {
	if b.pages == nil {
		return nil
	}
	return func() Work {
		decode := Whole(b.under)()
		return func(f *Frame) error {
			if err := decode(f); err != nil || f.Type != TypeData {
				return err
			}
			b.pages.learn(f.read.Number, f.Payload())
			return nil
		}
	}
}

// stack finds what b is the difference to.
func (b *Base) stack(ctx context.Context, bases []*Base) error {
	if !b.info.Summed {
		return ErrUnsummed
	}
	under, err := b.info.Among(ctx, bases)
	b.under = under
	return err
}

// Info is what the first frame of the base says.
func (b *Base) Info() *Info { return b.info }

// Ref names the base, for those that are the difference to it.
func (b *Base) Ref() BaseRef { return BaseRef{b.info.ID, string(b.root), string(b.digest)} }

// names reports whether ref is b: that very stream, or one of the same image.
func (ref BaseRef) names(b *Base) bool {
	return ref.ID == b.info.ID && (ref.Root == string(b.root) || ref.Digest != "" && ref.Digest == string(b.digest))
}

// Under is what the base itself is the difference to, or nil.
func (b *Base) Under() *Base { return b.under }

var errNoBase = fmt.Errorf("%w: a patch frame in a stream that names no base", ErrSequence)

// BaseError says that an image is the difference to another which is not there.
type BaseError struct{ Ref BaseRef }

func (e *BaseError) Error() string {
	return fmt.Sprintf("it is stored as the difference to image %v", e.Ref)
}

// view reads parts of a base for one goroutine. It keeps the frames that it has
// decoded last: there are two, since parts of two images that are alike may be
// shifted against each other.
type view struct {
	base  *Base
	dec   codec.Decoder
	under *patcher // nil where the base is no difference
	held  [2]struct {
		part  *basePart
		frame Frame
	}
	next int
	zero struct {
		part  *basePart // the last zero frame that was compared
		frame Frame
	}
}

func newView(b *Base) *view {
	v := &view{base: b}
	if b.under != nil {
		v.under = newPatcher(b.under)
	}
	return v
}

// readAt fills p with what the image has at off.
func (v *view) readAt(p []byte, off int64) error {
	for len(p) > 0 {
		at := v.base.at(off)
		if at == nil {
			return fmt.Errorf("%w: it refers to byte %d of a base of %d", ErrPatch, off, v.base.info.Size)
		}
		n := min(int64(len(p)), at.Offset+at.Length-off)
		if at.Type == TypeZero {
			if err := v.isZero(at); err != nil {
				return err
			}
			clear(p[:n])
		} else {
			raw, err := v.load(at)
			if err != nil {
				return err
			}
			copy(p[:n], raw[off-at.Offset:])
		}
		p, off = p[n:], off+n
	}
	return nil
}

// at finds the part of the image that off lies in, or nil.
func (b *Base) at(off int64) *basePart {
	i := sort.Search(len(b.parts), func(i int) bool { return b.parts[i].Offset+b.parts[i].Length > off })
	if i == len(b.parts) || off < 0 {
		return nil
	}
	return &b.parts[i]
}

// load returns the bytes of a part. They are valid until the next call but one.
func (v *view) load(p *basePart) ([]byte, error) {
	for i := range v.held {
		if v.held[i].part == p {
			return v.held[i].frame.Payload(), nil
		}
	}
	held := &v.held[v.next]
	held.part, v.next = nil, 1-v.next
	f := &held.frame
	if err := v.base.fetch(f, p); err != nil {
		return nil, err
	}
	if err := v.decode(f); err != nil {
		return nil, err
	}
	held.part = p
	return f.Payload(), nil
}

// isZero returns an error unless p, of which only an index may have said that it is
// zeros, has such a frame.
func (v *view) isZero(p *basePart) error {
	if v.base.contents == nil || v.zero.part == p {
		return nil
	}
	if err := v.base.fetch(&v.zero.frame, p); err != nil {
		return err
	}
	v.zero.part = p
	return nil
}

// fetch reads the frame of a part, which has to be what is known of it.
func (b *Base) fetch(f *Frame, p *basePart) error {
	f.at, f.seq = p.At, p.Number
	f.wire = grow(f.wire, HeaderSize+p.Payload)
	if _, err := b.file.ReadAt(f.wire, p.At); err != nil && err != io.EOF {
		return err
	}
	if _, err := f.parseHeader(); err != nil {
		return f.damage(err)
	}
	f.sum()
	switch {
	case b.contents != nil:
		return b.check(f, p)
	case f.digest != p.sum:
		return f.damage(errChanged)
	}
	return nil
}

func (v *view) decode(f *Frame) error {
	if f.Type == TypePatch {
		return v.under.apply(f)
	}
	return f.Decompress(&v.dec)
}

// Among returns which of bases i is the difference to, nil if it is stored as a
// whole, and a [*BaseError] if it is none of them. One that has been coded anew or
// signed since is decoded, to see that it is the same image still.
func (i *Info) Among(ctx context.Context, bases []*Base) (*Base, error) {
	ref, ok := i.Base()
	if !ok {
		return nil, nil
	}
	for _, base := range bases {
		if base != nil && ref.names(base) {
			return base, nil
		}
	}
	for _, base := range bases {
		if base == nil || base.digest != nil || base.info.ID != ref.ID || ref.Digest == "" {
			continue
		}
		if err := base.takeDigest(ctx); err != nil {
			return nil, err
		}
		if ref.names(base) {
			return base, nil
		}
	}
	return nil, &BaseError{ref}
}

// Whole returns an error unless base is what i is the difference to, or i is
// stored as a whole and base is nil.
func (i *Info) Whole(base *Base) error {
	ref, ok := i.Base()
	switch {
	case ok && (base == nil || !ref.names(base)):
		return &BaseError{ref}
	case !ok && base != nil:
		return errors.New("it is stored as a whole, and not as the difference to another image")
	}
	return nil
}
