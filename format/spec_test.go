// What SPEC.md says by way of example.

package format_test

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"os"
	"strings"
	"testing"

	"snappipe/format"
)

// The example in SPEC.md is a stream that this package writes.
func TestSpecExample(t *testing.T) {
	b := make([]byte, 8200)
	copy(b, strings.Repeat("A", 4096))
	copy(b[8192:], "snappipe")
	want := summed(t, compressed(t, streamOf(t, newMemory(b)), "lz4"))

	doc, err := os.ReadFile("SPEC.md")
	check(t, err)
	_, section, _ := strings.Cut(string(doc), "## 10. An example")
	var got []byte
	for _, line := range strings.Split(section, "\n") {
		_, line, isHex := strings.Cut(line, ":  ")
		if !isHex {
			continue
		}
		digits, _, _ := strings.Cut(line, "   ")
		part, err := hex.DecodeString(strings.ReplaceAll(digits, " ", ""))
		check(t, err)
		got = append(got, part...)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("the example in SPEC.md should be\n%s", dump(t, want))
	}
	back, err := rawOf(format.NewReader(bytes.NewReader(got)), false)
	check(t, err)
	if !bytes.Equal(back, b) {
		t.Error("the example in SPEC.md is another image")
	}
}

// dump writes out a stream as SPEC.md shows it.
func dump(t *testing.T, stream []byte) string {
	fields := []struct {
		n    int
		name string
	}{
		{8, "magic"}, {4, "version, flags, codec, reserved"}, {4, "type, reserved"},
		{8, "identity"}, {8, "sequence"}, {8, "offset"}, {8, "length"},
		{4, "payload length"}, {4, "payload CRC"}, {4, "image CRC"}, {4, "header CRC"},
	}
	var out strings.Builder
	at := 0
	line := func(b []byte, name string) {
		fmt.Fprintf(&out, "%04x:  %-47s   %s\n", at, fmt.Sprintf("% x", b), name)
		at += len(b)
	}
	for _, f := range frames(t, stream) {
		fmt.Fprintf(&out, "\n%v frame\n", typeOf(f))
		for _, field := range fields {
			line(f[:field.n], field.name)
			f = f[field.n:]
		}
		for len(f) > 0 {
			n := min(16, len(f))
			line(f[:n], text(f[:n]))
			f = f[n:]
		}
	}
	return out.String()
}

func text(b []byte) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return '.'
		}
		return r
	}, string(latin1(b)))
}
