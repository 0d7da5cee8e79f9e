// How values are written in JSON so that they can be checked by hand and lose
// nothing.

package world

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Hex is an address or a bit mask, written as "0x7ffe0000": JSON numbers are
// doubles to many readers, and lose bits above 2^53.
type Hex uint64

// MarshalText implements [encoding.TextMarshaler].
func (h Hex) MarshalText() ([]byte, error) {
	return strconv.AppendUint([]byte("0x"), uint64(h), 16), nil
}

// UnmarshalText implements [encoding.TextUnmarshaler].
func (h *Hex) UnmarshalText(b []byte) error {
	digits, ok := strings.CutPrefix(string(b), "0x")
	if !ok {
		return fmt.Errorf("%q is not a hexadecimal number", b)
	}
	n, err := strconv.ParseUint(digits, 16, 64)
	*h = Hex(n)
	return err
}

// Text is a name that the kernel keeps as bytes: a path, a comm. It is a JSON
// string, or, where it isn't UTF-8, {"base64": "..."}.
type Text string

type base64Text struct {
	Base64 []byte `json:"base64"`
}

// MarshalJSON implements [json.Marshaler].
func (t Text) MarshalJSON() ([]byte, error) {
	if utf8.ValidString(string(t)) {
		return json.Marshal(string(t))
	}
	return json.Marshal(base64Text{[]byte(t)})
}

// UnmarshalJSON implements [json.Unmarshaler].
func (t *Text) UnmarshalJSON(b []byte) error {
	if len(b) > 0 && b[0] == '{' {
		var x base64Text
		err := json.Unmarshal(b, &x)
		*t = Text(x.Base64)
		return err
	}
	return json.Unmarshal(b, (*string)(t))
}

// Bytes is a C structure as the kernel lays it out, in base64.
type Bytes []byte

// MarshalText implements [encoding.TextMarshaler].
func (b Bytes) MarshalText() ([]byte, error) {
	return base64.StdEncoding.AppendEncode(nil, b), nil
}

// UnmarshalText implements [encoding.TextUnmarshaler].
func (b *Bytes) UnmarshalText(text []byte) (err error) {
	*b, err = base64.StdEncoding.AppendDecode(nil, text)
	return err
}

// Siginfo is a siginfo_t, in hex.
type Siginfo [128]byte

// MarshalText implements [encoding.TextMarshaler].
func (s Siginfo) MarshalText() ([]byte, error) {
	return hex.AppendEncode(nil, s[:]), nil
}

// UnmarshalText implements [encoding.TextUnmarshaler].
func (s *Siginfo) UnmarshalText(b []byte) error {
	if len(b) != hex.EncodedLen(len(s)) {
		return fmt.Errorf("a siginfo_t of %d digits", len(b))
	}
	_, err := hex.Decode(s[:], b)
	return err
}
