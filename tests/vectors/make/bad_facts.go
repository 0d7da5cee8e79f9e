// First frames that say the wrong things.

package main

import (
	"bytes"
	"encoding/binary"
	"strings"
)

// badFacts is first frames that say something else than facts, or not enough.
func badFacts() []vector {
	var all []vector
	add := func(name, proves string, b []byte) {
		all = append(all, vector{"bad-facts-" + name, "field", proves, func(s *stream) { s.facts = b; s.usual() }})
	}
	le := binary.LittleEndian
	usual := facts(usualFacts...)

	add("none", "no facts at all", nil)
	for _, f := range usualFacts {
		add("no-"+f.name, "the fact "+f.name+" is missing", without(f.name))
		add("empty-"+f.name, "the fact "+f.name+" is empty", with(f.name, ""))
	}
	add("cut-lengths", "a fact is cut off in its lengths", append(bytes.Clone(usual), 1, 0, 1, 0, 0))
	add("cut-name", "a fact is cut off in its name", append(bytes.Clone(usual), 2, 0, 0, 0, 0, 0, 'a'))
	add("cut-value", "a fact is cut off in its value", more(fact{"a", "value"})[:len(usual)+6+1+4])
	add("value-4g", "a value of 4 GiB less a byte", append(le.AppendUint32(append(bytes.Clone(usual), 1, 0), 1<<32-1), 'a'))
	add("name-empty", "a name of no letters", more(fact{"", "value"}))
	add("name-long", "a name of 65 letters", more(fact{strings.Repeat("a", 65), "value"}))
	add("name-capital", "a capital letter in a name", more(fact{"Host", "value"}))
	add("name-underscore", "an underscore in a name", more(fact{"host_name", "value"}))
	add("name-utf-8", "a letter beyond ASCII in a name", more(fact{"schlüssel", "value"}))
	add("name-zero", "a zero byte in a name", more(fact{"host\x00", "value"}))
	add("twice", "a name that comes twice", more(fact{"a", "1"}, fact{"a", "1"}))
	add("twice-host", "a second host", more(fact{"host", "i"}))
	add("utf-8", "a value that is not UTF-8", more(fact{"a", "caf\xE9"}))
	add("utf-8-surrogate", "a value with half of a surrogate pair", more(fact{"a", "\xED\xA0\x80"}))
	add("utf-8-overlong", "a value with a zero in two bytes", more(fact{"a", "\xC0\x80"}))
	add("utf-8-cut", "a value that stops in a letter", more(fact{"a", "\xF0\x9F\x93"}))
	add("1025", "more facts than there may be", more(many(1025-len(usualFacts))...))
	for _, size := range []fact{
		{"0", "0"},
		{"negative", "-4096"},
		{"octal", "04096"},
		{"hex", "0x1000"},
		{"unit", "4k"},
		{"space", " 4096"},
		{"huge", "9223372036854775808"},
	} {
		add("page-size-"+size.name, "a page size of \""+size.value+"\"", with("page-size", size.value))
	}
	for _, at := range []fact{
		{"zone", "2007-04-26T12:00:00+02:00"},
		{"none", "2007-04-26T12:00:00"},
		{"lower", "2007-04-26t12:00:00z"},
		{"space", "2007-04-26 12:00:00Z"},
		{"date", "2007-02-29T12:00:00Z"},
		{"hour", "2007-04-26T24:00:00Z"},
		{"second-61", "2005-12-31T23:59:61Z"},
		{"leap-day", "2005-12-30T23:59:60Z"},
		{"leap-hour", "2005-12-31T22:59:60Z"},
		{"leap-minute", "2005-12-31T23:60:59Z"},
		{"leap-noon", "2005-12-31T12:00:60Z"},
		{"short", "2007-04-26T1:00:00Z"},
		{"comma", "2007-04-26T12:00:00,5Z"},
		{"seconds", "1177588800"},
	} {
		add("time-"+at.name, "a time of \""+at.value+"\"", with("time", at.value))
	}
	return all
}
