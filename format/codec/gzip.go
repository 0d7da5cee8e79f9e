// The codec gzip.

package codec

import (
	"bytes"
	"io"

	"github.com/klauspost/compress/gzip"
)

type gzipEncoder struct {
	enc *gzip.Writer
}

func newGzipEncoder(level int) (Encoder, error) {
	enc, err := gzip.NewWriterLevel(nil, level)
	return &gzipEncoder{enc: enc}, err
}

func (e *gzipEncoder) ID() ID { return Gzip }

func (e *gzipEncoder) Encode(dst, raw []byte) ([]byte, error) {
	out := bytes.NewBuffer(dst)
	e.enc.Reset(out)
	if _, err := e.enc.Write(raw); err != nil {
		return dst, err
	}
	err := e.enc.Close()
	return out.Bytes(), err
}

type gzipDecoder struct{ dec gzip.Reader }

func newGzipDecoder() (decoder, error) { return &gzipDecoder{}, nil }

func (d *gzipDecoder) decode(dst, src []byte) error {
	in := bytes.NewReader(src)
	if err := d.dec.Reset(in); err != nil {
		return err
	}
	d.dec.Multistream(false)
	if err := fill(dst, &d.dec); err != nil {
		return err
	}
	if in.Len() > 0 {
		return errLength
	}
	return nil
}

// fill reads exactly dst from r, and the end of r behind it.
func fill(dst []byte, r io.Reader) error {
	if _, err := io.ReadFull(r, dst); err != nil {
		if err == io.EOF || err == io.ErrUnexpectedEOF {
			err = errLength
		}
		return err
	}
	var more [1]byte
	switch n, err := io.ReadFull(r, more[:]); {
	case n > 0:
		return errLength
	case err != io.EOF:
		return err
	}
	return nil
}
