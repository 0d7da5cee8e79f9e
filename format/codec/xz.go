// An .xz file is LZMA2 in a container with checksums and an index. Frames
// have those already, and the container would let hostile input choose the
// size of the dictionary: here that is the size of the part, which no match
// can reach beyond.

package codec

import (
	"bytes"
	"encoding/binary"
	"io"

	"github.com/ulikunitz/xz/lzma"
)

// encoderDictionary is how far back the encoder looks for matches. In memory
// they are near: of a heap nothing gets larger by it than with the whole part
// of 1 MiB, of programs 0.2 percent, and the tables, which are made anew for
// each part, stay in a core's cache: it takes half the time. It must not be
// less than the 64 KiB of a chunk that is stored, which the package takes out
// of the dictionary when it has found that coding makes it no shorter.
const encoderDictionary = 128 << 10

// There is one level. The package's other match finder, a binary tree, takes
// minutes for a megabyte of the repetitive memory that images are full of, and
// finds less.
type xzEncoder struct{}

func newXZEncoder(int) (Encoder, error) { return xzEncoder{}, nil }

func (xzEncoder) ID() ID { return XZ }

func (xzEncoder) Encode(dst, raw []byte) ([]byte, error) {
	out := bytes.NewBuffer(dst)
	w, err := lzma.Writer2Config{DictCap: encoderDictionary, Matcher: lzma.HashTable4}.NewWriter2(out)
	if err != nil {
		return dst, err
	}
	if _, err := w.Write(raw); err != nil {
		return dst, err
	}
	err = w.Close()
	return out.Bytes(), err
}

type xzDecoder struct{}

func newXZDecoder() (decoder, error) { return xzDecoder{}, nil }

func (xzDecoder) decode(dst, src []byte) error {
	if err := wholeChunks(src, len(dst)); err != nil {
		return err
	}
	in := bytes.NewReader(src)
	r, err := lzma.Reader2Config{DictCap: max(len(dst), lzma.MinDictCap)}.NewReader2(in)
	if err != nil {
		return err
	}
	if err := fill(dst, r); err != nil {
		return err
	}
	if in.Len() > 0 {
		return errLength
	}
	return nil
}

// wholeChunks reports whether src is LZMA2 chunks of n bytes in all, an end
// marker and nothing else, by what the chunks' headers say. The decoder does
// not see a chunk that says it is longer than it is.
func wholeChunks(src []byte, n int) error {
	be := binary.BigEndian
	for len(src) > 0 {
		var chunk, raw int // bytes of the chunk, and what they stand for
		switch control := src[0]; {
		case control == 0:
			if len(src) > 1 || n != 0 {
				return errLength
			}
			return nil
		case control < 0x80 && len(src) >= 3: // stored
			raw = int(be.Uint16(src[1:])) + 1
			chunk = 3 + raw
		case control >= 0x80 && len(src) >= 5:
			raw = int(control&0x1f)<<16 + int(be.Uint16(src[1:])) + 1
			chunk = 5 + int(be.Uint16(src[3:])) + 1
			if control >= 0xc0 { // with new properties
				chunk++
			}
		}
		if chunk == 0 || chunk > len(src) {
			return io.ErrUnexpectedEOF
		}
		src, n = src[chunk:], n-raw
	}
	return io.ErrUnexpectedEOF
}
