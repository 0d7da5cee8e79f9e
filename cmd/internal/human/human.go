// Package human writes numbers and foreign strings for people.
package human

import (
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode"
)

// Bytes writes a number of bytes with three or four digits and a unit.
func Bytes(n int64) string {
	if n < 1024 {
		return Count(n, "byte")
	}
	v, unit := float64(n), 0
	for v >= 1023.95 {
		v /= 1024
		unit++
	}
	return fmt.Sprintf("%.1f %ciB", v, "KMGTPE"[unit-1])
}

// Exactly writes a number of bytes so that none is missing.
func Exactly(n int64) string {
	if n < 1024 {
		return Bytes(n)
	}
	return fmt.Sprintf("%s (%d bytes)", Bytes(n), n)
}

// Count writes a number of things of that name.
func Count(n int64, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return fmt.Sprintf("%d %ss", n, thing)
}

// Rate writes bytes per time.
func Rate(n int64, d time.Duration) string {
	if d <= 0 {
		return "-"
	}
	return Bytes(int64(float64(n)/d.Seconds())) + "/s"
}

// Ratio writes how many times as large as the stream the image is.
func Ratio(image, stream int64) string {
	if stream == 0 {
		return "-"
	}
	return fmt.Sprintf("%.2f", float64(image)/float64(stream))
}

// Duration writes a time to wait as minutes and seconds.
func Duration(d time.Duration) string {
	s := int64(d.Round(time.Second) / time.Second)
	if s < 3600 {
		return fmt.Sprintf("%d:%02d", s/60, s%60)
	}
	return fmt.Sprintf("%d:%02d:%02d", s/3600, s/60%60, s%60)
}

// Printable returns s with escapes for all that could do something to a
// terminal: names in an image are whatever its maker wanted them to be.
func Printable(s string) string {
	var b strings.Builder
	for _, r := range strings.ToValidUTF8(s, "\uFFFD") {
		if unicode.IsPrint(r) {
			b.WriteRune(r)
			continue
		}
		quoted := strconv.QuoteRuneToASCII(r)
		b.WriteString(quoted[1 : len(quoted)-1])
	}
	return b.String()
}
