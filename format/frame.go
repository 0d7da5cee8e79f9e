// The frame: its header, its sizes, and what is right within one.

package format

import (
	"fmt"
	"hash/crc32"

	"github.com/minio/sha256-simd"

	"snappipe/format/codec"
)

// Sizes and limits of the format, in bytes.
const (
	// HeaderSize is the length of every frame header.
	HeaderSize = 64
	// FrameSize is how much of an image this package's writers put into one
	// frame. SPEC.md has the measurements behind it.
	FrameSize = 1 << 20
	// MaxPayload is the longest payload of any frame, and the largest part
	// of an image that one data frame may stand for. No reader has to
	// allocate more than this for a frame, whatever its header says.
	MaxPayload = 4 << 20
	// PageSize is the unit in which writers look for zeros.
	PageSize = 4096
)

// Type says what a frame is.
type Type uint16

// The frame types of version 1.
const (
	TypeImage   Type = 1 // first frame: what the image is
	TypeData    Type = 2 // a part of the image
	TypeZero    Type = 3 // a part of the image that is all zeros
	TypeSums    Type = 4 // SHA-256 digests of the frames before it
	TypeEnd     Type = 5 // last frame: totals
	TypeResumed Type = 6 // first frame of a stream that has no image
	TypeFailure Type = 7 // last frame of a stream that has no end: why
	TypePatch   Type = 8 // a part of the image, by what is different from another image

	TypeSignature Type = 0x8001 // a signature of the image's statement
	TypeIndex     Type = 0x8002 // where the frames before it are
)

var typeNames = map[Type]string{
	TypeImage: "image", TypeData: "data", TypeZero: "zero", TypeSums: "checksum", TypeEnd: "end",
	TypeResumed: "resumed", TypeFailure: "failure", TypePatch: "patch", TypeSignature: "signature", TypeIndex: "index",
}

// ancillary is the bit of those types that a reader may pass over.
const ancillary Type = 0x8000

// Ancillary reports whether a reader that does not know t may pass over it.
func (t Type) Ancillary() bool { return t&ancillary != 0 }

func (t Type) known() bool { return typeNames[t] != "" }

// holds reports whether frames of t stand for a part of the image.
func (t Type) holds() bool { return t == TypeData || t == TypeZero || t == TypePatch }

// forWork reports whether frames of t are for others than this package: not those
// that are about the stream as it is, and have to be made anew for another.
func (t Type) forWork() bool { return t != TypeSums && t != TypeIndex }

func (t Type) String() string {
	if t.known() {
		return typeNames[t]
	}
	return fmt.Sprintf("type %#04x", uint16(t))
}

// Frame is one frame of a stream.
//
// A Frame owns its payload, which lies behind its header in one buffer that
// grows as needed, is never longer than HeaderSize+MaxPayload, and is used
// again for the next frame that is read into the same Frame. The zero value has
// none yet. A Frame is for one goroutine at a time.
type Frame struct {
	Type   Type
	Codec  codec.ID // of a data or patch frame
	Offset int64    // where in the image it belongs, in bytes
	Length int64    // how many bytes of the image it stands for

	flags  byte
	seq    uint64
	id     uint64
	rawCRC uint32 // of the bytes of the image, whatever the codec
	crc    uint32 // of the payload

	form    form      // as it was made or read
	read    FrameInfo // as it was read
	at      int64     // where in the stream that was
	wire    []byte    // header and payload
	spare   []byte    // the payload's next version is made here
	digest  [sha256.Size]byte
	summed  bool   // digest is that of wire
	decoded []byte // the bytes of the image, where they have just been decoded
	pages   pageSums
	carried int  // payload length, where the payload is not in wire
	written bool // to where its part of the image goes: see WriteRaw
}

// form is what of a frame only those methods may change that make it what it
// is.
type form struct {
	typ    Type
	codec  codec.ID
	length int64
}

// formed says that f is what its fields say.
func (f *Frame) formed() { f.form, f.decoded = form{f.Type, f.Codec, f.Length}, nil }

// FrameInfo is what stood in a frame's header when it was read, for lists of
// what a stream is made of.
type FrameInfo struct {
	Number  uint64   // of the frame in the stream, from 0
	At      int64    // byte of the stream at which it begins
	Type    Type     //
	Codec   codec.ID // of a data frame
	Offset  int64    // where in the image it belongs
	Length  int64    // how many bytes of the image it stands for
	Payload int      // how many bytes follow the header
}

// Read returns what f was when it was read, whatever has become of it.
func (f *Frame) Read() FrameInfo { return f.read }

// Payload is what follows the header in the stream. It is valid until the
// frame is changed or read into again, and must not be written to.
func (f *Frame) Payload() []byte {
	if len(f.wire) <= HeaderSize {
		return nil
	}
	return f.wire[HeaderSize:]
}

// Check compares the payload with its checksum. Where that is another, it returns
// a [*DamageError].
func (f *Frame) Check() error {
	if crc32.Checksum(f.Payload(), castagnoli) != f.crc {
		return f.damage(ErrPayload)
	}
	return nil
}

