package codec

import (
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
	out, err := d.dec.DecodeAll(src, dst[:0])
	if err == nil && len(out) != len(dst) {
		err = errLength
	}
	return err
}
