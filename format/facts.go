// What an image says of itself.

package format

import (
	"encoding/binary"
	"fmt"
	"unicode/utf8"
)

// Fact is one thing that an image says of itself: a name, of lower-case
// letters, digits and hyphens, and a value.
//
// It is an alias, so that a kernel's facts are facts of a stream although
// neither package knows the other.
type Fact = struct{ Name, Value string }

// Facts are in the order in which they should be shown.
type Facts []Fact

const (
	// maxFactName is the length of the longest name.
	maxFactName = 64
	// maxFacts is how many facts an image may have. It bounds the memory that
	// many short ones take: each costs many times its length.
	maxFacts = 1024
)

// Get returns the value of the named fact, or "" if there is none.
func (facts Facts) Get(name string) string {
	for _, f := range facts {
		if f.Name == name {
			return f.Value
		}
	}
	return ""
}

// Set gives the named fact a value. It goes to the end of the list if it is
// not there yet.
func (facts *Facts) Set(name, value string) {
	for i := range *facts {
		if (*facts)[i].Name == name {
			(*facts)[i].Value = value
			return
		}
	}
	*facts = append(*facts, Fact{name, value})
}

// appendFacts appends facts as they stand in a payload.
func appendFacts(b []byte, facts Facts) []byte {
	for _, f := range facts {
		b = binary.LittleEndian.AppendUint16(b, uint16(len(f.Name)))
		b = binary.LittleEndian.AppendUint32(b, uint32(len(f.Value)))
		b = append(append(b, f.Name...), f.Value...)
	}
	return b
}

// parseFacts reads a payload of facts. It is for the caller to check them.
func parseFacts(b []byte) (Facts, error) {
	var facts Facts
	for len(b) > 0 {
		if len(facts) == maxFacts {
			return nil, fmt.Errorf("%w: more than %d facts", ErrField, maxFacts)
		}
		f, n, ok := cutFact(b)
		if !ok {
			return nil, fmt.Errorf("%w: a fact is cut off", ErrField)
		}
		facts, b = append(facts, f), b[n:]
	}
	return facts, nil
}

// cutFact returns the fact that b begins with, and its length in b.
func cutFact(b []byte) (f Fact, size int, ok bool) {
	const lengths = 2 + 4
	if len(b) < lengths {
		return f, 0, false
	}
	name := int64(binary.LittleEndian.Uint16(b))
	end := lengths + name + int64(binary.LittleEndian.Uint32(b[2:]))
	if end > int64(len(b)) {
		return f, 0, false
	}
	return Fact{Name: string(b[lengths : lengths+name]), Value: string(b[lengths+name : end])}, int(end), true
}

// check returns an error unless facts may stand in a stream, and those called
// required are there.
func (facts Facts) check(required ...string) error {
	if len(facts) > maxFacts {
		return fmt.Errorf("%w: more than %d facts", ErrField, maxFacts)
	}
	seen := map[string]bool{}
	for _, f := range facts {
		if err := checkFact(f); err != nil {
			return fmt.Errorf("%w: %w", ErrField, err)
		}
		if seen[f.Name] {
			return fmt.Errorf("%w: fact %q comes twice", ErrField, f.Name)
		}
		seen[f.Name] = true
	}
	for _, name := range required {
		if facts.Get(name) == "" {
			return fmt.Errorf("%w: fact %q is missing", ErrField, name)
		}
	}
	return nil
}

func checkFact(f Fact) error {
	if len(f.Name) == 0 || len(f.Name) > maxFactName {
		return fmt.Errorf("the name of a fact has %d bytes", len(f.Name))
	}
	for _, c := range []byte(f.Name) {
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' {
			return fmt.Errorf("fact %q has another name than a-z, 0-9 and hyphens make", f.Name)
		}
	}
	if !utf8.ValidString(f.Value) {
		return fmt.Errorf("fact %q is not UTF-8", f.Name)
	}
	return nil
}
