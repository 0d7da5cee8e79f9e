// The codec zstd.

package codec

import (
	"errors"
	"io"

	"github.com/klauspost/compress/zstd"
)

type zstdEncoder struct{ enc *zstd.Encoder }

func newZstdEncoder(level int) (Encoder, error) {
	enc, err := zstd.NewWriter(nil,
		zstd.WithEncoderLevel(zstd.EncoderLevelFromZstd(level)),
		zstd.WithEncoderConcurrency(1),
		zstd.WithEncoderCRC(false), // the frame has better ones
		// Blocks without matches are coded all the same: that costs nothing
		// that can be measured, and saves half a percent of a heap full of
		// numbers.
		zstd.WithAllLitEntropyCompression(true))
	return &zstdEncoder{enc}, err
}

func (e *zstdEncoder) ID() ID { return Zstd }

func (e *zstdEncoder) Encode(dst, raw []byte) ([]byte, error) {
	return e.enc.EncodeAll(raw, dst), nil
}

type zstdDecoder struct{ dec *zstd.Decoder }

func newZstdDecoder() (decoder, error) {
	dec, err := zstd.NewReader(nil,
		zstd.WithDecoderConcurrency(1),
		zstd.WithDecodeAllCapLimit(true),
		zstd.WithDecoderMaxWindow(8<<20))
	return &zstdDecoder{dec}, err
}

func (d *zstdDecoder) decode(dst, src []byte) error {
	if err := oneZstdFrame(src); err != nil {
		return err
	}
	out, err := d.dec.DecodeAll(src, dst[:0])
	if err == nil && len(out) != len(dst) {
		err = errLength
	}
	return err
}

var errSkippable = errors.New("a skippable frame")

// oneZstdFrame reports whether src is one frame and nothing else, by the sizes
// of its blocks (RFC 8878, 3.1.1). DecodeAll takes any number of frames, and
// skippable ones between them.
func oneZstdFrame(src []byte) error {
	var h zstd.Header
	if err := h.Decode(src); err != nil {
		return err
	}
	if h.Skippable {
		return errSkippable
	}
	at, last := h.HeaderSize, false
	for !last {
		if len(src)-at < 3 {
			return io.ErrUnexpectedEOF
		}
		block := int(src[at]) | int(src[at+1])<<8 | int(src[at+2])<<16
		size := block >> 3
		if block>>1&3 == 1 { // one byte, repeated
			size = 1
		}
		last = block&1 != 0
		at += 3 + size
	}
	if h.HasCheckSum {
		at += 4
	}
	if at != len(src) {
		return errLength
	}
	return nil
}
