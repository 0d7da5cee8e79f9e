// Any bytes, given to what reads the first of a stream: facts, times, and what
// is no stream.

package format_test

import (
	"bytes"
	"errors"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"snappipe/format"
)

// FuzzFacts gives any bytes to the reader of facts: what it takes is what
// SPEC.md allows, and is written as it was read.
func FuzzFacts(f *testing.F) {
	whole := frames(f, streamOf(f, newMemory(nil)))
	f.Add(whole[0][format.HeaderSize:])
	for _, stream := range vectors(f) {
		if all := cut(stream); len(all) > 0 && len(all[0]) < 1<<16 {
			f.Add(all[0][format.HeaderSize:])
		}
	}
	f.Fuzz(func(t *testing.T, payload []byte) {
		if len(payload) > format.MaxPayload {
			return
		}
		first := append(bytes.Clone(whole[0][:format.HeaderSize]), payload...)
		le.PutUint32(first[48:], uint32(len(payload)))
		stream := repair(append(first, whole[1]...), repairCRCs)
		info, err := format.NewReader(bytes.NewReader(stream)).Info()
		if damage(t, err) != nil {
			return
		}
		checkFacts(t, info.Facts)
		var out bytes.Buffer
		_, err = format.NewWriter(&out, info)
		check(t, err)
		if !bytes.Equal(out.Bytes(), stream[:len(first)]) {
			t.Errorf("it is written otherwise than it was read: %q, %q", out.Bytes(), stream[:len(first)])
		}
	})
}

var (
	factName   = regexp.MustCompile(`^[a-z0-9-]{1,64}$`)
	wholeBytes = regexp.MustCompile(`^[1-9][0-9]*$`)
)

// checkFacts holds facts against section 3 of SPEC.md.
func checkFacts(t *testing.T, facts format.Facts) {
	t.Helper()
	if len(facts) > 1024 {
		t.Errorf("%d facts", len(facts))
	}
	for i, f := range facts {
		twice := slices.ContainsFunc(facts[:i], func(g format.Fact) bool { return g.Name == f.Name })
		if !factName.MatchString(f.Name) || !utf8.ValidString(f.Value) || twice {
			t.Errorf("fact %q: %q", f.Name, f.Value)
		}
	}
	for _, name := range []string{"kernel", "arch", "page-size", "host", "time"} {
		if facts.Get(name) == "" {
			t.Errorf("no %s", name)
		}
	}
	if _, err := strconv.ParseInt(facts.Get("page-size"), 10, 64); err != nil || !wholeBytes.MatchString(facts.Get("page-size")) {
		t.Errorf("page-size %q", facts.Get("page-size"))
	}
	if _, ok := timeOf(facts.Get("time")); !ok {
		t.Errorf("time %q", facts.Get("time"))
	}
}

// FuzzTime gives any text to the reader of times, which takes just those that
// are one.
func FuzzTime(f *testing.F) {
	for _, text := range []string{
		"2007-04-26T12:00:00Z", "2007-04-26T12:00:00.5Z", "2016-12-31T23:59:60Z", "2016-12-31T23:59:60.25Z",
		"2016-12-30T23:59:60Z", "2007-02-29T12:00:00Z", "2008-02-29T12:00:00Z", "2007-04-26T24:00:00Z",
		"2007-04-26T12:00:00,5Z", "2007-04-26T1:00:00Z", "2007-04-26T12:00:00+00:00", "2007-04-26t12:00:00z",
		"2007-04-26T12:00:00.Z", "0000-01-01T00:00:00Z", "9999-12-31T23:59:60Z", "2007-04-26T12:60:00Z",
		"2007-04-26T23:59:60T23:59:60Z", "2007-04-26T12:00:60Z", "",
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		info := testInfo(0)
		info.Facts.Set(format.FactTime, text)
		_, err := format.NewWriter(io.Discard, info)
		want, ok := timeOf(text)
		if ok != (err == nil) {
			t.Errorf("%q: %v; a time: %v", text, err, ok)
		}
		if ok && !info.Time().Equal(want) {
			t.Errorf("%q is %v, not %v", text, info.Time(), want)
		}
	})
}

var timeText = regexp.MustCompile(`^(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(?:\.(\d+))?Z$`)

// timeOf reads a time as section 3 of SPEC.md has it, field by field.
func timeOf(text string) (time.Time, bool) {
	m := timeText.FindStringSubmatch(text)
	if m == nil {
		return time.Time{}, false
	}
	var n [7]int
	for i, digits := range m[1:7] {
		n[i], _ = strconv.Atoi(digits) // they are digits
	}
	if m[7] != "" {
		n[6], _ = strconv.Atoi((m[7] + "00000000")[:9])
	}
	at := time.Date(n[0], time.Month(n[1]), n[2], n[3], n[4], n[5], n[6], time.UTC)
	if n[5] == 60 {
		return at, at.Day() == 1 && n[3] == 23 && n[4] == 59 && at.AddDate(0, 0, -1).Month() == time.Month(n[1])
	}
	same := at.Year() == n[0] && at.Month() == time.Month(n[1]) && at.Day() == n[2] && at.Hour() == n[3] && at.Minute() == n[4] && at.Second() == n[5]
	return at, same
}

// FuzzForeign gives any bytes to what tells one thing from another that is no
// stream: it says something that can be shown, of anything.
func FuzzForeign(f *testing.F) {
	for _, c := range foreigners(f) {
		f.Add([]byte(c.input))
	}
	f.Add([]byte("\xef\xbb\xbf\x89SNP\r\n"))
	f.Add([]byte("\x1b[2J\x1b]0;title\a"))
	f.Fuzz(func(t *testing.T, input []byte) {
		const magic = "\x89SNP\r\n\x1a\n"
		if strings.HasPrefix(string(input), magic) || strings.HasPrefix(magic, string(input)) {
			return
		}
		_, err := format.NewReader(bytes.NewReader(input)).Info()
		if !errors.Is(damage(t, err), format.ErrMagic) {
			t.Errorf("%q: %v", input, err)
		}
		if strings.ContainsFunc(err.Error(), func(r rune) bool { return !unicode.IsPrint(r) }) {
			t.Errorf("%q: %q", input, err)
		}
	})
}
