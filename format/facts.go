package format

import (
	"encoding/binary"
	"fmt"

	"snappipe/fact"
)

// Fact is a name and a value.
type Fact = fact.Fact

// appendFacts appends facts as they stand in a payload.
func appendFacts(b []byte, facts fact.List) []byte {
	for _, f := range facts {
		b = binary.LittleEndian.AppendUint16(b, uint16(len(f.Name)))
		b = binary.LittleEndian.AppendUint32(b, uint32(len(f.Value)))
		b = append(append(b, f.Name...), f.Value...)
	}
	return b
}

// parseFacts reads a payload of facts. It is for the caller to check them.
func parseFacts(b []byte) (fact.List, error) {
	var facts fact.List
	for len(b) > 0 {
		if len(facts) == fact.Max {
			return nil, fmt.Errorf("%w: more than %d facts", ErrField, fact.Max)
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
func cutFact(b []byte) (f fact.Fact, size int, ok bool) {
	const lengths = 2 + 4
	if len(b) < lengths {
		return f, 0, false
	}
	name := int64(binary.LittleEndian.Uint16(b))
	end := lengths + name + int64(binary.LittleEndian.Uint32(b[2:]))
	if end > int64(len(b)) {
		return f, 0, false
	}
	return fact.Fact{Name: string(b[lengths : lengths+name]), Value: string(b[lengths+name : end])}, int(end), true
}

// checkFacts returns an error unless facts may stand in a stream, and those
// called required are there.
func checkFacts(facts fact.List, required ...string) error {
	if err := facts.Check(); err != nil {
		return fmt.Errorf("%w: %w", ErrField, err)
	}
	for _, name := range required {
		if facts.Get(name) == "" {
			return fmt.Errorf("%w: fact %q is missing", ErrField, name)
		}
	}
	return nil
}
