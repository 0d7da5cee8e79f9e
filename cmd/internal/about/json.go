// The form for programs. What it says is part of the interface: fields may be
// added, and none is taken away.

package about

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"snappipe/format"
	"snappipe/kernel"
)

type document struct {
	Image  image   `json:"image"`
	Stream stream  `json:"stream"`
	Totals totals  `json:"totals"`
	Frames []frame `json:"frames"`

	Signatures []signature `json:"signatures"`
	Trusted    []string    `json:"trusted,omitempty"` // by whom it is signed, in words

	Would []string `json:"would,omitempty"` // what resuming would do, in words
	Plan  []action `json:"plan,omitempty"`  // what it does with this machine
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

// action is a kernel.Action. What is no UTF-8 is in Base64 instead.
type action struct {
	Does   string `json:"does"`
	What   string `json:"what"`
	Base64 []byte `json:"what_base64,omitempty"`
	How    string `json:"how,omitempty"`
	Of     string `json:"of,omitempty"`
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
	_, size := s.r.Progress()
	d := document{
		Image: image{
			Size: info.Size, ID: fmt.Sprintf("%016x", info.ID), Resumed: info.Resumed, Decoded: s.Whole,
			Facts: make(map[string]string, len(info.Facts)),
		},
		Stream: stream{Bytes: size},
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
	for _, a := range s.Plan {
		d.Plan = append(d.Plan, actionOf(a))
	}
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(d); err != nil {
		return err
	}
	_, err = io.WriteString(w, plain(b.String()))
	return err
}

// plain escapes what JSON leaves as it is, and could do something to a terminal: names
// in an image are whatever its maker wanted them to be.
func plain(document string) string {
	var b strings.Builder
	for _, r := range document {
		switch {
		case r < 0x7f:
			b.WriteRune(r)
		case r > 0xffff:
			high, low := utf16.EncodeRune(r)
			fmt.Fprintf(&b, `\u%04x\u%04x`, high, low)
		default:
			fmt.Fprintf(&b, `\u%04x`, r)
		}
	}
	return b.String()
}

func frameOf(f format.FrameInfo) frame {
	out := frame{Number: f.Number, At: f.At, Type: f.Type.String(), Offset: f.Offset, Length: f.Length, Payload: f.Payload}
	if codes(f.Type) {
		out.Codec = f.Codec.String()
	}
	return out
}

func actionOf(a kernel.Action) action {
	out := action{Does: a.Does, What: a.What, How: a.How, Of: a.Of}
	if !utf8.ValidString(a.What) {
		out.What, out.Base64 = "", []byte(a.What)
	}
	return out
}