// SetRaw makes f a data frame that stands for raw, uncompressed, at its
// Offset: 1 to [MaxPayload] bytes. It copies raw.
func (f *Frame) SetRaw(raw []byte) error {
	if len(raw) == 0 || len(raw) > MaxPayload {
		return fmt.Errorf("data frame of %d bytes: it has to have 1 to %d", len(raw), MaxPayload)
	}
	f.spare = append(room(f.spare), raw...)
	f.Type, f.Length, f.flags = TypeData, int64(len(raw)), 0
	f.rawCRC = crc32.Checksum(raw, castagnoli)
	f.swap(codec.None, f.rawCRC)
	return nil
}

// SetZero makes f a frame that stands for n zeros at its Offset: at least one.
func (f *Frame) SetZero(n int64) error {
	if n < 1 {
		return fmt.Errorf("zero frame of %d bytes: it has to have at least 1", n)
	}
	f.Type, f.Length, f.flags, f.rawCRC = TypeZero, n, 0, 0
	f.spare = room(f.spare)
	f.swap(codec.None, 0)
	return nil
}

// SetAncillary makes f an ancillary frame of type t, 0x8000 or higher, which
// readers that do not know it pass over. It copies payload, at most [MaxPayload]
// bytes. Offset and Length are for whoever knows the type.
func (f *Frame) SetAncillary(t Type, payload []byte) error {
	if !t.Ancillary() {
		return fmt.Errorf("%v is no ancillary type: those are %#04x to 0xffff", t, uint16(ancillary))
	}
	f.Type, f.flags, f.rawCRC = t, 0, 0
	return f.setPayload(payload)
}

// setPayload gives a frame that is not a data frame its payload.
func (f *Frame) setPayload(p []byte) error {
	if len(p) > MaxPayload {
		return fmt.Errorf("%v frame of %d bytes: the limit is %d", f.Type, len(p), MaxPayload)
	}
	f.spare = append(room(f.spare), p...)
	f.swap(codec.None, crc32.Checksum(p, castagnoli))
	return nil
}

// Decompress makes the payload of a data frame the very bytes of the image
// that the frame stands for. They have been compared with their checksum,
// which goes with them from where the snapshot was made; where they do not match
// it, or nothing can be decoded, it returns a [*DamageError]. No two goroutines
// may use dec at once.
func (f *Frame) Decompress(dec *codec.Decoder) error {
	if err := f.CheckRaw(dec); err != nil || f.Codec == codec.None {
		return err
	}
	f.swap(codec.None, f.rawCRC)
	f.decoded = f.Payload()
	return nil
}

// CheckRaw decodes a data frame, compares the bytes of the image with their
// checksum, and leaves the frame as it is. What it returns is what
// [Frame.Decompress] would.
func (f *Frame) CheckRaw(dec *codec.Decoder) error {
	if f.Codec == codec.None {
		f.decoded = f.Payload()
		return nil // the two checksums are one: parseHeader has seen to that
	}
	raw, err := dec.Decode(f.Codec, room(f.spare), f.Payload(), int(f.Length))
	if err != nil {
		return f.damage(fmt.Errorf("%w: %w", ErrCodec, err))
	}
	f.spare = raw
	if crc32.Checksum(raw[HeaderSize:], castagnoli) != f.rawCRC {
		return f.damage(ErrRaw)
	}
	f.decoded = raw[HeaderSize:]
	return nil
}

// Compress codes the payload of a data frame that has been decompressed, with
// enc. A payload that does not get shorter stays as it is.
func (f *Frame) Compress(enc codec.Encoder) error {
	raw := f.Payload()
	coded, err := enc.Encode(room(f.spare), raw)
	if err != nil {
		return fmt.Errorf("compress the image at %d with %v: %w", f.Offset, enc.ID(), err)
	}
	if f.spare = coded; len(coded)-HeaderSize < len(raw) {
		f.swap(enc.ID(), crc32.Checksum(coded[HeaderSize:], castagnoli))
	}
	return nil
}

// swap makes what was put together in spare the frame.
func (f *Frame) swap(id codec.ID, crc uint32) {
	f.wire, f.spare = f.spare, f.wire
	f.Codec, f.crc, f.summed, f.carried = id, crc, false, 0
	f.formed()
}

// room returns b, emptied but for the space of a header.
func room(b []byte) []byte { return grow(b[:0], HeaderSize) }

// grow returns b with room for n bytes, all of which may be rubbish but for
// those that b had. It makes more room than it needs to, so that a Frame that
// is used again and again soon has enough.
func grow(b []byte, n int) []byte {
	if cap(b) < n {
		b = append(make([]byte, 0, max(n, min(2*cap(b), HeaderSize+MaxPayload))), b...)
	}
	return b[:n]
}

// sum takes the digest of the frame as it stands in the stream.
func (f *Frame) sum() {
	f.digest = sha256.Sum256(f.wire)
	f.summed = true
}

// seal completes the header and takes the digest of the frame as it will
// stand in the stream.
func (f *Frame) seal() {
	f.putHeader()
	f.sum()
}
