// The form for programs. What it says is part of the interface: fields may be
// added, and none is taken away.

package about

import (
	"encoding/json"
	"fmt"
	"io"

	"snappipe/format"
)

type document struct {
	Image  image   `json:"image"`
	Stream stream  `json:"stream"`
	Totals totals  `json:"totals"`
	Frames []frame `json:"frames"`

	Signatures []signature `json:"signatures"`
	Trusted    []string    `json:"trusted,omitempty"` // by whom it is signed, in words

	Would []string `json:"would,omitempty"` // what resuming would do, in words
}

type image struct {
	Size    int64             `json:"size"`
	ID      string            `json:"identity"`  // 16 hexadecimal digits
	Resumed bool              `json:"resumed"`   // there is none
	Decoded bool              `json:"decoded"`   // all of it was, and is all right
	Digest  *string           `json:"digest"`    // null where it was not taken
	Stated  *string           `json:"statement"` // what signatures are of
	Facts   map[string]string `json:"facts"`
}

type stream struct {
	Bytes int64   `json:"bytes"`
	Root  *string `json:"root"` // null where there are no SHA-256 checksums
}

type signature struct {
	Key     string `json:"key"`
	Good    bool   `json:"good"` // it is of this image
	Armored string `json:"armored"`
}

type totals struct {
	DataFrames  int64 `json:"data_frames"`
	DataBytes   int64 `json:"data_bytes"`
	StoredBytes int64 `json:"stored_bytes"`
	ZeroFrames  int64 `json:"zero_frames"`
	ZeroBytes   int64 `json:"zero_bytes"`
}

type frame struct {
	Number  uint64 `json:"number"`
	At      int64  `json:"at"`
	Type    string `json:"type"`
	Codec   string `json:"codec,omitempty"`
	Offset  int64  `json:"offset"`
	Length  int64  `json:"length"`
	Payload int    `json:"payload"`
}

// JSON says the same to programs, and what resuming it would do, if that was
// tried.
func (s *Stream) JSON(w io.Writer, would []string) error {
	info, err := s.r.Info()
	if err != nil {
		return err
	}
	_, bytes := s.r.Progress()
	d := document{
		Image: image{
			Size: info.Size, ID: fmt.Sprintf("%016x", info.ID), Resumed: info.Resumed, Decoded: s.Whole,
			Facts: make(map[string]string, len(info.Facts)),
		},
		Stream: stream{Bytes: bytes},
		Totals: totals(s.r.Totals()),
		Frames: make([]frame, 0, len(s.frames)),
		Would:  would,

		Signatures: []signature{},
		Trusted:    s.By,
	}
	if digest := s.Digest(); digest != "" {
		statement := string(s.r.Statement())
		d.Image.Stated, d.Image.Digest = &statement, &digest
	}
	for _, one := range s.Signatures() {
		d.Signatures = append(d.Signatures, signature{one.Key(), one.Good, one.Armored()})
	}
	for _, f := range info.Facts {
		d.Image.Facts[f.Name] = f.Value
	}
	if root := s.r.Root(); root != nil {
		text := fmt.Sprintf("%x", root)
		d.Stream.Root = &text
	}
	for _, f := range s.frames {
		d.Frames = append(d.Frames, frameOf(f))
	}
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	return encoder.Encode(d)
}

func frameOf(f format.FrameInfo) frame {
	out := frame{Number: f.Number, At: f.At, Type: f.Type.String(), Offset: f.Offset, Length: f.Length, Payload: f.Payload}
	if codes(f.Type) {
		out.Codec = f.Codec.String()
	}
	return out
}
