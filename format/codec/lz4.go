// The codec lz4.

package codec

import "github.com/pierrec/lz4/v4"

type lz4Encoder struct {
	compress func(src, dst []byte) (int, error)
}

func newLZ4Encoder(level int) (Encoder, error) {
	if level == 1 {
		return lz4Encoder{new(lz4.Compressor).CompressBlock}, nil
	}
	hc := lz4.CompressorHC{Level: lz4.Level1 << (level - 1)} // Level2 is twice Level1, and so on
	return lz4Encoder{hc.CompressBlock}, nil
}

func (lz4Encoder) ID() ID { return LZ4 }

func (e lz4Encoder) Encode(dst, raw []byte) ([]byte, error) {
	whole, part := extend(dst, lz4.CompressBlockBound(len(raw)))
	n, err := e.compress(raw, part)
	return whole[:len(dst)+n], err
}

type lz4Decoder struct{}

func newLZ4Decoder() (decoder, error) { return lz4Decoder{}, nil }

func (lz4Decoder) decode(dst, src []byte) error {
	n, err := lz4.UncompressBlock(src, dst)
	if err == nil && n != len(dst) {
		err = errLength
	}
	return err
}
