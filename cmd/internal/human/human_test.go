// Each way to put a number into words.

package human

import (
	"testing"
	"time"
)

func TestWords(t *testing.T) {
	for _, c := range []struct{ got, want string }{
		{Bytes(0), "0 bytes"},
		{Bytes(1), "1 byte"},
		{Exactly(513), "513 bytes"},
		{Exactly(2048), "2.0 KiB (2048 bytes)"},
		{Bytes(1023), "1023 bytes"},
		{Bytes(1024), "1.0 KiB"},
		{Bytes(1<<20 - 1), "1.0 MiB"},
		{Bytes(1536 << 20), "1.5 GiB"},
		{Bytes(1<<63 - 1), "8.0 EiB"},
		{Count(0, "frame"), "0 frames"},
		{Count(1, "frame"), "1 frame"},
		{Count(2, "frame"), "2 frames"},
		{Rate(1<<20, 500*time.Millisecond), "2.0 MiB/s"},
		{Rate(1, 0), "-"},
		{Ratio(300, 100), "3.00"},
		{Ratio(300, 0), "-"},
		{Duration(59600 * time.Millisecond), "1:00"},
		{Duration(3661 * time.Second), "1:01:01"},
		{Printable("a\x1b[2J\nb\u202eé \"q\"\xff"), `a\x1b[2J\nb\u202eé "q"` + "\ufffd"},
	} {
		if c.got != c.want {
			t.Errorf("%q, not %q", c.got, c.want)
		}
	}
}
