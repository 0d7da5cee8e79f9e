// Package codec compresses and decompresses the parts of an image.
//
// Every part stands alone: it is coded without knowledge of any other, so
// that all cores can work at once and damage stays where it is. Each codec is
// a file of this package and a line in its table; what its bytes are, to the
// last detail, is in format/SPEC.md.
package codec

import (
	"errors"
	"fmt"
)

// ID is the number of a codec in a frame header.
type ID uint8

// The codecs of version 1 of the format.
const (
	None ID = 0 // stored
	Zstd ID = 1 // Zstandard, RFC 8878
	S2   ID = 2 // S2 block, an extension of Snappy
	LZ4  ID = 3 // LZ4 block
	XZ   ID = 4 // LZMA2, as in an .xz file
	Gzip ID = 5 // gzip member, RFC 1952
)

func (id ID) String() string {
	if c := byID(id); c != nil {
		return c.Name
	}
	return fmt.Sprintf("codec %d", uint8(id))
}

// Encoder codes one part after another. It is for one goroutine.
type Encoder interface {
	// ID is the codec that a decoder has to use.
	ID() ID
	// Encode appends raw, coded, to dst, and returns the result. What it
	// makes of raw may be longer than raw.
	Encode(dst, raw []byte) ([]byte, error)
}

// decoder decodes one part after another, for one goroutine.
type decoder interface {
	// decode fills dst from src, using all of src and no more memory than
	// some multiple of len(dst), whatever src says. It returns errLength if
	// src has fewer or more bytes than dst has room for.
	decode(dst, src []byte) error
}

var errLength = errors.New("wrong length")

// Codec is what the table knows of a codec.
type Codec struct {
	ID   ID
	Name string
	// Summary says in a few words what it is good for.
	Summary string
	// Levels of compression; all zero where there is nothing to choose.
	MinLevel, MaxLevel, DefaultLevel int

	newEncoder func(level int) (Encoder, error)
	newDecoder func() (decoder, error)
}

// All lists the codecs that compress, the default one first.
func All() []Codec { return table[1:] }

var table = []Codec{
	{ID: None, Name: "none"},
	{Zstd, "zstd", "small and fast", 1, 22, 1, newZstdEncoder, newZstdDecoder},
	{S2, "s2", "the fastest", 1, 3, 1, newS2Encoder, newS2Decoder},
	{LZ4, "lz4", "fast, and known everywhere", 1, 9, 1, newLZ4Encoder, newLZ4Decoder},
	{XZ, "xz", "the smallest, for keeping; slow", 0, 0, 0, newXZEncoder, newXZDecoder},
	{Gzip, "gzip", "for old readers", 1, 9, 6, newGzipEncoder, newGzipDecoder},
}

func byID(id ID) *Codec {
	for i := range table {
		if table[i].ID == id {
			return &table[i]
		}
	}
	return nil
}

// Known reports whether id can be decoded.
func Known(id ID) bool { return byID(id) != nil }

// ByName returns the codec of that name.
func ByName(name string) (Codec, bool) {
	for _, c := range table {
		if c.Name == name {
			return c, true
		}
	}
	return Codec{}, false
}

// NewEncoder returns an Encoder of a level from MinLevel to MaxLevel. That of
// None is nil: what is not to be coded needs no encoder.
func (c Codec) NewEncoder(level int) (Encoder, error) {
	if c.ID == None {
		return nil, nil
	}
	if c.MaxLevel == 0 && level != 0 {
		return nil, fmt.Errorf("%s has no levels", c.Name)
	}
	if level < c.MinLevel || level > c.MaxLevel {
		return nil, fmt.Errorf("%s has levels %d to %d, not %d", c.Name, c.MinLevel, c.MaxLevel, level)
	}
	return c.newEncoder(level)
}

// Decoder decodes parts of any codec. The zero value is ready; it is for one
// goroutine, and keeps what each codec needs from one part to the next.
type Decoder struct {
	made [256]decoder
}

// Decode appends the n bytes that src decodes to, to dst, and returns the
// result. It is an error if src decodes to fewer or to more, or if n is 0: no
// part is empty, and not every codec can decode to nothing. The caller has
// bounded n.
func (d *Decoder) Decode(id ID, dst, src []byte, n int) ([]byte, error) {
	c := byID(id)
	if c == nil || id == None {
		return nil, fmt.Errorf("%v cannot be decoded", id)
	}
	if n < 1 {
		return nil, fmt.Errorf("%s: decode to %d bytes: %w", c.Name, n, errLength)
	}
	if d.made[id] == nil {
		dec, err := c.newDecoder()
		if err != nil {
			return nil, fmt.Errorf("%s: %w", c.Name, err)
		}
		d.made[id] = dec
	}
	dst, part := extend(dst, n)
	if err := d.made[id].decode(part, src); err != nil {
		return nil, fmt.Errorf("%s: %w", c.Name, err)
	}
	return dst, nil
}

// extend returns b with n more bytes, and those bytes.
func extend(b []byte, n int) (whole, part []byte) {
	if cap(b)-len(b) < n {
		b = append(make([]byte, 0, len(b)+n), b...)
	}
	whole = b[:len(b)+n]
	return whole, whole[len(b) : len(b)+n : len(b)+n]
}
