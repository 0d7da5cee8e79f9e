// Facts, good and bad.

package main

import "encoding/binary"

type fact struct{ name, value string }

var usualFacts = []fact{
	{"kernel", "file"},
	{"arch", "x86_64"},
	{"page-size", "4096"},
	{"host", "h"},
	{"time", "2007-04-26T12:00:00Z"},
}

func facts(all ...fact) []byte {
	var b []byte
	for _, f := range all {
		b = binary.LittleEndian.AppendUint16(b, uint16(len(f.name)))
		b = binary.LittleEndian.AppendUint32(b, uint32(len(f.value)))
		b = append(append(b, f.name...), f.value...)
	}
	return b
}

// more is the usual facts and some others.
func more(others ...fact) []byte {
	return append(facts(usualFacts...), facts(others...)...)
}

// with is the usual facts, one of which has another value.
func with(name, value string) []byte {
	var all []fact
	for _, f := range usualFacts {
		if f.name == name {
			f.value = value
		}
		all = append(all, f)
	}
	return facts(all...)
}

// without is the usual facts but one.
func without(name string) []byte {
	var all []fact
	for _, f := range usualFacts {
		if f.name != name {
			all = append(all, f)
		}
	}
	return facts(all...)
}
