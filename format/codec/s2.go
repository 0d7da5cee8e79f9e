// The codec s2.

package codec

import "github.com/klauspost/compress/s2"

type s2Encoder struct {
	encode func(dst, src []byte) []byte
}

func newS2Encoder(level int) (Encoder, error) {
	by := [...]func(dst, src []byte) []byte{s2.Encode, s2.EncodeBetter, s2.EncodeBest}
	return s2Encoder{by[level-1]}, nil
}

func (s2Encoder) ID() ID { return S2 }

func (e s2Encoder) Encode(dst, raw []byte) ([]byte, error) {
	whole, part := extend(dst, s2.MaxEncodedLen(len(raw)))
	coded := e.encode(part, raw) // in place, since part is long enough
	return whole[:len(dst)+len(coded)], nil
}

type s2Decoder struct{}

func newS2Decoder() (decoder, error) { return s2Decoder{}, nil }

func (s2Decoder) decode(dst, src []byte) error {
	// Decode would allocate what src asks for.
	if n, err := s2.DecodedLen(src); err != nil {
		return err
	} else if n != len(dst) {
		return errLength
	}
	_, err := s2.Decode(dst, src)
	return err
}
