package codec

import (
	"bytes"

	"github.com/ulikunitz/xz/lzma"
)

// An .xz file is LZMA2 in a container with checksums and an index. Frames
// have those already, and the container would let hostile input choose the
// size of the dictionary: here that is the size of the part, which no match
// can reach beyond.

// There is one level. The package's other match finder, a binary tree, takes
// minutes for a megabyte of the repetitive memory that images are full of, and
// finds less.
type xzEncoder struct{}

func newXZEncoder(int) (Encoder, error) { return xzEncoder{}, nil }

func (xzEncoder) ID() ID { return XZ }

func (xzEncoder) Encode(dst, raw []byte) ([]byte, error) {
	out := bytes.NewBuffer(dst)
	w, err := lzma.Writer2Config{DictCap: dictionary(len(raw)), Matcher: lzma.HashTable4}.NewWriter2(out)
	if err != nil {
		return dst, err
	}
	if _, err := w.Write(raw); err != nil {
		return dst, err
	}
	err = w.Close()
	return out.Bytes(), err
}

func dictionary(n int) int { return max(n, lzma.MinDictCap) }

type xzDecoder struct{}

func newXZDecoder() (decoder, error) { return xzDecoder{}, nil }

func (xzDecoder) decode(dst, src []byte) error {
	in := bytes.NewReader(src)
	r, err := lzma.Reader2Config{DictCap: dictionary(len(dst))}.NewReader2(in)
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
