// Package about tells what a stream is: in words for people, in JSON for
// programs, and frame by frame.
package about

import (
	"fmt"
	"io"
	"strings"

	"github.com/urfave/cli/v2"

	"snappipe/cmd/internal/human"
	"snappipe/cmd/internal/trust"
	"snappipe/format"
	"snappipe/format/codec"
	"snappipe/kernel"
)

// JSONFlag asks for what programs read, in the place of words.
var JSONFlag = &cli.BoolFlag{Name: "json", Usage: "with --check: say all that, and each frame, as JSON, which snappipe(7) describes"}

// Stream gathers what there is to say of a stream while that is read.
type Stream struct {
	r       read
	listed  bool // of its frames only the list was read
	frames  []format.FrameInfo
	codecs  map[codec.ID]int64 // how many frames each of them has coded
	Decoded string             // what came of decoding, in words
	Whole   bool               // all of the image was decoded
	By      []string           // who has signed the image, where that was asked
	Plan    []kernel.Action    // what resuming it would do, where that is known
}

// read is a stream that was read.
type read interface {
	Info() (*format.Info, error)
	Progress() (image, stream int64)
	Totals() format.Totals
	Root() []byte
	Statement() []byte
	Signatures() [][]byte
}

// contents is a stream of which only that was read.
type contents struct{ *format.Contents }

func (c contents) Info() (*format.Info, error)     { return c.Contents.Info(), nil }
func (c contents) Progress() (image, stream int64) { return c.Contents.Info().Size, c.Size() }
func (c contents) Statement() []byte               { return nil } // that is of the image

// Listed is the Stream of which c is known, and of the image nothing.
func Listed(c *format.Contents) *Stream {
	s := &Stream{r: contents{c}, listed: true, codecs: map[codec.ID]int64{}, Decoded: "not tried: --check does"}
	for _, f := range c.Frames {
		if codes(f.Type) {
			s.codecs[f.Codec]++
		}
	}
	return s
}

// Of makes r tell the Stream of its frames. Those are kept only if keep is
// set: there may be millions.
func Of(r *format.Reader, keep bool) *Stream {
	s := &Stream{r: r, codecs: map[codec.ID]int64{}, frames: []format.FrameInfo{}}
	r.Trace = func(f format.FrameInfo) {
		if codes(f.Type) {
			s.codecs[f.Codec]++
		}
		if keep {
			s.frames = append(s.frames, f)
		}
	}
	return s
}

func codes(t format.Type) bool { return t == format.TypeData || t == format.TypePatch }

// Digest is the digest of the image, once that has been read; "" where it was not
// asked for, or not all of the image was decoded.
func (s *Stream) Digest() string {
	statement := s.r.Statement()
	if statement == nil {
		return ""
	}
	return fmt.Sprintf("%x", format.ImageDigest(statement))
}

// Signatures are those that the stream has.
func (s *Stream) Signatures() []trust.Signature {
	return trust.Read(s.r.Statement(), s.r.Signatures())
}

// Words says what the stream is that has been read to its end.
func (s *Stream) Words(w io.Writer) error {
	info, err := s.r.Info()
	if err != nil {
		return err
	}
	var b strings.Builder
	line := func(name, format string, a ...any) {
		fmt.Fprintf(&b, "%-12s %s\n", name+":", human.Printable(fmt.Sprintf(format, a...)))
	}
	_, stream := s.r.Progress()
	if info.Resumed {
		line("image", "none: the stream comes from a resumed system")
	} else {
		line("image", "%s", human.Exactly(info.Size))
	}
	line("stream", "%s, ratio %s", human.Exactly(stream), human.Ratio(info.Size, stream))
	t := s.r.Totals()
	line("data", "%s in %s%s, stored as %s", human.Bytes(t.DataBytes), human.Count(t.DataFrames, "frame"), s.coded(), human.Bytes(t.StoredBytes))
	line("zeros", "%s in %s", human.Bytes(t.ZeroBytes), human.Count(t.ZeroFrames, "frame"))
	root := s.r.Root()
	switch {
	case s.listed && root != nil:
		line("checksums", "SHA-256, of the list of frames: what is in them was not read, as it is with --check")
	case s.listed:
		line("checksums", "CRC-32C, of the headers: what is in the frames was not read; there is no SHA-256")
	case root != nil:
		line("checksums", "SHA-256, all right")
	default:
		line("checksums", "CRC-32C, all right; there is no SHA-256")
	}
	if root != nil {
		line("root", "%x", root)
	}
	line("decoding", "%s", s.Decoded)
	digest := s.Digest()
	if digest != "" {
		line("digest", "%s", digest)
	}
	for _, signature := range s.Signatures() {
		line("signature", "%v, %s", signature, signature.Worth(digest != ""))
	}
	for _, by := range s.By {
		line("trusted", "%s", by)
	}
	line("identity", "%016x", info.ID)
	for _, f := range info.Facts {
		line(f.Name, "%s", f.Value)
	}
	_, err = io.WriteString(w, b.String())
	return err
}

// coded says how many frames each codec has: " (zstd 12, none 1)".
func (s *Stream) coded() string {
	var each []string
	for id := range 256 {
		if n := s.codecs[codec.ID(id)]; n > 0 {
			each = append(each, fmt.Sprintf("%v %d", codec.ID(id), n))
		}
	}
	if each == nil {
		return ""
	}
	return " (" + strings.Join(each, ", ") + ")"
}

// Heading is the first line of a list of frames.
const Heading = "frame        at byte  type      codec   image offset        length       payload\n"

// Line is that of one frame in the list.
func Line(f format.FrameInfo) string {
	name := "-"
	if codes(f.Type) {
		name = f.Codec.String()
	}
	return fmt.Sprintf("%-7d %12d  %-9v %-6s %13d %13d %13d\n", f.Number, f.At, f.Type, name, f.Offset, f.Length, f.Payload)
}
